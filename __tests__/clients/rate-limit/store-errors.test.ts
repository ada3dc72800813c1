import { MemoryRateLimitStore } from '../../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import type { RateLimiterClientOptions } from '../../../src/clients/rate-limit/rate-limiter-options.js';
import type { ObjectFault } from '../../../src/durable-objects/memory-object-namespace.js';
import { memoryCounters, memoryLocks, memorySessions } from '../../../src/index.js';
import { ManualClock, RecordingSink } from '../../../src/testing.js';
import { codeOf } from '../../support/kv.js';
import { anotherIsolate, countedIds, limiterObjects } from '../../support/rate-limits.js';
import { seededRandom } from '../../support/seeded.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
const IP = '192.168.1.1';

function setup(options: RateLimiterClientOptions = {}, faults?: () => ObjectFault | undefined) {
  const clock = new ManualClock();
  const objects = limiterObjects({ now: clock.now, faults });
  const sink = new RecordingSink();
  const delay = () => Promise.resolve();
  const limiter = new RateLimiterClient(objects, { now: clock.now, events: sink, delay, timeoutMs: 500, ...options });
  return { clock, objects, sink, limiter };
}

describe('when an object fails', () => {
  test.each(['lost-reply', 'reset-after'] as const)(
    'an attempt is counted once whose answer is lost: %s',
    async (fault) => {
      const { objects, limiter } = setup();
      objects.failNext(fault, 2);
      expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4, decidedBy: 'object' });
      expect(objects.calls).toBe(3);
      expect((await limiter.peek(IP, LOGIN)).remaining).toBe(4);
    },
  );

  test.each(['unavailable', 'reset'] as const)('it is tried again: %s', async (fault) => {
    const { objects, sink, limiter } = setup();
    objects.failNext(fault, 2);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4, decidedBy: 'object' });
    expect(sink.ofType('client.error')).toEqual([]);
  });

  test.each([
    ['unavailable', 'OBJECT_FAILED'],
    ['overloaded', 'OBJECT_OVERLOADED'],
    ['failed', 'OBJECT_FAILED'],
  ] as const)('the isolate counts by itself, says so, and reports it: %s', async (fault, code) => {
    const { sink, limiter } = setup({}, () => fault);
    const results = [];
    for (let attempt = 0; attempt < 7; attempt += 1) results.push(await limiter.checkLimit(IP, LOGIN));
    expect(results.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(results[0]).toMatchObject({ reason: 'allowed', approximate: true, decidedBy: 'memory', remaining: 4 });
    expect(results[6]).toMatchObject({ reason: 'limit-exceeded', approximate: true, decidedBy: 'memory' });
    expect(sink.ofType('client.error')).toHaveLength(7);
    expect(sink.ofType('client.error')[0]).toMatchObject({
      source: 'rate-limit',
      operation: 'call',
      code,
      keyPrefix: 'rl:login:',
    });
  });

  test('the count of the isolate is shared by the clients of all requests, and forgotten by reset', async () => {
    const { clock, objects } = setup({}, () => 'failed');
    const attempt = () => new RateLimiterClient(objects, { now: clock.now }).checkLimit(IP, LOGIN);
    const results = await Promise.all(Array.from({ length: 50 }, attempt));
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(await codeOf(() => new RateLimiterClient(objects).reset(IP, LOGIN.keyPrefix))).toBe('OBJECT_FAILED');
    expect((await attempt()).allowed).toBe(true);
  });

  test("onStoreError 'open' lets calls through, but not past an object that is overloaded", async () => {
    const { clock, objects, sink, limiter } = setup({ onStoreError: 'open' });
    objects.failNext('failed');
    expect(await limiter.checkLimit(IP, { ...LOGIN, cost: 2 })).toEqual({
      allowed: true,
      remaining: 3,
      resetAt: clock.now() + 900_000,
      limit: 5,
      window: 900,
      name: 'default',
      retryAfterMs: 0,
      approximate: true,
      reason: 'store-error',
      decidedBy: 'isolate',
    });
    expect(sink.ofType('rate-limit.allowed')).toMatchObject([{ reason: 'store-error', decidedBy: 'isolate' }]);
    objects.failNext('overloaded');
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({
      allowed: false,
      reason: 'store-error',
      retryAfterMs: 1_000,
      resetAt: clock.now() + 1_000,
    });
  });

  test("onStoreError 'closed' refuses", async () => {
    const { objects, sink, limiter } = setup({ onStoreError: 'closed' });
    objects.failNext('failed');
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: false, reason: 'store-error', remaining: 0 });
    expect(sink.ofType('rate-limit.denied')).toMatchObject([{ reason: 'store-error' }]);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });

  test('a store given as onStoreError decides, and one that fails as well refuses', async () => {
    const clock = new ManualClock();
    const backup = new MemoryRateLimitStore({ now: clock.now });
    const { limiter } = setup({ onStoreError: backup }, () => 'failed');
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, decidedBy: 'memory', remaining: 4 });
    expect(backup.size).toBe(1);
    const broken = { consume: () => Promise.reject(new Error('down')), reset: () => Promise.resolve() };
    const { limiter: doomed, sink } = setup({ onStoreError: broken }, () => 'failed');
    expect(await doomed.checkLimit(IP, LOGIN)).toMatchObject({ allowed: false, reason: 'store-error' });
    expect(sink.ofType('client.error')).toHaveLength(2);
  });

  test('peek is decided in the same way', async () => {
    const { objects, limiter } = setup();
    objects.failNext('failed');
    expect(await limiter.peek(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 5, decidedBy: 'memory' });
  });

  test('refund, block and reset tell that they failed', async () => {
    const { limiter } = setup({}, () => 'failed');
    expect(await codeOf(() => limiter.refund(IP, LOGIN))).toBe('OBJECT_FAILED');
    expect(await codeOf(() => limiter.block(IP, LOGIN.keyPrefix, 60))).toBe('OBJECT_FAILED');
    expect(await codeOf(() => limiter.reset(IP, LOGIN.keyPrefix))).toBe('OBJECT_FAILED');
  });

  test('a call that hangs is given up in time, and the policy decides', async () => {
    jest.useFakeTimers();
    const { objects, sink, limiter } = setup({ onStoreError: 'closed' });
    objects.failNext('hang', 50);
    const results = Promise.all(Array.from({ length: 50 }, () => limiter.checkLimit(IP, LOGIN)));
    await jest.advanceTimersByTimeAsync(500);
    jest.useRealTimers();
    expect((await results).every(({ reason }) => reason === 'store-error')).toBe(true);
    expect(sink.ofType('client.error')[0]).toMatchObject({ code: 'OBJECT_TIMEOUT' });
  });

  test('a wrong binding is no outage: it is thrown', async () => {
    const wrong = { idFromName: () => ({}), get: () => ({ check: () => Promise.reject(noMethod()) }) };
    const limiter = new RateLimiterClient(wrong, { onStoreError: 'open' });
    expect(await codeOf(() => limiter.checkLimit(IP, LOGIN))).toBe('INVALID_BINDING');
  });

  test.each([
    ['locks', memoryLocks],
    ['sessions', memorySessions],
    ['counters', memoryCounters],
  ] as const)('a namespace of another class is no outage, also where it answers: %s', async (_name, memoryOf) => {
    const limiter = new RateLimiterClient(memoryOf(), { onStoreError: 'open' });
    expect(await codeOf(() => limiter.checkLimit(IP, LOGIN))).toBe('INVALID_BINDING');
    await expect(limiter.checkLimit(IP, LOGIN)).rejects.toThrow(/RateLimiterObject/);
  });

  test('an option that is none of them is refused', async () => {
    expect(await codeOf(() => setup({ onStoreError: 'ajar' as never }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => setup({ onStoreError: {} as never }))).toBe('INVALID_OPTION');
  });
});

