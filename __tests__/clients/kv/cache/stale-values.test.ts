import { cacheSetup, counter, fifty, neverLoads } from '../../../support/cache.js';
import { codeOf, deferred, fc } from '../../../support/kv.js';

const KEY = 'cache:content:1';
const DOWN = new Error('the database is down');
const fails = async (): Promise<never> => {
  throw DOWN;
};

describe('staleWhileRevalidate', () => {
  test('serves a value past its TTL at once and refreshes it in the background', async () => {
    const { cache, clock, settle, sink, client } = cacheSetup({ staleWhileRevalidate: 60 });
    const load = counter();
    await cache.getOrSet(KEY, 10, load);
    clock.advance(10_000);
    expect(await cache.getOrSet(KEY, 10, load)).toBe('load 1');
    await settle();
    expect(await client().getOrSet(KEY, 10, neverLoads)).toBe('load 2');
    expect(sink.ofType('cache.stale')).toMatchObject([{ reason: 'revalidate', ageMs: 10_000, staleMs: 0, tier: 'kv' }]);
    expect(sink.ofType('cache.refresh')).toMatchObject([{ trigger: 'stale', outcome: 'value', keys: 1 }]);
    expect(sink.ofType('cache.load')).toHaveLength(1);
  });

  test('is fresh, stale and dead to the millisecond', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 100_000 }),
        fc.integer({ min: 0, max: 200_000_000 }),
        async (ttl, stale, elapsedMs) => {
          const { cache, clock, sink } = cacheSetup({ staleWhileRevalidate: stale });
          await cache.set(KEY, 'old', ttl);
          clock.advance(elapsedMs);
          const value = await cache.getOrSet(KEY, ttl, () => 'new');
          const isOld = elapsedMs < (ttl + stale) * 1000;
          expect(value).toBe(isOld ? 'old' : 'new');
          expect(sink.ofType('cache.hit')).toHaveLength(elapsedMs < ttl * 1000 ? 1 : 0);
          expect(sink.ofType('cache.stale')).toHaveLength(isOld && elapsedMs >= ttl * 1000 ? 1 : 0);
        },
      ),
    );
  });

  test('without waitUntil a value past its TTL is loaded anew, for nothing would keep a refresh alive', async () => {
    const { cache, clock, sink } = cacheSetup({ staleWhileRevalidate: 60, waitUntil: undefined });
    const load = counter();
    await cache.getOrSet(KEY, 10, load);
    clock.advance(10_000);
    expect(await cache.getOrSet(KEY, 10, load)).toBe('load 2');
    expect(sink.ofType('cache.stale')).toEqual([]);
  });

  test('fifty calls of a scope and those of other scopes start one refresh', async () => {
    const { cache, client, clock, settle } = cacheSetup({ staleWhileRevalidate: 60 });
    const load = counter();
    await cache.getOrSet(KEY, 10, load);
    clock.advance(11_000);
    const gate = deferred<string>();
    const slow = jest.fn(() => gate.promise);
    expect(await Promise.all(fifty(() => cache.getOrSet(KEY, 10, slow)))).toEqual(Array(50).fill('load 1'));
    expect(await Promise.all(fifty(() => client().getOrSet(KEY, 10, slow)))).toEqual(Array(50).fill('load 1'));
    expect(slow).toHaveBeenCalledTimes(1);
    gate.resolve('refreshed');
    await settle();
    expect(await cache.getOrSet(KEY, 10, neverLoads)).toBe('refreshed');
  });

  test('a refresh that fails is reported with its error and not tried again during the back-off', async () => {
    const { client, clock, settle, sink } = cacheSetup({ staleWhileRevalidate: 600, refreshBackoffSeconds: 30 });
    await client().getOrSet(KEY, 10, () => 'old');
    clock.advance(10_000);
    const failing = jest.fn(fails);
    for (let call = 0; call < 5; call += 1) {
      expect(await client().getOrSet(KEY, 10, failing)).toBe('old');
      await settle();
      clock.advance(1000);
    }
    expect(failing).toHaveBeenCalledTimes(1);
    expect(sink.ofType('cache.refresh')).toMatchObject([{ outcome: 'error', error: DOWN }]);
    clock.advance(30_000);
    expect(await client().getOrSet(KEY, 10, () => 'new')).toBe('old');
    await settle();
    expect(await client().getOrSet(KEY, 10, neverLoads)).toBe('new');
  });

  test('a caller who needs the value while it is refreshed waits for that refresh', async () => {
    const { cache, clock, settle } = cacheSetup();
    await cache.set(KEY, 'old', 10, { staleWhileRevalidate: 60 });
    clock.advance(10_000);
    const gate = deferred<string>();
    expect(await cache.getOrSet(KEY, 10, () => gate.promise, { staleWhileRevalidate: 60 })).toBe('old');
    const waiting = cache.getOrSet(KEY, 10, neverLoads);
    gate.resolve('refreshed');
    expect(await waiting).toBe('refreshed');
    await settle();
  });

  test('an option of the call takes the place of that of the client', async () => {
    const { cache, clock } = cacheSetup({ staleWhileRevalidate: 60 });
    await cache.getOrSet(KEY, 10, () => 'old');
    clock.advance(10_000);
    expect(await cache.getOrSet(KEY, 10, () => 'new', { staleWhileRevalidate: 0 })).toBe('new');
  });

  test('keeps the entry in KV for the TTL and its stale bound, and its value plain JSON', async () => {
    const { cache, clock, kv } = cacheSetup({ staleWhileRevalidate: 30, staleIfError: 600 });
    await cache.getOrSet(KEY, 100, () => ({ title: 'one' }));
    expect(await kv.get(KEY)).toBe('{"title":"one"}');
    expect((await kv.list()).keys[0]?.expiration).toBe(clock.now() / 1000 + 700);
  });

  test('lookup tells a stale value from a hit, and get takes it for a miss', async () => {
    const { cache, clock } = cacheSetup({ staleIfError: 60 });
    await cache.set(KEY, 'old', 10);
    clock.advance(10_000);
    expect(await cache.lookup(KEY)).toEqual({ status: 'stale', value: 'old', ageMs: 10_000 });
    expect(await cache.get(KEY)).toBeNull();
    clock.advance(60_000);
    expect((await cache.lookup(KEY)).status).toBe('miss');
  });
});

