import { CacheClient } from '../../../../src/clients/kv/cache/cache-client.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../../../src/testing.js';
import { badKey, codeOf, deferred, errorOf, fc, goodKey, jsonValue } from '../../../support/kv.js';

function setup(options: { events?: boolean } = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const cache = new CacheClient(kv, { now: clock.now, ...(options.events !== false && { events: sink }) });
  return { clock, kv, sink, cache };
}

const neverLoads = (): never => {
  throw new Error('the loader ran');
};

describe('CacheClient', () => {
  test('gives back any JSON value by get, lookup, getMany and getOrSet, under any key', async () => {
    await fc.assert(
      fc.asyncProperty(goodKey(), jsonValue(), fc.integer({ min: 1, max: 2_147_483_647 }), async (key, value, ttl) => {
        const { cache } = setup();
        await cache.set(key, value, ttl);
        expect(await cache.get(key)).toEqual(value);
        expect(await cache.lookup(key)).toEqual({ status: 'hit', value, ageMs: 0 });
        expect((await cache.getMany([key])).get(key)).toEqual(value);
        expect(await cache.getOrSet(key, ttl, neverLoads)).toEqual(value);
      }),
    );
  });

  test.each([null, false, 0, ''])('serves a stored %p as a hit', async (value) => {
    const { cache } = setup();
    expect(await cache.getOrSet<unknown>('cache:a:1', 60, () => value)).toBe(value);
    expect(await cache.getOrSet<unknown>('cache:a:1', 60, neverLoads)).toBe(value);
    expect(await cache.lookup('cache:a:1')).toEqual({ status: 'hit', value, ageMs: 0 });
  });

  test('refuses a bad key in every operation before KV or the loader is asked', async () => {
    await fc.assert(
      fc.asyncProperty(badKey(), async (key) => {
        const { cache, kv } = setup();
        const acts = [
          () => cache.get(key),
          () => cache.lookup(key),
          () => cache.getMany(['good', key]),
          () => cache.set(key, 1, 60),
          () => cache.delete(key),
          () => cache.deleteMany(['good', key]),
          () => cache.getOrSet(key, 60, neverLoads),
          () => cache.getOrSetMany(['good', key], 60, neverLoads),
        ];
        for (const act of acts) expect(await codeOf(act)).toBe('INVALID_KEY');
        expect(kv.operations).toBe(0);
      }),
    );
  });

  test.each([0, -1, 0.5, 1.5, NaN, Infinity, 2_147_483_648, '60', null, undefined])(
    'refuses a TTL of %p before KV or the loader is asked',
    async (ttl) => {
      const { cache, kv } = setup();
      expect(await codeOf(() => cache.set('a', 1, ttl as number))).toBe('INVALID_TTL');
      expect(await codeOf(() => cache.getOrSet('a', ttl as number, neverLoads))).toBe('INVALID_TTL');
      expect(kv.operations).toBe(0);
    },
  );

  test('a refused key is a rejected promise, not a throw', () => {
    const { cache } = setup();
    const promise = cache.getOrSet('', 60, () => 1);
    return expect(promise).rejects.toMatchObject({ code: 'INVALID_KEY' });
  });

  test.each([1, 5, 59, 60, 61])('expires after a TTL of %p s to the millisecond', async (ttl) => {
    const { cache, clock } = setup();
    await cache.set('cache:a:1', 'v', ttl);
    clock.advance(ttl * 1000 - 1);
    expect(await cache.lookup('cache:a:1')).toEqual({ status: 'hit', value: 'v', ageMs: ttl * 1000 - 1 });
    clock.advance(1);
    expect((await cache.lookup('cache:a:1')).status).toBe('miss');
    expect(await cache.getOrSet('cache:a:1', ttl, () => 'new')).toBe('new');
  });

  test('keeps readable JSON in KV with a native TTL of at least 60 s', async () => {
    const { cache, kv, clock } = setup();
    await cache.set('cache:a:1', { n: 1 }, 5);
    expect(await kv.getWithMetadata('cache:a:1')).toMatchObject({
      value: '{"n":1}',
      metadata: { v: 1, c: clock.now(), e: clock.now() + 5000 },
    });
    expect((await kv.list()).keys[0]?.expiration).toBe(clock.now() / 1000 + 60);
  });

  test('serves a value that something else wrote as a hit of unknown age', async () => {
    const { cache, kv, sink } = setup();
    await kv.put('cache:a:1', '{"n":1}');
    await kv.put('cache:a:2', '2', { metadata: { owner: 'cli' } });
    expect(await cache.lookup('cache:a:1')).toEqual({ status: 'hit', value: { n: 1 }, ageMs: null });
    expect(await cache.get('cache:a:2')).toBe(2);
    expect(sink.ofType('cache.hit')).toMatchObject([{ ageMs: 0 }, { ageMs: 0 }]);
  });

  test.each([
    ['no JSON', '{', undefined],
    ['an empty text', '', undefined],
    ['a torn record', '1', { v: 1, c: 'x' }],
  ])('takes %s for a miss, and the next load replaces it', async (_what, text, metadata) => {
    const { cache, kv, sink } = setup();
    await kv.put('cache:a:1', text, metadata === undefined ? {} : { metadata });
    expect(await cache.get('cache:a:1')).toBeNull();
    expect(await cache.getMany(['cache:a:1'])).toEqual(new Map([['cache:a:1', null]]));
    expect(sink.events).toMatchObject([{ type: 'cache.miss', reason: 'corrupt' }, { reason: 'corrupt' }]);
    expect(await cache.getOrSet('cache:a:1', 60, () => 'new')).toBe('new');
    expect(await cache.get('cache:a:1')).toBe('new');
  });

  test('reports hits, misses with their reason and writes, by key prefix alone', async () => {
    const { cache, clock, sink } = setup();
    await cache.getOrSet('cache:user:42', 5, () => 1);
    clock.advance(1000);
    await cache.get('cache:user:42');
    clock.advance(4000);
    await cache.get('cache:user:42');
    expect(sink.events).toEqual([
      { type: 'cache.miss', keyPrefix: 'cache:user:', reason: 'absent', durationMs: 0 },
      { type: 'cache.load', keyPrefix: 'cache:user:', outcome: 'value', keys: 1, durationMs: 0 },
      { type: 'cache.write', keyPrefix: 'cache:user:', ttlSeconds: 5, bytes: 1, durationMs: 0 },
      { type: 'cache.hit', keyPrefix: 'cache:user:', tier: 'kv', ageMs: 1000, bytes: 1, durationMs: 0 },
      { type: 'cache.miss', keyPrefix: 'cache:user:', reason: 'expired', durationMs: 0 },
    ]);
  });

  test('get and getMany take a failing KV for a miss and report it', async () => {
    const { cache, kv, sink } = setup();
    kv.failAll('get');
    expect(await cache.get('cache:a:1')).toBeNull();
    expect(await cache.getMany(['cache:a:1', '42'])).toEqual(
      new Map([
        ['cache:a:1', null],
        ['42', null],
      ]),
    );
    expect(sink.ofType('cache.error').map(({ code }) => code)).toEqual(Array(3).fill('KV_READ_FAILED'));
    expect(sink.ofType('cache.miss').map(({ reason }) => reason)).toEqual(['error', 'error', 'error']);
    expect(JSON.stringify(sink.ofType('cache.error').map(({ error }) => String(error)))).not.toContain('cache:a:1');
  });

  test('getMany gives null for misses and reads 150 keys in two operations', async () => {
    const { cache, kv, clock } = setup();
    const keys = Array.from({ length: 150 }, (_, index) => `cache:a:${index}`);
    for (const key of keys.slice(1)) await cache.set(key, key, key.endsWith('9') ? 5 : 600);
    clock.advance(5000);
    const before = kv.operations;
    const values = await cache.getMany<string>(keys);
    expect(kv.operations - before).toBe(2);
    expect([...values.keys()]).toEqual(keys);
    for (const [key, value] of values) expect(value).toBe(key.endsWith('9') || key.endsWith(':0') ? null : key);
  });

  test('getMany accepts an empty value that a bulk read answers bare', async () => {
    const { cache, kv } = setup();
    kv.getWithMetadata = (async () => new Map([['cache:a:1', '']])) as unknown as typeof kv.getWithMetadata;
    const other = new CacheClient(kv);
    expect(await other.getMany(['cache:a:1'])).toEqual(new Map([['cache:a:1', null]]));
    expect(await cache.getMany([])).toEqual(new Map());
  });

  test('set and delete tell when they failed', async () => {
    const { cache, kv } = setup();
    kv.failAll('put', new Error('KV PUT failed: 429 Too Many Requests'));
    kv.failAll('delete');
    expect(await codeOf(() => cache.set('a', 1, 60))).toBe('KV_RATE_LIMITED');
    expect(await codeOf(() => cache.delete('a'))).toBe('KV_DELETE_FAILED');
    expect(await cache.deleteMany(['a'])).toMatchObject({ deleted: 0, failed: [{ key: 'a' }] });
    expect(await codeOf(() => cache.set('a', undefined, 60))).toBe('INVALID_VALUE');
  });

  test('deletePrefix deletes what begins with it, and refuses the empty prefix', async () => {
    const { cache } = setup();
    await cache.set('cache:a:1', 1, 60);
    await cache.set('cache:b:1', 1, 60);
    expect(await codeOf(() => cache.deletePrefix(''))).toBe('INVALID_PREFIX');
    expect(await cache.deletePrefix('cache:a:')).toEqual({ deleted: 1, failed: [] });
    expect([await cache.get('cache:a:1'), await cache.get('cache:b:1')]).toEqual([null, 1]);
  });
});