describe('when calls go wrong at random', () => {
  const FAULTS: readonly (ObjectFault | undefined)[] = ['lost-reply', 'reset-after', 'unavailable', 'reset', undefined];

  function faultyObjects(seed: number, share: number) {
    const random = seededRandom(seed);
    return setup({ onStoreError: 'closed', operationId: countedIds() }, () => {
      return random() < share ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
    });
  }

  test.each(Array.from({ length: 20 }, (_, seed) => seed + 1))(
    'of 200 attempts at once never more than the limit is allowed, and none counted twice, with seed %i',
    async (seed) => {
      const limit = 40;
      const { objects, limiter, clock } = faultyObjects(seed, 0.5);
      const elsewhere = new RateLimiterClient(anotherIsolate(objects), {
        now: clock.now,
        onStoreError: 'closed',
        delay: () => Promise.resolve(),
      });
      const attempt = (index: number) => (index % 2 === 0 ? limiter : elsewhere).checkLimit(IP, { ...LOGIN, limit });
      const results = await Promise.all(Array.from({ length: 200 }, (_, index) => attempt(index)));
      const allowed = results.filter((result) => result.allowed).length;
      const unknown = results.filter(({ reason }) => reason === 'store-error').length;
      expect(allowed).toBeLessThanOrEqual(limit);
      // What was counted and not allowed are attempts whose answer never came.
      expect(allowed + unknown).toBeGreaterThanOrEqual(limit);
    },
  );

  test('what was allowed is what was counted: 200 attempts at once whose answers get lost, with a limit above them', async () => {
    for (const seed of [1, 2, 3]) {
      const { limiter } = faultyObjects(seed, 0.3);
      const config = { ...LOGIN, limit: 1_000 };
      const results = await Promise.all(Array.from({ length: 200 }, () => limiter.checkLimit(IP, config)));
      const known = results.filter(({ reason }) => reason === 'allowed').length;
      const unknown = results.length - known;
      let left = await limiter.peek(IP, config);
      while (left.reason === 'store-error') left = await limiter.peek(IP, config);
      expect(1_000 - left.remaining).toBeGreaterThanOrEqual(known);
      expect(1_000 - left.remaining).toBeLessThanOrEqual(known + unknown);
    }
  });
});

