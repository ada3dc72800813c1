import type { StandardSchema } from '../../../../src/clients/kv/cache/standard-schema.js';
import { OperationBudget } from '../../../../src/clients/kv/operation-budget.js';
import { cacheSetup, counter, neverLoads } from '../../../support/cache.js';
import { codeOf, deferred, fc } from '../../../support/kv.js';
import * as valibot from 'valibot';
import { z } from 'zod';

const KEY = 'cache:content:1';

describe('what is stored', () => {
  test('a null has a TTL of its own by negativeTtlSeconds, and no stale bounds', async () => {
    const { client, clock } = cacheSetup({ staleWhileRevalidate: 600, staleIfError: 600 });
    const load = jest.fn(async () => null);
    await client().getOrSet(KEY, 300, load, { negativeTtlSeconds: 5 });
    clock.advance(4_999);
    expect(await client().getOrSet(KEY, 300, load, { negativeTtlSeconds: 5 })).toBeNull();
    expect(load).toHaveBeenCalledTimes(1);
    clock.advance(1);
    expect(await client().getOrSet<string | null>(KEY, 300, () => 'there now', { negativeTtlSeconds: 5 })).toBe(
      'there now',
    );
  });

  test('cacheIf keeps a value out of the cache and gives it to the caller', async () => {
    const { cache, kv, sink } = cacheSetup();
    const cacheIf = (items: string[]): boolean => items.length > 0;
    expect(await cache.getOrSet(KEY, 60, () => [] as string[], { cacheIf })).toEqual([]);
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('cache.skip')).toMatchObject([{ reason: 'cacheIf refused the value.' }]);
    expect(await cache.getOrSet(KEY, 60, () => ['a'], { cacheIf })).toEqual(['a']);
    expect(kv.counts.put).toBe(1);
  });

  test('a function of the value says its TTL', async () => {
    const { client, clock } = cacheSetup();
    const ttl = (value: { maxAge: number }): number => value.maxAge;
    await client().getOrSet(KEY, ttl, () => ({ maxAge: 7 }));
    clock.advance(6_999);
    expect(await client().getOrSet(KEY, ttl, neverLoads)).toEqual({ maxAge: 7 });
    clock.advance(1);
    expect(await client().getOrSet(KEY, ttl, () => ({ maxAge: 8 }))).toEqual({ maxAge: 8 });
  });

  test.each([0, -1, 1.5, NaN, '60', undefined])('a TTL of %p from the value leaves it unstored', async (ttl) => {
    const { cache, kv, sink } = cacheSetup();
    expect(await cache.getOrSet(KEY, () => ttl as number, counter())).toBe('load 1');
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('cache.skip')).toHaveLength(1);
  });

  test('a function of the caller that throws leaves the value unstored and is not felt', async () => {
    const { cache, kv, sink } = cacheSetup();
    const throws = (): never => {
      throw new Error('secret');
    };
    expect(await cache.getOrSet(KEY, throws, counter())).toBe('load 1');
    expect(await cache.getOrSet(KEY, 60, counter(), { cacheIf: throws })).toBe('load 1');
    expect(await cache.getOrSet(KEY, 60, counter(), { tags: throws })).toBe('load 1');
    expect(kv.counts.put).toBe(0);
    expect(JSON.stringify(sink.events)).not.toContain('secret');
  });

  test('what JSON would lose is not stored, and set refuses it with its path', async () => {
    const { cache, kv, sink } = cacheSetup();
    const value = { list: [{ at: new Date(0) }] };
    expect(await cache.getOrSet(KEY, 60, () => value)).toBe(value);
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('cache.skip')[0]?.reason).toContain('list[0].at');
    expect(await codeOf(() => cache.set(KEY, value, 60))).toBe('INVALID_VALUE');
  });

  test('awaitWrites: false answers before the write is done, which goes on under waitUntil', async () => {
    const { cache, kv, settle } = cacheSetup({ awaitWrites: false });
    const gate = deferred<undefined>();
    const { put } = kv;
    kv.put = async (...args) => {
      await gate.promise;
      return put.apply(kv, args);
    };
    expect(await cache.getOrSet(KEY, 60, () => 'value')).toBe('value');
    expect(await kv.get(KEY)).toBeNull();
    gate.resolve(undefined);
    await settle();
    expect(await kv.get(KEY)).toBe('"value"');
  });
});

