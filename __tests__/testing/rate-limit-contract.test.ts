import { BindingRateLimitStore } from '../../src/clients/rate-limit/binding-rate-limit-store.js';
import { KVRateLimitStore } from '../../src/clients/rate-limit/kv-rate-limit-store.js';
import { LayeredRateLimitStore } from '../../src/clients/rate-limit/layered-rate-limit-store.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { ObjectRateLimitStore } from '../../src/clients/rate-limit/object-rate-limit-store.js';
import type { RateLimitStore } from '../../src/clients/rate-limit/rate-limit-store.js';
import type { RateLimitContractSubject, RateLimitFeature } from '../../src/testing.js';
import { ManualClock, MemoryKVNamespace, rateLimitStoreContract } from '../../src/testing.js';
import { FakeRateLimitBinding, limiterObjects } from '../support/rate-limits.js';

const EVERYTHING: readonly RateLimitFeature[] = [
  'sliding-window',
  'sliding-log',
  'fixed-window',
  'gcra',
  'peek',
  'refund',
  'block',
  'reset',
  'cost',
  'several-rules',
  'request-id',
  'count-rejected',
  'remaining',
];

const clock = new ManualClock();
const { now } = clock;
const advance = (ms: number) => clock.advance(ms);
const subject = (
  makeStore: () => RateLimitStore,
  supports = EVERYTHING,
  more: Partial<RateLimitContractSubject> = {},
): RateLimitContractSubject => ({ makeStore, supports, advance, ...more });

const objects = limiterObjects({ now });
const flood = () => new FakeRateLimitBinding({ limit: 1_000, period: 10 }, now);
const exact = () => new ObjectRateLimitStore(objects, { now });
const kv = () => new MemoryKVNamespace({ now });
const kvOptions = { now, timeoutMs: 100, delay: clock.delay };

const subjects: Record<string, RateLimitContractSubject> = {
  MemoryRateLimitStore: subject(() => new MemoryRateLimitStore({ now })),
  'ObjectRateLimitStore over objects in memory': subject(exact),
  'ObjectRateLimitStore without a block cache': subject(
    () => new ObjectRateLimitStore(objects, { now, blockCache: false }),
  ),
  'LayeredRateLimitStore over objects in memory': subject(
    () => new LayeredRateLimitStore(flood(), exact(), { period: 10, now }),
    EVERYTHING.filter((feature) => feature !== 'count-rejected'),
  ),
  KVRateLimitStore: subject(
    () => new KVRateLimitStore(kv(), kvOptions),
    ['fixed-window', 'peek', 'refund', 'block', 'reset', 'cost', 'remaining'],
  ),
  BindingRateLimitStore: subject(
    () => new BindingRateLimitStore(new FakeRateLimitBinding({ limit: 5, period: 10 }, now), { now }),
    [],
    { rule: { limit: 5, windowMs: 10_000 } },
  ),
};

describe.each(Object.entries(subjects))('%s', (_, examined) => {
  test.each(rateLimitStoreContract(examined))('$name', ({ run }) => run());
});

describe('rateLimitStoreContract', () => {
  test('has cases for every feature, and leaves out those that need what is not there', () => {
    const names = (supports: readonly RateLimitFeature[]) =>
      rateLimitStoreContract({ makeStore: exact, supports }).map(({ name }) => name);
    expect(names([])).toHaveLength(3);
    expect(rateLimitStoreContract(subject(exact))).toHaveLength(20);
    expect(new Set(names(EVERYTHING)).size).toBe(names(EVERYTHING).length);
  });

  test('fails on a store that counts nothing', async () => {
    const open: RateLimitStore = {
      consume: ({ rules }) => ({
        allowed: true,
        reason: 'allowed',
        rules: rules.map(() => ({ remaining: 1, resetAt: 0, retryAfterMs: 0 })),
        retryAfterMs: 0,
        approximate: false,
        decidedBy: 'custom',
      }),
      reset: async () => undefined,
    };
    const cases = rateLimitStoreContract({ makeStore: () => open, supports: [] });
    const outcomes = await Promise.allSettled(cases.map(({ run }) => run()));
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });
});
