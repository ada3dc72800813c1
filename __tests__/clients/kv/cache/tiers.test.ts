import { memoryTier } from '../../../../src/clients/kv/cache/memory-tier.js';
import { cacheSetup, counter, neverLoads } from '../../../support/cache.js';
import { codeOf, deferred } from '../../../support/kv.js';

const KEY = 'cache:content:1';

describe('memo', () => {
  test('answers the second read of a key in one request without KV, with an object of its own', async () => {
    const { cache, kv, sink, client } = cacheSetup({ memo: true });
    await client().set(KEY, { tags: ['a'] }, 60);
    const first = await cache.get<{ tags: string[] }>(KEY);
    first?.tags.push('changed');
    const { operations } = kv;
    expect(await cache.get(KEY)).toEqual({ tags: ['a'] });
    expect(await cache.getOrSet(KEY, 60, neverLoads)).toEqual({ tags: ['a'] });
    expect(await cache.getMany([KEY])).toEqual(new Map([[KEY, { tags: ['a'] }]]));
    expect(kv.operations).toBe(operations);
    expect(sink.ofType('cache.hit').map(({ tier }) => tier)).toEqual(['kv', 'memo', 'memo', 'memo']);
  });

  test('holds what the request loaded or set, until its TTL', async () => {
    const { cache, kv, clock } = cacheSetup({ memo: true });
    await cache.getOrSet(KEY, 10, () => 'loaded');
    await cache.set('cache:content:2', 'set', 10);
    const reads = kv.counts.get;
    expect(await cache.get(KEY)).toBe('loaded');
    expect(await cache.get('cache:content:2')).toBe('set');
    expect(kv.counts.get).toBe(reads);
    clock.advance(10_000);
    expect(await cache.get(KEY)).toBeNull();
  });

  test('forgets what the request deletes, by key, prefix and tag', async () => {
    const { cache } = cacheSetup({ memo: true });
    for (const drop of [
      () => cache.delete(KEY),
      () => cache.deleteMany([KEY]),
      () => cache.deletePrefix('cache:'),
      () => cache.invalidateTags(['a']),
    ]) {
      await cache.getOrSet(KEY, 60, () => 'value', { tags: ['a'], forceFresh: true });
      expect(await cache.get(KEY)).toBe('value');
      await drop();
      expect(await cache.get(KEY)).toBeNull();
    }
  });

  test('is not there by default', async () => {
    const { cache, kv } = cacheSetup();
    await cache.set(KEY, 1, 60);
    await cache.get(KEY);
    await cache.get(KEY);
    expect(kv.counts.get).toBe(2);
  });
});