describe('what is asked for', () => {
  test('forceFresh loads and stores though the value is there, and parts with a load under way', async () => {
    const { cache, kv, sink } = cacheSetup();
    await cache.set(KEY, 'old', 60);
    expect(await cache.getOrSet(KEY, 60, () => 'new', { forceFresh: true })).toBe('new');
    expect(await kv.get(KEY)).toBe('"new"');
    expect(sink.ofType('cache.miss')).toMatchObject([{ reason: 'forced' }]);
    const gate = deferred<string>();
    await cache.delete(KEY);
    const older = cache.getOrSet(KEY, 60, () => gate.promise);
    await new Promise(setImmediate);
    expect(await cache.getOrSet(KEY, 60, () => 'newest', { forceFresh: true })).toBe('newest');
    gate.resolve('older');
    expect(await older).toBe('older');
    expect(await kv.get(KEY)).toBe('"newest"');
  });

  test('bypass leaves the cache out: no read, no write, no sharing', async () => {
    const { cache, kv } = cacheSetup();
    await cache.set(KEY, 'old', 60);
    const before = kv.operations;
    const load = counter();
    const options = { bypass: true };
    await Promise.all([cache.getOrSet(KEY, 60, load, options), cache.getOrSet(KEY, 60, load, options)]);
    expect(await cache.getOrSetMany([KEY], 60, async () => new Map([[KEY, 1]]), options)).toEqual(new Map([[KEY, 1]]));
    expect(load).toHaveBeenCalledTimes(2);
    expect(kv.operations).toBe(before);
  });

  test.each([
    ['zod', z.object({ id: z.number() })],
    ['valibot', valibot.object({ id: valibot.number() })],
  ])('a value that a schema of %s refuses is a miss, with an event', async (_library, schema) => {
    const { client, kv, sink } = cacheSetup();
    await kv.put(KEY, '{"id":"1"}');
    const options = { schema: schema as StandardSchema<{ id: number }> };
    expect(await client().getOrSet(KEY, 60, () => ({ id: 1 }), options)).toEqual({ id: 1 });
    expect(sink.ofType('cache.miss')).toMatchObject([{ reason: 'schema' }]);
    expect(await client().getOrSet(KEY, 60, neverLoads, options)).toEqual({ id: 1 });
  });

  test('a schema that transforms gives back what it makes of the stored value', async () => {
    const { client, kv } = cacheSetup();
    await kv.put(KEY, '"2026-01-01T00:00:00.000Z"');
    const schema = z.string().transform((text) => new Date(text));
    expect(await client().getOrSet(KEY, 60, neverLoads, { schema })).toEqual(new Date('2026-01-01T00:00:00.000Z'));
  });

  test('a schema that throws is a miss', async () => {
    const { cache } = cacheSetup();
    await cache.set(KEY, 'old', 60);
    const validate = (): never => {
      throw new Error('no');
    };
    const schema: StandardSchema<string> = { '~standard': { version: 1, vendor: 'test', validate } };
    expect(await cache.getOrSet(KEY, 60, () => 'new', { schema })).toBe('new');
  });
});

