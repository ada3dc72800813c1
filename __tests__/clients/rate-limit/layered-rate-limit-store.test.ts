import { LayeredRateLimitStore } from '../../../src/clients/rate-limit/layered-rate-limit-store.js';
import { ObjectRateLimitStore } from '../../../src/clients/rate-limit/object-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import { ManualClock, RecordingSink } from '../../../src/testing.js';
import { codeOf } from '../../support/kv.js';
import { FakeRateLimitBinding, limiterObjects } from '../../support/rate-limits.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };

function setup(floodLimit = 20) {
  const clock = new ManualClock();
  const { now } = clock;
  const objects = limiterObjects({ now });
  const binding = new FakeRateLimitBinding({ limit: floodLimit, period: 10 }, now);
  const sink = new RecordingSink();
  const exact = new ObjectRateLimitStore(objects, { now, delay: () => Promise.resolve() });
  const store = new LayeredRateLimitStore(binding, exact, { period: 10, now, events: sink });
  return { clock, objects, binding, sink, exact, store, limiter: new RateLimiterClient(store, { now, events: sink }) };
}

describe('LayeredRateLimitStore', () => {
  test('lets the exact store decide what comes through the filter', async () => {
    const { limiter } = setup();
    const results = await Promise.all(Array.from({ length: 10 }, () => limiter.checkLimit('a', LOGIN)));
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(results.every(({ decidedBy, approximate }) => decidedBy === 'object' && !approximate)).toBe(true);
  });

  test('refuses a flood by the binding, without a call of the object, for the binding’s period', async () => {
    const { objects, limiter } = setup(3);
    const results = await Promise.all(Array.from({ length: 50 }, () => limiter.checkLimit('a', LOGIN)));
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(3);
    expect(objects.calls).toBe(3);
    expect(results[49]).toMatchObject({
      reason: 'limit-exceeded',
      decidedBy: 'binding',
      approximate: true,
      retryAfterMs: 10_000,
    });
  });

  test('refuses from memory who the exact store refused, without either', async () => {
    const { objects, binding, limiter } = setup();
    for (let attempt = 0; attempt < 6; attempt += 1) await limiter.checkLimit('a', LOGIN);
    const before = [objects.calls, binding.calls];
    expect((await limiter.checkLimit('a', LOGIN)).decidedBy).toBe('isolate');
    expect([objects.calls, binding.calls]).toEqual(before);
  });

  test('passes a failing binding by, and reports it', async () => {
    const { binding, sink, limiter } = setup();
    binding.fail();
    expect(await limiter.checkLimit('a', LOGIN)).toMatchObject({ allowed: true, decidedBy: 'object' });
    expect(sink.ofType('client.error')).toMatchObject([{ code: 'OBJECT_FAILED', keyPrefix: 'rl:login:' }]);
  });

  test('leaves peek, refund, block and reset to the exact store', async () => {
    const { binding, limiter } = setup();
    await limiter.checkLimit('a', { ...LOGIN, cost: 5 });
    expect(await limiter.refund('a', { ...LOGIN, cost: 2 })).toBe(2);
    expect((await limiter.peek('a', LOGIN)).remaining).toBe(2);
    await limiter.block('a', LOGIN.keyPrefix, 60);
    expect((await limiter.checkLimit('a', LOGIN)).reason).toBe('blocked');
    await limiter.reset('a', LOGIN.keyPrefix);
    expect((await limiter.peek('a', LOGIN)).remaining).toBe(5);
    expect(binding.calls).toBe(1);
  });

  test('refuses countRejected, and what the exact store has no method for', async () => {
    const { binding, limiter } = setup();
    expect(await codeOf(() => limiter.checkLimit('a', { ...LOGIN, countRejected: true }))).toBe('INVALID_OPTION');
    const bare = { consume: () => Promise.reject(new Error('not asked')), reset: () => Promise.resolve() };
    const small = new RateLimiterClient(new LayeredRateLimitStore(binding, bare));
    expect(await codeOf(() => small.peek('a', LOGIN))).toBe('INVALID_OPTION');
    expect(await codeOf(() => small.refund('a', LOGIN))).toBe('INVALID_OPTION');
    expect(await codeOf(() => small.block('a', 'rl:', 1))).toBe('INVALID_OPTION');
  });

  test('keeps the memory that steps in for failing objects by their binding, not by the store of a request', async () => {
    const { clock, objects, binding } = setup();
    objects.failNext('failed', 10);
    const attempt = () => {
      const { now } = clock;
      const store = new LayeredRateLimitStore(binding, new ObjectRateLimitStore(objects, { now }), { now });
      return new RateLimiterClient(store, { now }).checkLimit('a', LOGIN);
    };
    const allowed = [];
    for (let index = 0; index < 7; index += 1) allowed.push((await attempt()).allowed);
    expect(allowed).toEqual([true, true, true, true, true, false, false]);
  });
});