describe('CacheClient.getOrSet', () => {
  test('returns the value when the read fails, and reports it', async () => {
    const { cache, kv, sink } = setup();
    kv.failAll('get');
    expect(await cache.getOrSet('cache:a:1', 60, () => 1)).toBe(1);
    expect(sink.ofType('cache.error')).toMatchObject([{ source: 'cache', operation: 'read', code: 'KV_READ_FAILED' }]);
    expect(sink.ofType('cache.miss')).toMatchObject([{ reason: 'error' }]);
  });

  test('returns the value when the write fails, and reports it', async () => {
    const { cache, kv, sink } = setup();
    kv.failAll('put', new Error('KV PUT failed: 429 Too Many Requests'));
    expect(await cache.getOrSet('cache:a:1', 60, () => 1)).toBe(1);
    expect(sink.ofType('cache.error')).toMatchObject([{ operation: 'write', code: 'KV_RATE_LIMITED' }]);
    expect(sink.ofType('cache.write')).toEqual([]);
  });

  test('returns the value when the namespace throws at once', async () => {
    const { kv } = setup();
    kv.getWithMetadata = () => {
      throw new Error('at once');
    };
    expect(await new CacheClient(kv).getOrSet('cache:a:1', 60, () => 1)).toBe(1);
  });

  test('returns the value in two timeouts when KV hangs', async () => {
    jest.useFakeTimers();
    const sink = new RecordingSink();
    const kv = new MemoryKVNamespace();
    kv.hang();
    const cache = new CacheClient(kv, { timeoutMs: 100, events: sink });
    const value = cache.getOrSet('cache:a:1', 60, () => 1);
    await jest.advanceTimersByTimeAsync(200);
    expect(await value).toBe(1);
    expect(sink.ofType('cache.error').map(({ code }) => code)).toEqual(['KV_TIMEOUT', 'KV_TIMEOUT']);
    expect(jest.getTimerCount()).toBe(0);
    jest.useRealTimers();
  });

  test('has stored the value when it resolves', async () => {
    const { cache, kv } = setup();
    await cache.getOrSet('cache:a:1', 60, async () => ({ n: 1 }));
    expect(await kv.get('cache:a:1')).toBe('{"n":1}');
  });

  test.each([
    ['rejects', async () => Promise.reject(new TypeError('mine'))],
    [
      'throws at once',
      () => {
        throw new TypeError('mine');
      },
    ],
  ])('hands on the same error when the loader %s, and writes nothing', async (_how, fail) => {
    const { cache, kv } = setup();
    let thrown: unknown;
    const loader = async () => {
      try {
        return await fail();
      } catch (error) {
        thrown = error;
        throw error;
      }
    };
    expect(await errorOf(() => cache.getOrSet('cache:a:1', 60, loader))).toBe(thrown);
    await expect(cache.getOrSet('cache:a:1', 60, fail)).rejects.toThrow('mine');
    expect(kv.counts.put).toBe(0);
  });

  test.each([undefined, 1n, () => 1, { big: 1n }])(
    'returns what JSON cannot hold (%p) and does not store it',
    async (value) => {
      const { cache, kv, sink } = setup();
      expect(await cache.getOrSet<unknown>('cache:a:1', 60, () => value)).toBe(value);
      expect(kv.counts.put).toBe(0);
      expect(sink.ofType('cache.skip')).toMatchObject([{ keyPrefix: 'cache:a:' }]);
    },
  );

  test('is not disturbed by a sink that throws', async () => {
    const { kv } = setup();
    const cache = new CacheClient(kv, {
      events: {
        emit() {
          throw new Error('sink');
        },
      },
    });
    expect(await cache.getOrSet('cache:a:1', 60, () => 1)).toBe(1);
    expect(await cache.getOrSet('cache:a:1', 60, neverLoads)).toBe(1);
  });

  test('hands its write to waitUntil, and does without when that throws', async () => {
    const { kv } = setup();
    const waitUntil = jest.fn();
    expect(await new CacheClient(kv, { waitUntil }).getOrSet('cache:a:1', 60, () => 1)).toBe(1);
    expect(waitUntil).toHaveBeenCalledTimes(1);
    const over = () => {
      throw new Error('over');
    };
    expect(await new CacheClient(kv, { waitUntil: over }).getOrSet('cache:a:2', 60, () => 2)).toBe(2);
    expect(await kv.get('cache:a:2')).toBe('2');
  });
});