describe('memory', () => {
  test('answers other requests of the isolate without KV for its own TTL, then asks KV', async () => {
    const { client, clock, kv, sink } = cacheSetup({ memory: memoryTier({ ttlSeconds: 5 }) });
    await client().getOrSet(KEY, 60, () => ({ n: 1 }));
    const reads = kv.counts.get;
    clock.advance(4_999);
    expect(await client().getOrSet(KEY, 60, neverLoads)).toEqual({ n: 1 });
    expect(kv.counts.get).toBe(reads);
    clock.advance(1);
    expect(await client().getOrSet(KEY, 60, neverLoads)).toEqual({ n: 1 });
    expect(kv.counts.get).toBe(reads + 1);
    expect(sink.ofType('cache.hit').map(({ tier }) => tier)).toEqual(['memory', 'kv']);
  });

  test('never outlives the TTL of the entry', async () => {
    const { client, clock } = cacheSetup({ memory: memoryTier({ ttlSeconds: 60 }) });
    const load = counter();
    await client().getOrSet(KEY, 10, load);
    clock.advance(10_000);
    expect(await client().getOrSet(KEY, 10, load)).toBe('load 2');
  });

  test('hands out copies', async () => {
    const { client } = cacheSetup({ memory: memoryTier({ ttlSeconds: 60 }) });
    const load = async () => ({ tags: ['a'] });
    (await client().getOrSet(KEY, 60, load)).tags.push('changed');
    (await client().getOrSet(KEY, 60, load)).tags.push('changed');
    expect(await client().getOrSet(KEY, 60, load)).toEqual({ tags: ['a'] });
  });

  test('is told of sets, deletes and tags by every request of the isolate', async () => {
    const { client } = cacheSetup({ memory: memoryTier({ ttlSeconds: 60 }) });
    await client().getOrSet(KEY, 60, () => 'one', { tags: ['a'] });
    await client().set(KEY, 'two', 60, { tags: ['a'] });
    expect(await client().get(KEY)).toBe('two');
    await client().invalidateTags(['a']);
    expect(await client().get(KEY)).toBeNull();
    await client().set(KEY, 'three', 60);
    await client().delete(KEY);
    expect(await client().get(KEY)).toBeNull();
  });

  test('does not keep what a read found that began before a delete', async () => {
    const { client, kv } = cacheSetup({ memory: memoryTier({ ttlSeconds: 60 }) });
    await client({ memory: undefined }).set(KEY, 'old', 60);
    const gate = deferred<undefined>();
    const { getWithMetadata } = kv;
    kv.getWithMetadata = (async (...args: Parameters<typeof getWithMetadata>) => {
      const answer = await getWithMetadata(...args);
      await gate.promise;
      return answer;
    }) as typeof getWithMetadata;
    const reading = client().get(KEY);
    await new Promise(setImmediate);
    await client().delete(KEY);
    gate.resolve(undefined);
    expect(await reading).toBe('old');
    expect(await client().get(KEY)).toBeNull();
  });

  test('namespaces share nothing', async () => {
    const memory = memoryTier({ ttlSeconds: 60 });
    const one = cacheSetup({ memory });
    const two = cacheSetup({ memory });
    await one.cache.getOrSet(KEY, 60, () => 'one');
    expect(await two.cache.getOrSet(KEY, 60, () => 'two')).toBe('two');
    expect(await one.cache.get(KEY)).toBe('one');
  });

  test('holds no more than its bounds, and gives up the least recently used', async () => {
    const namespace = {};
    const entry = { value: 'x'.repeat(1000), metadata: null };
    const few = memoryTier({ ttlSeconds: 60, maxEntries: 2 });
    for (const key of ['a', 'b', 'c']) few.set(namespace, key, entry, 0);
    expect(['a', 'b', 'c'].map((key) => few.get(namespace, key, 0) !== undefined)).toEqual([false, true, true]);
    const small = memoryTier({ ttlSeconds: 60, maxBytes: 5_000 });
    for (const key of ['a', 'b', 'c']) small.set(namespace, key, entry, 0);
    expect(['a', 'b', 'c'].map((key) => small.get(namespace, key, 0) !== undefined)).toEqual([false, true, true]);
    small.set(namespace, 'huge', { value: 'x'.repeat(5_000), metadata: null }, 0);
    expect(small.get(namespace, 'huge', 0)).toBeUndefined();
    expect(small.get(namespace, 'c', 0)).toBe(entry);
  });

  test('does not trust a clock that went back', () => {
    const namespace = {};
    const memory = memoryTier({ ttlSeconds: 10 });
    memory.set(namespace, 'a', { value: '1', metadata: null }, 1_000_000);
    expect(memory.get(namespace, 'a', 999_999)).toBeUndefined();
  });

  test.each([
    [{ ttlSeconds: 0 }, 'ttlSeconds 0'],
    [{ ttlSeconds: NaN }, 'ttlSeconds NaN'],
    [{ ttlSeconds: 1, maxEntries: 0 }, 'maxEntries 0'],
    [{ ttlSeconds: 1, maxBytes: 1.5 }, 'maxBytes 1.5'],
    [{ ttlSeconds: '5' as unknown as number }, 'ttlSeconds of type string'],
  ])('refuses %p', async (options, message) => {
    expect(await codeOf(() => memoryTier(options))).toBe('INVALID_OPTION');
    expect(() => memoryTier(options)).toThrow(message);
  });
});

describe('cacheTtlSeconds', () => {
  test('is passed to every read', async () => {
    const { client, kv } = cacheSetup();
    const get = jest.spyOn(kv, 'getWithMetadata');
    const cache = client({ cacheTtlSeconds: 300 });
    await cache.get(KEY);
    await cache.getMany([KEY, 'cache:content:2']);
    const expected = { type: 'text', cacheTtl: 300 };
    expect(get.mock.calls.map(([, options]) => options)).toEqual([expected, expected]);
  });

  test.each([29, 30.5, '60', Infinity])('refuses %p', async (cacheTtlSeconds) => {
    const { client } = cacheSetup();
    expect(await codeOf(() => client({ cacheTtlSeconds: cacheTtlSeconds as number }))).toBe('INVALID_OPTION');
  });
});