describe('getOrSetMany', () => {
  const keys = Array.from({ length: 100 }, (_, index) => `cache:item:${index}`);
  const loadAll = async (missing: string[]): Promise<Map<string, string>> =>
    new Map(missing.map((key) => [key, `value of ${key}`]));

  test('reads a hundred keys in one operation', async () => {
    const { client, kv } = cacheSetup();
    await client().getOrSetMany(keys, 60, loadAll);
    const before = kv.operations;
    expect((await client().getMany(keys)).size).toBe(100);
    expect(kv.operations).toBe(before + 1);
    await client().getOrSetMany(keys, 60, neverLoads);
    expect(kv.operations).toBe(before + 2);
  });

  test('one corrupt value costs one miss', async () => {
    const { client, kv } = cacheSetup();
    await client().getOrSetMany(keys, 60, loadAll);
    await kv.put('cache:item:7', '{');
    const load = jest.fn(loadAll);
    await client().getOrSetMany(keys, 60, load);
    expect(load.mock.calls.map(([missing]) => missing)).toEqual([['cache:item:7']]);
  });

  test('serves stale values and refreshes all of them with one call of the loader', async () => {
    const { client, clock, settle, sink } = cacheSetup({ staleWhileRevalidate: 60 });
    await client().getOrSetMany(keys, 10, loadAll);
    clock.advance(10_000);
    const load = jest.fn(async (missing: string[]) => new Map(missing.map((key) => [key, 'new'])));
    const values = await client().getOrSetMany(keys, 10, load);
    expect([...values.values()]).toEqual(keys.map((key) => `value of ${key}`));
    await settle();
    expect(load).toHaveBeenCalledTimes(1);
    expect([...(await client().getMany(keys)).values()]).toEqual(Array(100).fill('new'));
    expect(sink.ofType('cache.refresh')).toMatchObject([{ keys: 100, outcome: 'value' }]);
  });

  test('falls back on stale values when the load fails, if every missing key has one', async () => {
    const { client, clock } = cacheSetup({ staleIfError: 60 });
    await client().getOrSetMany(keys, 10, loadAll);
    clock.advance(10_000);
    const down = new Error('down');
    const fails = async (): Promise<never> => Promise.reject(down);
    expect((await client().getOrSetMany(keys, 10, fails)).get('cache:item:3')).toBe('value of cache:item:3');
    await expect(client().getOrSetMany([...keys, 'cache:item:new'], 10, fails)).rejects.toBe(down);
  });

  test('keeps what the loader does not know as null by negativeTtlSeconds', async () => {
    const { client, kv } = cacheSetup();
    const knowsNothing = jest.fn(async () => new Map<string, string>());
    const options = { negativeTtlSeconds: 5 };
    expect(await client().getOrSetMany(['cache:item:1'], 60, knowsNothing, options)).toEqual(
      new Map([['cache:item:1', null]]),
    );
    await client().getOrSetMany(['cache:item:1'], 60, knowsNothing, options);
    expect(knowsNothing).toHaveBeenCalledTimes(1);
    expect(await kv.get('cache:item:1')).toBe('null');
  });

  test('tags, cacheIf, forceFresh and the TTL from the value hold for each entry', async () => {
    const { client, clock } = cacheSetup();
    const load = jest.fn(loadAll);
    const two = keys.slice(0, 2);
    const options = { tags: ['t'], cacheIf: (value: string) => value !== 'value of cache:item:1' };
    await client().getOrSetMany(two, () => 30, load, options);
    await client().getOrSetMany(two, () => 30, load, options);
    expect(load.mock.calls.map(([missing]) => missing)).toEqual([two, ['cache:item:1']]);
    await client().getOrSetMany(two, 30, load, { ...options, forceFresh: true });
    expect(load.mock.calls.at(-1)?.[0]).toEqual(two);
    clock.advance(1);
    await client().invalidateTags(['t']);
    expect(await client().get('cache:item:0')).toBeNull();
  });
});

describe('the operation budget', () => {
  test('stops automatic writes with a tenth left, then everything, and reports each once', async () => {
    const { client, kv, sink } = cacheSetup({ budget: new OperationBudget(20) });
    const cache = client();
    for (let index = 0; index < 30; index += 1) {
      expect(await cache.getOrSet(`cache:content:${index}`, 60, () => index)).toBe(index);
    }
    expect(kv.operations).toBe(20);
    expect(sink.ofType('kv.budget')).toEqual([
      { type: 'kv.budget', source: 'cache', spent: 'writes', limit: 20 },
      { type: 'kv.budget', source: 'cache', spent: 'all', limit: 20 },
    ]);
    expect(sink.ofType('cache.skip').length).toBeGreaterThan(0);
    expect(await codeOf(() => cache.set(KEY, 1, 60))).toBe('KV_BUDGET_SPENT');
    expect(await codeOf(() => cache.delete(KEY))).toBe('KV_BUDGET_SPENT');
    expect(await cache.get(KEY)).toBeNull();
    expect(kv.operations).toBe(20);
  });

  test('is shared by the clients that are given it', async () => {
    const budget = new OperationBudget(2);
    const { client } = cacheSetup({ budget });
    await client().get(KEY);
    await client().get(KEY);
    expect(await codeOf(() => client().set(KEY, 1, 60))).toBe('KV_BUDGET_SPENT');
    expect(budget.used).toBe(2);
  });

  test.each([0, -1, 1.5, NaN, '5'])('refuses a limit of %p', async (limit) => {
    expect(await codeOf(() => new OperationBudget(limit as number))).toBe('INVALID_OPTION');
  });
});