describe('CacheClient.getOrSet, many calls at once', () => {
  const fifty = <T>(call: (index: number) => Promise<T>) => Array.from({ length: 50 }, (_, index) => call(index));

  test('50 calls of one key share one read, one load and one write', async () => {
    const { cache, kv } = setup();
    const loader = jest.fn(async () => ({ n: 1 }));
    const values = await Promise.all(fifty(() => cache.getOrSet('cache:a:1', 60, loader)));
    expect(values).toEqual(Array(50).fill({ n: 1 }));
    expect(loader).toHaveBeenCalledTimes(1);
    expect(kv.counts).toMatchObject({ get: 1, put: 1 });
  });

  test('no two callers share an object, after a load and after a hit', async () => {
    const { cache } = setup();
    for (const _round of ['load', 'hit']) {
      const values = await Promise.all(fifty(() => cache.getOrSet('cache:a:1', 60, () => ({ list: [1] }))));
      expect(new Set(values).size).toBe(50);
      expect(new Set(values.map((value) => value.list)).size).toBe(50);
    }
  });

  test('gives each caller a copy of what JSON cannot hold, and a stream or a function as it is', async () => {
    const { cache } = setup();
    const value = { big: 1n };
    const values = await Promise.all(fifty(() => cache.getOrSet('cache:a:1', 60, async () => value)));
    expect(values).toEqual(Array(50).fill(value));
    expect(new Set(values).size).toBe(50);
    const call = (): number => 1;
    const calls = await Promise.all(fifty(() => cache.getOrSet('cache:a:2', 60, async () => call)));
    expect(new Set(calls)).toEqual(new Set([call]));
  });

  test('a load that fails rejects all with the same error, and the next call loads again', async () => {
    const { cache } = setup();
    const error = new Error('mine');
    const loader = jest.fn(async () => Promise.reject(error));
    const results = await Promise.allSettled(fifty(() => cache.getOrSet('cache:a:1', 60, loader)));
    expect(results.every((result) => result.status === 'rejected' && result.reason === error)).toBe(true);
    expect(loader).toHaveBeenCalledTimes(1);
    expect(await cache.getOrSet('cache:a:1', 60, () => 2)).toBe(2);
  });

  test('different keys do not wait for one another', async () => {
    const { cache } = setup();
    const slow = deferred<number>();
    const first = cache.getOrSet('cache:a:1', 60, () => slow.promise);
    expect(await cache.getOrSet('cache:a:2', 60, () => 2)).toBe(2);
    slow.resolve(1);
    expect(await first).toBe(1);
  });

  test.each([
    ['delete', (cache: CacheClient) => cache.delete('cache:a:1')],
    ['deleteMany', (cache: CacheClient) => cache.deleteMany(['cache:a:1'])],
    ['deletePrefix', (cache: CacheClient) => cache.deletePrefix('cache:a:')],
  ])('a load that began before a %s is not stored, and later calls load anew', async (_name, remove) => {
    const { cache, kv } = setup();
    const started = deferred<undefined>();
    const slow = deferred<string>();
    const old = cache.getOrSet('cache:a:1', 60, () => {
      started.resolve(undefined);
      return slow.promise;
    });
    await started.promise;
    await remove(cache);
    expect(await cache.getOrSet('cache:a:1', 60, () => 'new')).toBe('new');
    slow.resolve('old');
    expect(await old).toBe('old');
    expect(await kv.get('cache:a:1')).toBe('"new"');
  });

  test('a load that began before a set does not overwrite it', async () => {
    const { cache, kv } = setup();
    const started = deferred<undefined>();
    const slow = deferred<string>();
    const old = cache.getOrSet('cache:a:1', 60, () => {
      started.resolve(undefined);
      return slow.promise;
    });
    await started.promise;
    await cache.set('cache:a:1', 'set', 60);
    slow.resolve('old');
    await old;
    expect(await kv.get('cache:a:1')).toBe('"set"');
  });

  test('a delete that comes while a load is being written comes after it', async () => {
    const { cache, kv } = setup();
    const gate = deferred<undefined>();
    const writing = deferred<undefined>();
    const put = kv.put.bind(kv);
    kv.put = async (...args) => {
      writing.resolve(undefined);
      await gate.promise;
      return put(...args);
    };
    const load = cache.getOrSet('cache:a:1', 60, () => 'old');
    await writing.promise;
    const removal = cache.delete('cache:a:1');
    gate.resolve(undefined);
    await Promise.all([load, removal]);
    expect(await kv.get('cache:a:1')).toBeNull();
  });
});

