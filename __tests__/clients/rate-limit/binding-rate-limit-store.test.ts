import { BindingRateLimitStore } from '../../../src/clients/rate-limit/binding-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import { ManualClock, RecordingSink } from '../../../src/testing.js';
import { codeOf, errorOf } from '../../support/kv.js';
import { FakeRateLimitBinding } from '../../support/rate-limits.js';

const API = { limit: 100, window: 60, keyPrefix: 'rl:api:' };

function setup() {
  const clock = new ManualClock();
  const binding = new FakeRateLimitBinding({ limit: 100, period: 60 }, clock.now);
  const bindingRule = { limit: 100, period: 60 } as const;
  const sink = new RecordingSink();
  const limiter = new RateLimiterClient(binding, { now: clock.now, bindingRule, events: sink });
  return { clock, binding, sink, limiter };
}

describe('RateLimiterClient over a rate-limit binding', () => {
  test('asks it, and answers with bounds where it does not say', async () => {
    const { clock, limiter } = setup();
    const bounds = { limit: 100, window: 60, approximate: true, decidedBy: 'binding', resetAt: clock.now() + 60_000 };
    expect(await limiter.checkLimit('a', API)).toMatchObject({
      ...bounds,
      allowed: true,
      remaining: 99,
      retryAfterMs: 0,
    });
    await Promise.all(Array.from({ length: 99 }, () => limiter.checkLimit('a', API)));
    expect(await limiter.checkLimit('a', API)).toMatchObject({
      ...bounds,
      allowed: false,
      reason: 'limit-exceeded',
      remaining: 0,
      retryAfterMs: 60_000,
    });
  });

  test.each([
    ['limit 5', { ...API, limit: 5 }, "the binding's is 100"],
    ['window 10', { ...API, window: 10 }, "the binding's period is 60"],
    ['cost 2', { ...API, cost: 2 }, 'counts by one'],
    ['algorithm', { ...API, algorithm: 'fixed-window' }, 'an algorithm of its own'],
    ['countRejected', { ...API, countRejected: true }, 'RATE_LIMITER objects can'],
    ['requestId', { ...API, requestId: 'a' }, 'RATE_LIMITER objects can'],
  ] as const)('refuses %s, and says why, before the binding counts', async (name, config, why) => {
    const { binding, limiter } = setup();
    const error = await errorOf(() => limiter.checkLimit('a', config));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain(`Option ${name}`);
    expect(error.message).toContain(why);
    expect(binding.calls).toBe(0);
  });

  test('decides by one rule, and cannot peek, refund, block or reset', async () => {
    const { limiter } = setup();
    const rules = [API, { limit: 1, window: 10 }];
    expect(await codeOf(() => limiter.checkLimits('a', { keyPrefix: 'rl:', rules }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.peek('a', API))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.refund('a', API))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.block('a', 'rl:', 10))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.reset('a', 'rl:'))).toBe('INVALID_OPTION');
  });

  test('believes the first rule when it is not told, and refuses others, in every client of the isolate', async () => {
    const { clock, binding } = setup();
    const first = new RateLimiterClient(binding, { now: clock.now });
    const later = new RateLimiterClient(binding, { now: clock.now });
    expect((await first.checkLimit('a', API)).allowed).toBe(true);
    expect((await later.checkLimit('b', { ...API, keyPrefix: 'rl:other:' })).allowed).toBe(true);
    for (const other of [
      { ...API, limit: 5 },
      { ...API, window: 10 },
    ]) {
      const error = await errorOf(() => later.checkLimit('a', other));
      expect(error).toMatchObject({ code: 'INVALID_OPTION' });
      expect(error.message).toContain('was asked about 100 per 60 s before');
    }
    expect(binding.calls).toBe(2);
  });

  test('takes no period but those of the platform when it is not told', async () => {
    const { clock, binding } = setup();
    const limiter = new RateLimiterClient(binding, { now: clock.now });
    expect((await limiter.checkLimit('a', { ...API, limit: 7 })).allowed).toBe(true);
    const error = await errorOf(() => limiter.checkLimit('a', { ...API, window: 30 }));
    expect(error.message).toBe("Option window 30 is refused: a binding's period is 10 or 60.");
  });

  test('the isolate counts by itself when the binding fails or hangs', async () => {
    const { binding, sink, limiter } = setup();
    binding.fail();
    expect(await limiter.checkLimit('a', API)).toMatchObject({ allowed: true, decidedBy: 'memory', remaining: 99 });
    expect(sink.ofType('client.error')).toMatchObject([{ operation: 'call', code: 'OBJECT_FAILED' }]);
    jest.useFakeTimers();
    binding.hang();
    const result = limiter.checkLimit('a', API);
    await jest.advanceTimersByTimeAsync(2_000);
    jest.useRealTimers();
    expect(await result).toMatchObject({ decidedBy: 'memory', remaining: 98 });
  });

  test('refuses what is no binding, and a period that there is not', async () => {
    expect(await codeOf(() => new BindingRateLimitStore({} as never))).toBe('INVALID_BINDING');
    const { binding } = setup();
    expect(await codeOf(() => new BindingRateLimitStore(binding, { period: 30 as never }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => new BindingRateLimitStore(binding, { limit: 0 }))).toBe('INVALID_OPTION');
  });
});
