import { enforceLimit, RateLimitExceeded } from '../../../src/clients/rate-limit/enforce-limit.js';
import type { Limiter } from '../../../src/clients/rate-limit/enforce-limit.js';
import { MemoryRateLimitStore } from '../../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import type { RateLimitResult } from '../../../src/clients/rate-limit/rate-limit-result.js';
import { tooManyRequests } from '../../../src/clients/rate-limit/too-many-requests.js';
import { isCloudflareClientError } from '../../../src/errors.js';
import { ManualClock } from '../../../src/testing/manual-clock.js';

const RULE = { limit: 5, window: 900, keyPrefix: 'rl:login:' };

function setup() {
  const clock = new ManualClock();
  const limiter = new RateLimiterClient(new MemoryRateLimitStore({ now: clock.now }), { now: clock.now });
  return { clock, limiter };
}

async function refusalOf(limiter: Limiter): Promise<RateLimitExceeded> {
  const error: unknown = await enforceLimit(limiter, '203.0.113.7', RULE).catch((refused: unknown) => refused);
  expect(error).toBeInstanceOf(RateLimitExceeded);
  return error as RateLimitExceeded;
}

describe('enforceLimit', () => {
  it('gives what was decided, and lets 5 of 50 at once through a limit of 5', async () => {
    const { limiter } = setup();
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => enforceLimit(limiter, 'a', RULE)));
    const passed = calls.filter(({ status }) => status === 'fulfilled');
    expect(passed).toHaveLength(5);
    expect(passed[0]).toMatchObject({ value: { allowed: true, remaining: 4, limit: 5 } });
  });

  it('throws an error of the package that holds the refusal, from which a response can be made', async () => {
    const { limiter, clock } = setup();
    for (let attempt = 0; attempt < 5; attempt += 1) await enforceLimit(limiter, '203.0.113.7', RULE);
    const error = await refusalOf(limiter);
    expect(isCloudflareClientError(error, 'RATE_LIMITED')).toBe(true);
    expect(error.message).not.toContain('203.0.113.7');
    expect(tooManyRequests(error.result, { now: clock.now }).status).toBe(429);
    clock.advance(error.result.retryAfterMs);
    await expect(enforceLimit(limiter, '203.0.113.7', RULE)).resolves.toMatchObject({ allowed: true });
  });

  it('asks for all rules at once', async () => {
    const { limiter } = setup();
    const rules = [
      { limit: 2, window: 1, name: 'burst' },
      { limit: 3, window: 60, name: 'minute' },
    ];
    const config = { rules, keyPrefix: 'rl:api:' };
    await enforceLimit(limiter, 'a', config);
    const result = await enforceLimit(limiter, 'a', config);
    expect('rules' in result ? result.rules.map(({ name }) => name) : []).toEqual(['burst', 'minute']);
    await expect(enforceLimit(limiter, 'a', config)).rejects.toMatchObject({ result: { name: 'burst', limit: 2 } });
  });

  it.each<[Partial<RateLimitResult>, RegExp]>([
    [{ reason: 'limit-exceeded' }, /^The limit of 5 per 900 s under "rl:login:" is used up\. Try again in 2 s\.$/],
    [{ reason: 'blocked' }, /^The caller is blocked under "rl:login:"\. Try again in 2 s\.$/],
    [
      { reason: 'store-error' },
      /^The limit of 5 per 900 s under "rl:login:" could not be checked, and calls are refused/,
    ],
  ])('says why: %p', async (change, sentence) => {
    const { limiter } = setup();
    const allowed = await limiter.checkLimit('b', RULE);
    const refused = { ...allowed, allowed: false, retryAfterMs: 1_200, ...change };
    const double: Limiter = {
      checkLimit: async () => refused,
      checkLimits: async () => ({ ...refused, rules: [refused] }),
    };
    expect((await refusalOf(double)).message).toMatch(sentence);
  });

  it('throws nothing in shadow mode', async () => {
    const store = new MemoryRateLimitStore();
    const limiter = new RateLimiterClient(store, { shadow: true });
    for (let attempt = 0; attempt < 9; attempt += 1) await enforceLimit(limiter, 'a', RULE);
    await expect(enforceLimit(limiter, 'a', RULE)).resolves.toMatchObject({ reason: 'shadow', allowed: true });
  });
});
