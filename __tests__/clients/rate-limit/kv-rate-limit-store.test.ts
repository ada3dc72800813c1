import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import { ManualClock, MemoryKVNamespace } from '../../../src/testing.js';
import { codeOf, errorOf } from '../../support/kv.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };

function setup() {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
  const bound = (name: 'get' | 'getWithMetadata' | 'put' | 'delete' | 'list') => (kv[name] as () => unknown).bind(kv);
  // The same namespace as another isolate sees it: another object.
  const binding = {
    get: bound('get'),
    getWithMetadata: bound('getWithMetadata'),
    put: bound('put'),
    delete: bound('delete'),
    list: bound('list'),
  } as unknown as MemoryKVNamespace;
  const options = { now: clock.now };
  return {
    clock,
    kv,
    limiter: new RateLimiterClient(kv, options),
    elsewhere: new RateLimiterClient(binding, options),
  };
}

describe('KVRateLimitStore', () => {
  test('takes costs, and refuses what would exceed the limit', async () => {
    const { limiter } = setup();
    const admitted = [];
    for (const cost of [3, 3, 2, 1]) admitted.push((await limiter.checkLimit('a', { ...LOGIN, cost })).allowed);
    expect(admitted).toEqual([true, false, true, false]);
  });

  test('tells what is left to an attempt that is refused as it takes more', async () => {
    const { limiter } = setup();
    await limiter.checkLimit('a', { ...LOGIN, cost: 3 });
    expect(await limiter.checkLimit('a', { ...LOGIN, cost: 3 })).toMatchObject({ allowed: false, remaining: 2 });
  });

  test('peeks at what others wrote', async () => {
    const { limiter, elsewhere } = setup();
    await elsewhere.checkLimit('a', { ...LOGIN, cost: 4 });
    expect(await limiter.peek('a', LOGIN)).toMatchObject({ allowed: true, remaining: 1 });
    expect(await limiter.peek('a', { ...LOGIN, cost: 2 })).toMatchObject({ allowed: false, remaining: 1 });
  });

  test('gives units back, and does not take them again from what was written before', async () => {
    const { clock, limiter } = setup();
    await limiter.checkLimit('a', { ...LOGIN, cost: 5 });
    clock.advance(100);
    expect(await limiter.refund('a', { ...LOGIN, cost: 2 })).toBe(2);
    expect((await limiter.peek('a', LOGIN)).remaining).toBe(2);
    clock.advance(1_000);
    expect((await limiter.checkLimit('a', LOGIN)).allowed).toBe(true);
    expect((await limiter.peek('a', LOGIN)).remaining).toBe(1);
    expect(await limiter.refund('b', LOGIN)).toBe(0);
  });

  test('blocks here at once and elsewhere as KV tells, in place of no count', async () => {
    const { clock, kv, limiter, elsewhere } = setup();
    const until = await limiter.block('a', LOGIN.keyPrefix, 120);
    expect(until).toBe(clock.now() + 120_000);
    for (const client of [limiter, elsewhere]) {
      expect(await client.checkLimit('a', LOGIN)).toMatchObject({
        allowed: false,
        reason: 'blocked',
        remaining: 0,
        retryAfterMs: 120_000,
        resetAt: until,
      });
    }
    const { operations } = kv;
    await limiter.checkLimit('a', LOGIN);
    expect(kv.operations).toBe(operations);
    clock.advance(120_000);
    expect((await elsewhere.checkLimit('a', LOGIN)).allowed).toBe(true);
    expect((await limiter.checkLimit('a', LOGIN)).allowed).toBe(true);
  });

  test('keeps a block through what is counted, and ends it by reset', async () => {
    const { clock, limiter } = setup();
    await limiter.checkLimit('a', LOGIN);
    clock.advance(1_000);
    await limiter.block('a', LOGIN.keyPrefix, 60);
    clock.advance(1_000);
    expect((await limiter.checkLimit('a', LOGIN)).reason).toBe('blocked');
    await limiter.reset('a', LOGIN.keyPrefix);
    expect(await limiter.checkLimit('a', LOGIN)).toMatchObject({ allowed: true, remaining: 4 });
  });

  test('tells that a block could not be written, and refuses here all the same', async () => {
    const { kv, limiter } = setup();
    kv.failNext('put');
    expect(await codeOf(() => limiter.block('a', LOGIN.keyPrefix, 60))).toBe('KV_WRITE_FAILED');
    expect((await limiter.checkLimit('a', LOGIN)).reason).toBe('blocked');
  });

  test.each([
    ['algorithm', { algorithm: 'sliding-window' }],
    ['countRejected', { countRejected: true }],
    ['requestId', { requestId: 'a' }],
  ] as const)('refuses %s and says which store can', async (name, changes) => {
    const { kv, limiter } = setup();
    const error = await errorOf(() => limiter.checkLimit('a', { ...LOGIN, ...changes }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toMatch(new RegExp(`^Option ${name} .*; a store over RATE_LIMITER objects can\\.$`));
    expect(kv.operations).toBe(0);
  });

  test('counts under one rule', async () => {
    const { limiter } = setup();
    const rules = [LOGIN, { limit: 9, window: 9 }];
    expect(await codeOf(() => limiter.checkLimits('a', { keyPrefix: 'rl:', rules }))).toBe('INVALID_OPTION');
    expect((await limiter.checkLimit('a', { ...LOGIN, algorithm: 'fixed-window' })).allowed).toBe(true);
  });
});