describe('options', () => {
  const bad: [object, string][] = [
    [{ staleWhileRevalidate: -1 }, 'staleWhileRevalidate -1'],
    [{ staleIfError: NaN }, 'staleIfError NaN'],
    [{ softTimeoutMs: 0 }, 'softTimeoutMs 0'],
    [{ hardTimeoutMs: 2_147_483_648 }, 'hardTimeoutMs 2147483648'],
    [{ negativeTtlSeconds: 0.5 }, 'negativeTtlSeconds 0.5'],
    [{ ttlJitter: 0.6 }, 'ttlJitter 0.6'],
    [{ earlyRefresh: 11 }, 'earlyRefresh 11'],
    [{ singleFlight: 'colo' }, 'singleFlight of type string'],
    [{ joinTimeoutMs: '5' }, 'joinTimeoutMs of type string'],
    [{ refreshBackoffSeconds: null }, 'refreshBackoffSeconds of type null'],
    [{ codec: {} }, 'codec of type object'],
    [{ awaitWrites: 1 }, 'awaitWrites 1'],
  ];

  test.each(bad)('refuses %p by call and by client, naming it', async (options, message) => {
    const { cache, client, kv } = cacheSetup();
    await expect(cache.getOrSet(KEY, 60, neverLoads, options)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as unknown,
    });
    await expect(cache.getOrSetMany([KEY], 60, neverLoads, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(() => client(options)).toThrow(message);
    expect(kv.operations).toBe(0);
  });

  test.each([
    [{ forceFresh: 'yes' }, 'forceFresh'],
    [{ bypass: 1 }, 'bypass'],
    [{ cacheIf: true }, 'cacheIf'],
    [{ schema: {} }, 'schema'],
    [{ tags: 'news' }, 'tags'],
    [{ staleWhileRevalidat: 60 }, 'There is no option staleWhileRevalidat'],
    [60, 'Options of type number'],
  ])('refuses %p by call', async (options, message) => {
    const { cache } = cacheSetup();
    await expect(cache.getOrSet(KEY, 60, neverLoads, options as object)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message) as unknown,
    });
  });

  test.each([
    [{ memo: 1 }, 'memo'],
    [{ clearable: 'yes' }, 'clearable'],
    [{ memory: {} }, 'memory'],
    [{ eventKeys: 'all' }, 'eventKeys'],
    [{ now: 1 }, 'now'],
    [{ waitUntil: {} }, 'waitUntil'],
    [{ budget: 1000 }, 'budget'],
  ])('refuses %p by client', (options, message) => {
    const { client } = cacheSetup();
    expect(() => client(options as object)).toThrow(message);
  });

  test('an option that is undefined counts as not given', async () => {
    const { cache, clock } = cacheSetup({ staleWhileRevalidate: 60 });
    await cache.getOrSet(KEY, 10, () => 'old');
    clock.advance(10_000);
    const options = { staleWhileRevalidate: undefined } as object;
    expect(await cache.getOrSet(KEY, 10, () => 'new', options)).toBe('old');
  });
});

describe('event keys', () => {
  test('are prefixes, hashes or, asked for, the keys themselves', async () => {
    const { client, sink } = cacheSetup();
    await client().get('cache:user:42');
    await client({ eventKeys: 'hash' }).get('cache:user:42');
    await client({ eventKeys: 'raw' }).get('cache:user:42');
    const [prefix, hash, raw] = sink.ofType('cache.miss');
    expect(prefix).toEqual({ type: 'cache.miss', reason: 'absent', durationMs: 0, keyPrefix: 'cache:user:' });
    expect(hash?.keyHash).toMatch(/^[0-9a-f]{14}$/);
    expect(JSON.stringify(hash)).not.toContain('42');
    expect(raw?.key).toBe('cache:user:42');
  });

  test('hashes tell keys apart', async () => {
    const { client, sink } = cacheSetup({ eventKeys: 'hash' });
    const cache = client();
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), async (one, two) => {
        sink.clear();
        await cache.get(`cache:user:${one}`);
        await cache.get(`cache:user:${two}`);
        const [first, second] = sink.ofType('cache.miss');
        expect(first?.keyHash === second?.keyHash).toBe(one === two);
      }),
    );
  });
});