describe('staleIfError', () => {
  test('serves the stale value when the load fails, within the bound, and the error after it', async () => {
    const { client, clock, sink } = cacheSetup({ staleIfError: 60 });
    await client().getOrSet(KEY, 10, () => 'old');
    clock.advance(69_999);
    expect(await client().getOrSet(KEY, 10, fails)).toBe('old');
    expect(sink.ofType('cache.stale')).toMatchObject([{ reason: 'error', staleMs: 59_999 }]);
    clock.advance(1);
    await expect(client().getOrSet(KEY, 10, fails)).rejects.toBe(DOWN);
  });

  test('is measured when the load has failed, not when it began', async () => {
    const { cache, clock } = cacheSetup({ staleIfError: 60 });
    await cache.getOrSet(KEY, 10, () => 'old');
    clock.advance(60_000);
    const gate = deferred<string>();
    const waiting = cache.getOrSet(KEY, 10, () => gate.promise);
    await Promise.resolve();
    clock.advance(10_000);
    gate.reject(DOWN);
    await expect(waiting).rejects.toBe(DOWN);
  });

  test('after a failure the stale value is served without a load until the back-off is over', async () => {
    const { client, clock } = cacheSetup({ staleIfError: 600, refreshBackoffSeconds: 5 });
    await client().getOrSet(KEY, 10, () => 'old');
    clock.advance(10_000);
    const failing = jest.fn(fails);
    for (let call = 0; call < 3; call += 1) expect(await client().getOrSet(KEY, 10, failing)).toBe('old');
    expect(failing).toHaveBeenCalledTimes(1);
    clock.advance(5_000);
    expect(await client().getOrSet(KEY, 10, () => 'new')).toBe('new');
  });

  test('a failed load leaves what is stored as it was', async () => {
    const { client, kv, clock } = cacheSetup({ staleIfError: 60 });
    await client().getOrSet(KEY, 10, () => 'old');
    const before = kv.counts.put;
    clock.advance(10_000);
    await client().getOrSet(KEY, 10, fails);
    expect(kv.counts.put).toBe(before);
    expect(await kv.get(KEY)).toBe('"old"');
  });

  test('nothing stands in for a key that was never loaded', async () => {
    const { cache } = cacheSetup({ staleIfError: 60 });
    await expect(cache.getOrSet(KEY, 10, fails)).rejects.toBe(DOWN);
  });
});