describe('CacheClient.getOrSetMany', () => {
  const keysOf = (count: number) => Array.from({ length: count }, (_, index) => `cache:item:${index}`);

  test('loads what is missing in one call, stores it, and answers in the order asked', async () => {
    const { cache, kv } = setup();
    await cache.set('cache:item:1', 'stored', 60);
    const loader = jest.fn((missing: string[]) => new Map(missing.map((key) => [key, `loaded ${key}`])));
    const keys = ['cache:item:2', 'cache:item:1', 'cache:item:0', 'cache:item:2'];
    const values = await cache.getOrSetMany(keys, 60, loader);
    expect([...values]).toEqual([
      ['cache:item:2', 'loaded cache:item:2'],
      ['cache:item:1', 'stored'],
      ['cache:item:0', 'loaded cache:item:0'],
    ]);
    expect(loader.mock.calls.map(([missing]) => missing)).toEqual([['cache:item:2', 'cache:item:0']]);
    expect(await kv.get('cache:item:0')).toBe('"loaded cache:item:0"');
    expect(await cache.getOrSetMany(keys, 60, neverLoads)).toEqual(values);
  });

  test('reads 250 keys in three operations', async () => {
    const { cache, kv } = setup();
    await cache.getOrSetMany(keysOf(250), 60, () => new Map());
    expect(kv.operations).toBe(3);
  });

  test('answers null for what the loader leaves out, and keeps a loaded null, false, 0 and empty text', async () => {
    const { cache } = setup();
    const loaded = new Map<string, unknown>([['cache:item:0', null], ['cache:item:1', false], ['cache:item:2', 0], ['cache:item:3', '']]); // prettier-ignore
    const values = await cache.getOrSetMany(keysOf(5), 60, () => loaded);
    expect([...values.values()]).toEqual([null, false, 0, '', null]);
    expect(await cache.lookup('cache:item:0')).toMatchObject({ status: 'hit', value: null });
    expect(await cache.lookup('cache:item:4')).toMatchObject({ status: 'miss', reason: 'absent' });
  });

  test('is not failed by KV: reads that fail are misses, writes that fail are reported', async () => {
    const { cache, kv, sink } = setup();
    kv.failAll('get');
    kv.failAll('put');
    const values = await cache.getOrSetMany(keysOf(3), 60, (missing) => new Map(missing.map((key) => [key, key])));
    expect([...values.values()]).toEqual(keysOf(3));
    expect(sink.ofType('cache.error').map(({ operation }) => operation)).toContain('write');
  });

  test('passes the error of the loader on as it is, and stores nothing', async () => {
    const { cache, kv } = setup();
    const failure = new RangeError('no database');
    await expect(cache.getOrSetMany(keysOf(3), 60, () => Promise.reject(failure))).rejects.toBe(failure);
    expect((await kv.list()).keys).toEqual([]);
  });

  test('does not overwrite what was deleted or set during the load', async () => {
    const { cache } = setup();
    const load = deferred<Map<string, string>>();
    const values = cache.getOrSetMany(keysOf(3), 60, () => load.promise);
    await cache.delete('cache:item:0');
    await cache.set('cache:item:1', 'newer', 60);
    load.resolve(new Map(keysOf(3).map((key) => [key, 'older'])));
    expect([...(await values).values()]).toEqual(['older', 'older', 'older']);
    expect([...(await cache.getMany(keysOf(3))).values()]).toEqual([null, 'newer', 'older']);
  });

  test('refuses a loader that answers with something else than a Map, and a bad TTL before it is asked', async () => {
    const { cache, kv } = setup();
    expect(await codeOf(() => cache.getOrSetMany(['a'], 60, () => ({ a: 1 }) as never))).toBe('INVALID_VALUE');
    expect(await codeOf(() => cache.getOrSetMany(['a'], 0, neverLoads))).toBe('INVALID_TTL');
    expect((await kv.list()).keys).toEqual([]);
  });
});

