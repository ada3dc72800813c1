import { isolateCacheOf } from '../../../../src/clients/kv/cache/isolate-cache.js';
import { cacheSetup, counter, fifty, neverLoads } from '../../../support/cache.js';
import { deferred } from '../../../support/kv.js';

const KEY = 'cache:content:1';

describe("singleFlight: 'isolate'", () => {
  test('fifty requests of an isolate load once, and each gets an object of its own', async () => {
    const { client, kv, settle } = cacheSetup({ singleFlight: 'isolate' });
    const load = jest.fn(async () => ({ tags: ['a'] }));
    const values = await Promise.all(fifty(() => client().getOrSet(KEY, 60, load)));
    expect(load).toHaveBeenCalledTimes(1);
    expect(kv.counts.put).toBe(1);
    values[0]?.tags.push('changed');
    expect(values.slice(1)).toEqual(Array(49).fill({ tags: ['a'] }));
    await settle();
    expect(isolateCacheOf(kv).loads.size).toBe(0);
  });

  test("with 'request', the default, each request loads for itself", async () => {
    const { client } = cacheSetup();
    const load = counter();
    await Promise.all(fifty(() => client().getOrSet(KEY, 60, load)));
    expect(load).toHaveBeenCalledTimes(50);
  });

  test('without waitUntil nothing is offered to other requests', async () => {
    const { client } = cacheSetup({ singleFlight: 'isolate', waitUntil: undefined });
    const load = counter();
    await Promise.all(fifty(() => client().getOrSet(KEY, 60, load)));
    expect(load).toHaveBeenCalledTimes(50);
  });

  test('the load of the leader is handed to waitUntil before anybody waits for it', async () => {
    const { cache, background } = cacheSetup({ singleFlight: 'isolate' });
    const gate = deferred<string>();
    const leader = cache.getOrSet(KEY, 60, () => gate.promise);
    await new Promise(setImmediate);
    expect(background.length).toBeGreaterThan(0);
    gate.resolve('value');
    await leader;
  });

  test('when the leader fails, the others load for themselves and get no error of its', async () => {
    const { client, kv, settle } = cacheSetup({ singleFlight: 'isolate' });
    const gate = deferred<string>();
    const error = new Error('of the leader');
    const leader = client().getOrSet(KEY, 60, () => gate.promise);
    const own = counter('own');
    const others = fifty(() => client().getOrSet(KEY, 60, own));
    await new Promise(setImmediate);
    gate.reject(error);
    await expect(leader).rejects.toBe(error);
    expect(new Set(await Promise.all(others)).size).toBeGreaterThan(0);
    expect(own).toHaveBeenCalledTimes(50);
    await settle();
    expect(isolateCacheOf(kv).loads.size).toBe(0);
  });

  test('a request whose leader does not answer in joinTimeoutMs loads for itself, and the dead load is forgotten', async () => {
    const { client, kv } = cacheSetup({ singleFlight: 'isolate', joinTimeoutMs: 20 });
    void client().getOrSet(KEY, 60, () => new Promise(() => undefined));
    await new Promise(setImmediate);
    expect(isolateCacheOf(kv).loads.size).toBe(1);
    expect(await client().getOrSet(KEY, 60, () => 'own')).toBe('own');
    expect(isolateCacheOf(kv).loads.size).toBe(0);
    expect(await client().getOrSet(KEY, 60, neverLoads)).toBe('own');
  });

  test('a load that is older than background work may be is not joined at all', async () => {
    const { client, clock } = cacheSetup({ singleFlight: 'isolate' });
    void client().getOrSet(KEY, 60, () => new Promise(() => undefined));
    await new Promise(setImmediate);
    clock.advance(30_001);
    expect(await client().getOrSet(KEY, 60, () => 'own')).toBe('own');
  });

  test('a value that has no text is loaded by each', async () => {
    const { client } = cacheSetup({ singleFlight: 'isolate' });
    const load = jest.fn(async () => new Map([['a', 1]]));
    const values = await Promise.all(fifty(() => client().getOrSet(KEY, 60, load)));
    expect(values).toEqual(Array(50).fill(new Map([['a', 1]])));
    expect(load).toHaveBeenCalledTimes(50);
  });

  test('a delete in one request parts another from the load that began before it', async () => {
    const { client, kv } = cacheSetup({ singleFlight: 'isolate' });
    const gate = deferred<string>();
    const leader = client().getOrSet(KEY, 60, () => gate.promise);
    await new Promise(setImmediate);
    await client().delete(KEY);
    expect(await client().getOrSet(KEY, 60, () => 'after the delete')).toBe('after the delete');
    gate.resolve('before the delete');
    expect(await leader).toBe('before the delete');
    expect(await kv.get(KEY)).toBe('"after the delete"');
  });

  test('another namespace has loads of its own', async () => {
    const one = cacheSetup({ singleFlight: 'isolate' });
    const two = cacheSetup({ singleFlight: 'isolate' });
    const values = await Promise.all([one.cache.getOrSet(KEY, 60, () => 1), two.cache.getOrSet(KEY, 60, () => 2)]);
    expect(values).toEqual([1, 2]);
  });
});

describe('the purge fence', () => {
  test.each(['delete', 'deleteMany', 'deletePrefix', 'set', 'evict'] as const)(
    'a load of any request of the isolate that began before %s does not write after it',
    async (operation) => {
      const { client, kv } = cacheSetup();
      const gate = deferred<string>();
      const loading = client().getOrSet(KEY, 60, () => gate.promise);
      await new Promise(setImmediate);
      const other = client();
      if (operation === 'delete') await other.delete(KEY);
      if (operation === 'deleteMany') await other.deleteMany([KEY]);
      if (operation === 'deletePrefix') await other.deletePrefix('cache:content:');
      if (operation === 'set') await other.set(KEY, 'newer', 60);
      if (operation === 'evict') await other.evict({ keys: [KEY] });
      gate.resolve('older');
      expect(await loading).toBe('older');
      expect(await kv.get(KEY)).toBe(operation === 'set' ? '"newer"' : null);
    },
  );

  test('a background refresh that began before a delete does not write after it', async () => {
    const { client, clock, kv, settle } = cacheSetup({ staleWhileRevalidate: 60 });
    await client().set(KEY, 'old', 10);
    clock.advance(10_000);
    const gate = deferred<string>();
    await client().getOrSet(KEY, 10, () => gate.promise);
    await client().delete(KEY);
    gate.resolve('older');
    await settle();
    expect(await kv.get(KEY)).toBeNull();
  });
});