describe('timeouts of the loader', () => {
  beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask'] }));
  afterEach(() => jest.useRealTimers());

  test('the hard timeout rejects with LOADER_TIMEOUT, aborts the signal with it, and stores nothing', async () => {
    const { cache, kv, sink } = cacheSetup();
    let signal: AbortSignal | undefined;
    const hangs = ({ signal: given }: { signal: AbortSignal }): Promise<string> => {
      signal = given;
      return new Promise(() => undefined);
    };
    const code = codeOf(() => cache.getOrSet(KEY, 10, hangs, { hardTimeoutMs: 100 }));
    await jest.advanceTimersByTimeAsync(99);
    expect(signal?.aborted).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await code).toBe('LOADER_TIMEOUT');
    expect(signal?.reason).toMatchObject({ code: 'LOADER_TIMEOUT' });
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('cache.load')).toMatchObject([{ outcome: 'timeout' }]);
    expect(await cache.getOrSet(KEY, 10, () => 'next')).toBe('next');
  });

  test('the hard timeout gives way to a stale value within staleIfError', async () => {
    const { cache, clock, sink } = cacheSetup({ staleIfError: 60, hardTimeoutMs: 100 });
    await cache.set(KEY, 'old', 10);
    clock.advance(10_000);
    const value = cache.getOrSet(KEY, 10, () => new Promise<string>(() => undefined));
    await jest.advanceTimersByTimeAsync(100);
    expect(await value).toBe('old');
    expect(sink.ofType('cache.stale')).toMatchObject([{ reason: 'timeout' }]);
  });

  test('after the soft timeout the stale value is served, and the load goes on and is stored', async () => {
    const { cache, clock, settle, sink } = cacheSetup({ staleIfError: 60, softTimeoutMs: 50 });
    await cache.set(KEY, 'old', 10);
    clock.advance(10_000);
    const gate = deferred<string>();
    const value = cache.getOrSet(KEY, 10, () => gate.promise);
    await jest.advanceTimersByTimeAsync(50);
    expect(await value).toBe('old');
    const second = cache.getOrSet(KEY, 10, neverLoads);
    await jest.advanceTimersByTimeAsync(50);
    expect(await second).toBe('old');
    gate.resolve('new');
    await settle();
    expect(await cache.getOrSet(KEY, 10, neverLoads)).toBe('new');
    expect(sink.ofType('cache.refresh')).toMatchObject([{ trigger: 'slow', outcome: 'value' }]);
  });

  test('a load that ends before the soft timeout is served', async () => {
    const { cache, clock } = cacheSetup({ staleIfError: 60, softTimeoutMs: 50 });
    await cache.set(KEY, 'old', 10);
    clock.advance(10_000);
    const gate = deferred<string>();
    const value = cache.getOrSet(KEY, 10, () => gate.promise);
    await jest.advanceTimersByTimeAsync(49);
    gate.resolve('new');
    expect(await value).toBe('new');
  });

  test('without a stale value there is nothing to leave with, and the soft timeout waits', async () => {
    const { cache } = cacheSetup({ staleIfError: 60, softTimeoutMs: 50 });
    const gate = deferred<string>();
    const value = cache.getOrSet(KEY, 10, () => gate.promise);
    await jest.advanceTimersByTimeAsync(1000);
    gate.resolve('new');
    expect(await value).toBe('new');
  });
});
