import { cacheSetup, counter, fifty, neverLoads } from '../../../support/cache.js';
import { codeOf, deferred, errorOf } from '../../../support/kv.js';

const KEY = 'cache:content:1';

describe('tags', () => {
  test('invalidateTags makes every entry with the tag a miss, whatever its key, with one write per tag', async () => {
    const { client, clock, kv, sink } = cacheSetup();
    await client().getOrSet('cache:content:1', 60, () => 1, { tags: ['creator:1', 'news'] });
    await client().getOrSet('cache:list:all', 60, () => 2, { tags: ['news'] });
    await client().getOrSet('cache:content:3', 60, () => 3, { tags: ['creator:2'] });
    clock.advance(1);
    const writes = kv.counts.put;
    await client().invalidateTags(['news']);
    expect(kv.counts.put).toBe(writes + 1);
    expect(await client().getMany(['cache:content:1', 'cache:list:all', 'cache:content:3'])).toEqual(
      new Map([
        ['cache:content:1', null],
        ['cache:list:all', null],
        ['cache:content:3', 3],
      ]),
    );
    expect(sink.ofType('cache.miss').filter(({ reason }) => reason === 'invalidated')).toHaveLength(2);
    expect(sink.ofType('cache.invalidate')).toMatchObject([{ kind: 'tag', count: 1 }]);
  });

  test('a call that names its tags checks them in the read of the entry: one operation, then one per read', async () => {
    const { client, kv } = cacheSetup();
    await client().getOrSet(KEY, 60, () => 1, { tags: ['a', 'b'] });
    const cache = client();
    const before = kv.operations;
    await cache.getOrSet(KEY, 60, neverLoads, { tags: ['a', 'b'] });
    expect(kv.operations).toBe(before + 1);
    await cache.getOrSet(KEY, 60, neverLoads, { tags: ['a', 'b'] });
    expect(kv.operations).toBe(before + 2);
  });

  test('a read that does not know the tags takes two operations, once per request', async () => {
    const { client, kv } = cacheSetup();
    for (const key of ['cache:content:1', 'cache:content:2']) {
      await client().getOrSet(key, 60, () => 1, { tags: (value) => [`n:${value}`] });
    }
    const cache = client();
    const before = kv.operations;
    expect(await cache.get('cache:content:1')).toBe(1);
    expect(kv.operations).toBe(before + 2);
    expect(await cache.get('cache:content:2')).toBe(1);
    expect(kv.operations).toBe(before + 3);
  });

  test('a load that began before the invalidation is stored and never served', async () => {
    const { client, clock } = cacheSetup();
    const gate = deferred<string>();
    const loading = client().getOrSet(KEY, 60, () => gate.promise, { tags: ['a'] });
    await new Promise(setImmediate);
    clock.advance(10);
    await client().invalidateTags(['a']);
    clock.advance(10);
    gate.resolve('older');
    expect(await loading).toBe('older');
    expect(await client().getOrSet(KEY, 60, () => 'newer', { tags: ['a'] })).toBe('newer');
    expect(await client().getOrSet(KEY, 60, neverLoads, { tags: ['a'] })).toBe('newer');
  });

  test('an entry of the same millisecond as the invalidation counts as before it', async () => {
    const { client } = cacheSetup();
    await client().set(KEY, 'value', 60, { tags: ['a'] });
    await client().invalidateTags(['a']);
    expect(await client().get(KEY)).toBeNull();
  });

  test('an invalidated value is not served stale either', async () => {
    const { client, clock } = cacheSetup({ staleIfError: 600, staleWhileRevalidate: 600 });
    await client().getOrSet(KEY, 10, () => 'old', { tags: ['a'] });
    clock.advance(20_000);
    await client().invalidateTags(['a']);
    const error = await errorOf(() =>
      client().getOrSet(KEY, 10, () => Promise.reject(new Error('down')), { tags: ['a'] }),
    );
    expect(error.message).toBe('down');
  });

  test('markers that cannot be read make a tagged entry a miss, not a hit', async () => {
    const { client, kv, sink } = cacheSetup();
    await client().getOrSet(KEY, 60, () => 'old', { tags: () => ['a'] });
    const { getWithMetadata } = kv;
    kv.getWithMetadata = ((keys: string | string[], type: 'text') =>
      Array.isArray(keys)
        ? Promise.reject(new Error('KV GET_BULK failed: 500'))
        : getWithMetadata(keys, type)) as typeof getWithMetadata;
    expect(await client().getOrSet(KEY, 60, () => 'new')).toBe('new');
    expect(sink.ofType('cache.miss').at(-1)).toMatchObject({ reason: 'error' });
  });

  test('a marker that holds nonsense invalidates what carries the tag', async () => {
    const { client, kv } = cacheSetup();
    await client().set(KEY, 'value', 60, { tags: ['a'] });
    await kv.put('cache-mark:tag:a', 'garbage');
    expect(await client().get(KEY)).toBeNull();
  });

  test('a tag that was invalidated less than a second ago is refused by KV, and that is thrown', async () => {
    const { client, kv } = cacheSetup();
    kv.failAll('put', new Error('KV PUT failed: 429 Too Many Requests'));
    const error = await errorOf(() => client().invalidateTags(['a', 'b']));
    expect(error).toMatchObject({ code: 'KV_RATE_LIMITED' });
    expect(error.message).toContain('2 of 2 tags');
  });

  test.each([
    [['']],
    [['a\ud800']],
    [[1 as unknown as string]],
    [Array.from({ length: 33 }, (_, index) => `t${index}`)],
  ])('refuses tags that are none before anything is read: %p', async (tags) => {
    const { cache, kv } = cacheSetup();
    expect(await codeOf(() => cache.getOrSet(KEY, 60, neverLoads, { tags }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => cache.set(KEY, 1, 60, { tags }))).toBe('INVALID_OPTION');
    expect(kv.operations).toBe(0);
  });

  test('refuses a lifetime with tags that would outlive their markers', async () => {
    const { cache } = cacheSetup({ staleIfError: 1 });
    expect(await codeOf(() => cache.getOrSet(KEY, 34_560_000, neverLoads, { tags: ['a'] }))).toBe('INVALID_TTL');
    expect(await cache.getOrSet(KEY, 34_559_999, () => 1, { tags: ['a'] })).toBe(1);
  });

  test('tags that do not fit into metadata leave the value unstored, with an event', async () => {
    const { cache, kv, sink } = cacheSetup();
    const tags = Array.from({ length: 16 }, (_, index) => `${index}`.padStart(100, 't'));
    expect(await cache.getOrSet(KEY, 60, () => 'value', { tags })).toBe('value');
    expect(await kv.get(KEY)).toBeNull();
    expect(sink.ofType('cache.error')).toMatchObject([{ operation: 'write', code: 'INVALID_VALUE' }]);
    expect(await codeOf(() => cache.set(KEY, 1, 60, { tags }))).toBe('INVALID_VALUE');
  });
});

test('a tag of any length is invalidated by the same text', async () => {
  const { client, clock } = cacheSetup();
  const long = `item:${'é'.repeat(500)}`;
  await client().set('cache:a:1', 1, 60, { tags: [long] });
  await client().getOrSet('cache:a:2', 60, () => 2, { tags: () => [long] });
  await client().getOrSet('cache:a:3', 60, () => 3, { tags: [`${long}!`] });
  clock.advance(1);
  await client().invalidateTags([long]);
  expect([...(await client().getMany(['cache:a:1', 'cache:a:2', 'cache:a:3'])).values()]).toEqual([null, null, 3]);
});

test('what this package keeps for invalidations is no key of an entry, and no prefix deletes it', async () => {
  const { client, clock, kv } = cacheSetup();
  await client().set('cache:a:1', 1, 600, { tags: ['t'] });
  clock.advance(1);
  await client().invalidateTags(['t']);
  for (const key of ['cache-mark:tag:t', 'cache-mark:clear']) {
    expect(await codeOf(() => client().set(key, 1, 60))).toBe('INVALID_KEY');
    expect(await codeOf(() => client().getOrSet(key, 60, neverLoads))).toBe('INVALID_KEY');
    expect(await codeOf(() => client().delete(key))).toBe('INVALID_KEY');
  }
  expect(await client().deletePrefix('cache-')).toEqual({ deleted: 0, failed: [] });
  expect(await kv.get('cache-mark:tag:t')).not.toBeNull();
});

describe('clear', () => {
  test('invalidates everything with one write, foreign values too, and what is loaded afterwards is served', async () => {
    const { client, clock, kv } = cacheSetup({ clearable: true });
    await client().set('cache:content:1', 1, 60);
    await kv.put('cache:content:2', '2');
    clock.advance(1);
    const writes = kv.counts.put;
    await client().clear();
    expect(kv.counts.put).toBe(writes + 1);
    expect(await client().getMany(['cache:content:1', 'cache:content:2'])).toEqual(
      new Map([
        ['cache:content:1', null],
        ['cache:content:2', null],
      ]),
    );
    clock.advance(1);
    await client().set('cache:content:1', 'new', 60);
    expect(await client().get('cache:content:1')).toBe('new');
  });

  test('costs a read one operation all the same', async () => {
    const { client, kv } = cacheSetup({ clearable: true });
    const before = kv.operations;
    await client().get(KEY);
    expect(kv.operations).toBe(before + 1);
  });

  test('is refused where readers would not look for it', async () => {
    const { cache, kv } = cacheSetup();
    expect(await codeOf(() => cache.clear())).toBe('INVALID_OPTION');
    expect(kv.operations).toBe(0);
  });
});

describe('evict', () => {
  test('drops keys, a prefix and tags in one call and says how many', async () => {
    const { client, clock, kv } = cacheSetup();
    await client().set('cache:a:1', 1, 60);
    await client().set('cache:b:1', 1, 60);
    await client().set('cache:b:2', 1, 60);
    await client().set('cache:c:1', 1, 60, { tags: ['t'] });
    clock.advance(1);
    const report = await client().evict({ keys: ['cache:a:1'], prefix: 'cache:b:', tags: ['t'] });
    expect(report).toEqual({ evicted: 4, failed: [] });
    expect([...(await client().getMany(['cache:a:1', 'cache:b:1', 'cache:b:2', 'cache:c:1'])).values()]).toEqual(
      Array(4).fill(null),
    );
    expect(await kv.get('cache:b:1')).toBeNull();
  });

  test('reports what KV fails at and does not throw it', async () => {
    const { cache, kv, sink } = cacheSetup();
    kv.failAll();
    const report = await cache.evict({ keys: ['cache:a:1'], prefix: 'cache:b:', tags: ['t'] });
    expect(report.evicted).toBe(0);
    expect(report.failed.map(({ target, code }) => [target, code])).toEqual([
      ['cache:a:1', 'KV_DELETE_FAILED'],
      ['cache:b:', 'KV_LIST_FAILED'],
      ['t', 'KV_WRITE_FAILED'],
    ]);
    expect(sink.ofType('cache.error')).toHaveLength(3);
  });

  test('refuses bad input before anything is dropped', async () => {
    const { cache, kv } = cacheSetup();
    expect(await codeOf(() => cache.evict({ keys: ['ok', ''] }))).toBe('INVALID_KEY');
    expect(await codeOf(() => cache.evict({ keys: ['ok'], prefix: '' }))).toBe('INVALID_PREFIX');
    expect(await codeOf(() => cache.evict({ keys: ['ok'], tags: [''] }))).toBe('INVALID_OPTION');
    expect(kv.operations).toBe(0);
  });
});

test('fifty loads with tags, and invalidations between them, never serve what was invalidated', async () => {
  const { client, clock } = cacheSetup();
  const load = counter();
  for (let round = 1; round <= 10; round += 1) {
    clock.advance(1000);
    await client().invalidateTags(['a']);
    clock.advance(1);
    const values = await Promise.all(fifty(() => client().getOrSet(KEY, 600, load, { tags: ['a'] })));
    const earliest = (round - 1) * 50;
    for (const value of values) expect(Number(value.slice(5))).toBeGreaterThan(earliest);
  }
});

describe('while the clock stands still, as it does in Workers between I/O', () => {
  test('what is loaded after an invalidation is served, and the next invalidation drops it', async () => {
    const { client } = cacheSetup({ clearable: true });
    const load = counter();
    const read = (): Promise<string> => client().getOrSet(KEY, 60, load, { tags: ['a'] });
    for (const round of [1, 2, 3]) {
      expect(await read()).toBe(`load ${round}`);
      expect(await read()).toBe(`load ${round}`);
      await (round === 2 ? client().clear() : client().invalidateTags(['a']));
    }
    await client().set(KEY, 'set', 60, { tags: ['a'] });
    expect(await read()).toBe('set');
  });

  test('a clock that is set back far is followed', async () => {
    const { client, clock } = cacheSetup();
    await client().invalidateTags(['a']);
    clock.advance(-3_600_000);
    await client().set(KEY, 'value', 60, { tags: ['b'] });
    expect(await client().get(KEY)).toBe('value');
  });
});