describe('a named attempt', () => {
  test('is counted once across requests and isolates, whatever gets lost', async () => {
    const { objects, limiter, clock } = setup();
    const elsewhere = new RateLimiterClient(anotherIsolate(objects), { now: clock.now });
    objects.failNext('lost-reply');
    await limiter.checkLimit(IP, { ...LOGIN, requestId: 'order-1' });
    clock.advance(600_000);
    const again = await elsewhere.checkLimit(IP, { ...LOGIN, requestId: 'order-1' });
    expect(again).toMatchObject({ allowed: true, remaining: 4 });
    expect((await limiter.peek(IP, LOGIN)).remaining).toBe(4);
  });

  test('is refunded once', async () => {
    const { limiter } = setup();
    await limiter.checkLimit(IP, { ...LOGIN, cost: 3, requestId: 'order-1' });
    const refund = () => limiter.refund(IP, { ...LOGIN, requestId: 'order-1' });
    expect([await refund(), await refund()]).toEqual([3, 0]);
    expect((await limiter.peek(IP, LOGIN)).remaining).toBe(5);
  });
});

describe('shadow mode', () => {
  test('counts, decides and reports, and refuses nobody', async () => {
    const { sink, limiter } = setup({ shadow: true });
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    const result = await limiter.checkLimit(IP, LOGIN);
    expect(result).toMatchObject({ allowed: true, reason: 'shadow', remaining: 0 });
    expect(result.retryAfterMs).toBeGreaterThan(0);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({
      allowed: true,
      reason: 'shadow',
      decidedBy: 'isolate',
    });
    expect(sink.ofType('rate-limit.denied')).toMatchObject([
      { shadow: true, reason: 'limit-exceeded', decidedBy: 'object' },
      { shadow: true, reason: 'limit-exceeded', decidedBy: 'isolate' },
    ]);
  });

  test('lets through as well what a failing store would refuse', async () => {
    const { limiter } = setup({ shadow: true, onStoreError: 'closed' }, () => 'failed');
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, reason: 'shadow' });
  });
});

function noMethod(): Error {
  return new TypeError('The RPC receiver does not implement the method "check".');
}