describe('CacheClient events', () => {
  test('hold no full key, whatever failed', async () => {
    const { cache, kv, sink } = setup();
    const error = new Error('KV PUT failed: 500 Internal Server Error');
    kv.failAll('put', error);
    kv.failAll('get', error);
    await cache.getOrSet('cache:user:alice@example.com', 60, () => 1);
    await cache.getOrSetMany(['cache:user:bob@example.com'], 60, () => new Map([['cache:user:bob@example.com', 1]]));
    expect(sink.ofType('cache.error').length).toBeGreaterThanOrEqual(4);
    for (const event of sink.ofType('cache.error')) {
      const shown = [event.keyPrefix, String(event.error), JSON.stringify(event), String((event.error as Error).cause)];
      expect(shown.join()).not.toMatch(/alice|bob/);
    }
  });

  test('may be taken by an async sink that rejects', async () => {
    const unhandled = jest.fn();
    process.on('unhandledRejection', unhandled);
    const emit = (async () => Promise.reject(new Error('sink'))) as () => void;
    await new CacheClient(new MemoryKVNamespace(), { events: { emit } }).get('cache:a:b');
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe('CacheClient over a KV that hangs', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test.each([
    [
      'getMany of keys that are read singly',
      async (cache: CacheClient) => cache.getMany(Array.from({ length: 200 }, (_, index) => String(index))),
    ],
    [
      'getOrSetMany',
      async (cache: CacheClient) =>
        cache.getOrSetMany(
          Array.from({ length: 200 }, (_, index) => `cache:a:${index}`),
          60,
          (keys) => new Map(keys.map((key) => [key, 1])),
        ),
    ],
    [
      'deleteMany',
      async (cache: CacheClient) => cache.deleteMany(Array.from({ length: 200 }, (_, index) => `cache:a:${index}`)),
    ],
  ])('%s costs two timeouts, not one for every key', async (_name, act) => {
    const kv = new MemoryKVNamespace();
    kv.hang();
    const done = jest.fn();
    const work = act(new CacheClient(kv, { timeoutMs: 100 })).then(done);
    await jest.advanceTimersByTimeAsync(250);
    expect(done).toHaveBeenCalledTimes(1);
    await work;
  });
});

describe('CacheClient over many keys', () => {
  test('refuses a single string and what is no list, of which it would take the characters for keys', async () => {
    const { cache, kv } = setup();
    for (const keys of ['cache:a:b', undefined, null, 5, {}]) {
      expect(await codeOf(() => cache.deleteMany(keys as string[]))).toBe('INVALID_KEY');
      expect(await codeOf(() => cache.getMany(keys as string[]))).toBe('INVALID_KEY');
      expect(await codeOf(() => cache.getOrSetMany(keys as string[], 60, neverLoads))).toBe('INVALID_KEY');
    }
    expect(kv.operations).toBe(0);
  });

  test('takes a namespace without bulk reads for one that fails', async () => {
    const kv = new MemoryKVNamespace();
    Object.assign(kv, { getWithMetadata: async () => ({ value: null, metadata: null }) });
    expect(await new CacheClient(kv).getMany(['a', 'b'])).toEqual(new Map([['a', null], ['b', null]])); // prettier-ignore
  });
});
