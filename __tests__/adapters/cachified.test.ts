import type { Cache, CachifiedOptions } from '@epic-web/cachified';
import { cachified, softPurge, totalTtl } from '@epic-web/cachified';
import type { CachifiedKVCache } from '../../src/adapters/cachified.js';
import { cachifiedCache } from '../../src/adapters/cachified.js';
import { OperationBudget } from '../../src/clients/kv/operation-budget.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';
import { codeOf } from '../support/kv.js';

// The types of a consumer who has cachified accept the adapter; tsc checks it.
export const isACache = (cache: CachifiedKVCache): Cache => cache;

const KEY = 'cache:content:featured';

function setup(options: { writesPerSecondPerKey?: boolean } = {}) {
  const clock = new ManualClock();
  jest.spyOn(Date, 'now').mockImplementation(clock.now);
  const kv = new MemoryKVNamespace({ now: clock.now, ...options });
  const sink = new RecordingSink();
  const cache = cachifiedCache(kv, { events: sink, timeoutMs: 20 });
  let loads = 0;
  const background: Promise<unknown>[] = [];
  const ask = async <V>(value: V, more: Partial<CachifiedOptions<V>> = {}): Promise<V> =>
    cachified<V>({
      key: KEY,
      cache,
      ttl: 30_000,
      waitUntil: (promise) => background.push(promise),
      getFreshValue: () => {
        loads += 1;
        return value;
      },
      ...more,
    });
  return { clock, kv, sink, cache, ask, background, loads: () => loads };
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('cachified() over cachifiedCache', () => {
  test('loads once within its TTL, with one KV operation per hit', async () => {
    const { kv, ask, loads } = setup();
    expect(await ask({ id: 1 })).toEqual({ id: 1 });
    const before = kv.operations;
    expect(await ask({ id: 2 })).toEqual({ id: 1 });
    expect(loads()).toBe(1);
    expect(kv.operations - before).toBe(1);
  });

  test('keeps the value as plain JSON, and the record of cachified in metadata', async () => {
    const { kv, clock, ask } = setup();
    await ask(['a'], { swr: 60_000 });
    expect(await kv.getWithMetadata(KEY, 'text')).toMatchObject({
      value: '["a"]',
      metadata: { createdTime: clock.now(), ttl: 30_000, swr: 60_000 },
    });
  });

  test.each([
    ['what cachified takes for less than 60 seconds', { ttl: 1_000 }, 60],
    ['ttl and swr together', { ttl: 30_000, swr: 60_500 }, 91],
    ['more than KV can count', { ttl: 1e15 }, 2_147_483_647],
    ['an endless ttl', { ttl: Infinity }, undefined],
    ['an endless swr, of which cachified writes null', { ttl: 1_000, swr: Infinity }, undefined],
  ])('gives KV a lifetime for %s', async (_name, times, seconds) => {
    const { kv, clock, ask } = setup();
    await ask(1, times);
    const { keys } = await kv.list();
    const expiration = seconds === undefined ? undefined : Math.floor(clock.now() / 1000) + seconds;
    expect(keys.map((key) => key.expiration)).toEqual([expiration]);
  });

  test('expires a TTL below 60 seconds on time', async () => {
    const { clock, ask, loads } = setup();
    await ask(1, { ttl: 5_000 });
    clock.advance(5_001);
    expect(await ask(2, { ttl: 5_000 })).toBe(2);
    expect(loads()).toBe(2);
  });

  test('serves stale and refreshes in waitUntil', async () => {
    const { clock, ask, background } = setup();
    const times = { ttl: 10_000, swr: 60_000 };
    await ask('old', times);
    clock.advance(20_000);
    expect(await ask('new', times)).toBe('old');
    await Promise.all(background);
    expect(await ask('newer', times)).toBe('new');
  });

  test('serves stale without end with an endless swr', async () => {
    const { clock, ask, background } = setup();
    const times = { ttl: 10_000, swr: Infinity };
    await ask('old', times);
    clock.advance(365 * 86_400_000);
    expect(await ask('new', times)).toBe('old');
    await Promise.all(background);
  });

  test('softPurge makes an entry stale', async () => {
    const { cache, clock, ask, background } = setup();
    await ask('old');
    clock.advance(1);
    await softPurge({ cache, key: KEY, swr: 10_000 });
    clock.advance(1);
    expect(await ask('new')).toBe('old');
    await Promise.all(background);
    expect(await ask('newer')).toBe('new');
  });

  test('keeps null, false, 0 and the empty string', async () => {
    for (const value of [null, false, 0, '']) {
      const { ask, loads } = setup();
      await ask<unknown>(value);
      expect(await ask<unknown>('other')).toBe(value);
      expect(loads()).toBe(1);
    }
  });

  test('never stores undefined: one read per call, no write, an event', async () => {
    const { kv, sink, ask, loads } = setup();
    expect(await ask<unknown>(undefined)).toBeUndefined();
    expect(await ask<unknown>(undefined)).toBeUndefined();
    expect(loads()).toBe(2);
    expect(kv.counts).toEqual({ get: 2, put: 0, delete: 0, list: 0 });
    expect(sink.ofType('cache.skip')).toMatchObject([{ keyPrefix: 'cache:content:' }, { keyPrefix: 'cache:content:' }]);
  });

  test('hands over what JSON cannot hold and does not store it', async () => {
    const { kv, sink, ask } = setup();
    expect(await ask({ n: 1n })).toEqual({ n: 1n });
    expect(kv.counts.put).toBe(0);
    expect(sink.ofType('cache.skip')).toHaveLength(1);
  });

  test.each<[string, unknown, string]>([
    ['a Date', { at: new Date(0) }, 'a Date at $.at'],
    ['a Map', new Map([['joe@secret.example', 1]]), 'a Map at $'],
    ['NaN', [NaN], 'NaN at $[0]'],
    ['a class', { 'joe@secret.example': new (class User {})() }, 'an instance of User at $["…"]'],
  ])('hands over %s, which JSON would change, and does not store it', async (_name, value, where) => {
    const { kv, sink, ask, loads } = setup();
    expect(await ask(value)).toBe(value);
    expect(await ask(value)).toBe(value);
    expect([loads(), kv.counts.put]).toEqual([2, 0]);
    const reason = `JSON cannot hold ${where}; give plain data, or the option loose to store what JSON makes of it`;
    expect(sink.ofType('cache.skip')).toMatchObject([{ reason }, { reason }]);
  });

  test('stores what JSON makes of a value where it is told to be loose', async () => {
    const { kv, sink } = setup();
    const cache = cachifiedCache(kv, { loose: true, events: sink });
    const ask = async (value: unknown, key = KEY): Promise<unknown> =>
      cachified({ key, cache, ttl: 30_000, getFreshValue: () => value });
    await ask({ at: new Date(0), map: new Map([[1, 2]]), list: [NaN] });
    expect(await ask('other')).toEqual({ at: '1970-01-01T00:00:00.000Z', map: {}, list: [null] });
    await ask({ n: 1n }, 'cache:content:big');
    expect(sink.ofType('cache.skip')).toHaveLength(1);
  });

  test('a read that fails is a miss, and does not delete the good key', async () => {
    const { kv, sink, ask } = setup();
    await ask('good');
    kv.failNext('get');
    kv.failNext('put');
    expect(await ask('fresh')).toBe('fresh');
    expect(kv.counts.delete).toBe(0);
    expect(sink.ofType('cache.error')).toMatchObject([
      { operation: 'read', code: 'KV_READ_FAILED', keyPrefix: 'cache:content:' },
      { operation: 'write', code: 'KV_WRITE_FAILED' },
    ]);
    expect(await ask('other')).toBe('good');
  });

  test('a KV that fails in everything changes no answer', async () => {
    const { kv, ask } = setup();
    kv.failAll();
    expect(await ask('a')).toBe('a');
    expect(await ask('b', { forceFresh: true })).toBe('b');
    expect(await ask('c', { checkValue: () => true })).toBe('c');
  });

  test('a KV that hangs costs its timeouts and changes no answer', async () => {
    const { kv, sink, ask } = setup();
    kv.hang();
    expect(await ask('a')).toBe('a');
    expect(sink.ofType('cache.error').map(({ operation, code }) => [operation, code])).toEqual([
      ['read', 'KV_TIMEOUT'],
      ['write', 'KV_TIMEOUT'],
    ]);
  });

  test('a value that is refused by checkValue is replaced, also when its delete fails', async () => {
    const { kv, sink, ask } = setup();
    await ask('bad');
    kv.failAll('delete');
    expect(await ask('good', { checkValue: (value) => value === 'good' })).toBe('good');
    expect(sink.ofType('cache.error')).toMatchObject([{ operation: 'delete', code: 'KV_DELETE_FAILED' }]);
    expect(await ask('other')).toBe('good');
  });

  test('a value that is not JSON is a miss and is overwritten, not deleted', async () => {
    const { kv, sink, ask } = setup();
    await kv.put(KEY, '{"password":"hunter2"');
    expect(await ask('fresh')).toBe('fresh');
    expect(kv.counts.delete).toBe(0);
    expect(await ask('other')).toBe('fresh');
    const [event] = sink.ofType('cache.error');
    expect(event).toMatchObject({ code: 'KV_CORRUPT_VALUE' });
    expect(String(event?.error)).not.toContain('hunter2');
  });

  test.each([[undefined], [{ owner: 'someone' }], ['text'], [{ createdTime: 'x' }], [{ createdTime: 1, ttl: '5' }]])(
    'takes a value with metadata %j of another writer as fresh',
    async (metadata) => {
      const { kv, ask, loads } = setup();
      await kv.put(KEY, '"seeded"', metadata === undefined ? {} : { metadata });
      expect(await ask('fresh')).toBe('seeded');
      expect(loads()).toBe(0);
      expect(kv.counts.delete).toBe(0);
    },
  );

  test('reads what another adapter of cachified wrote, fields of its own included', async () => {
    const { kv, clock, cache, ask } = setup();
    const metadata = { createdTime: clock.now(), ttl: 1_000, swv: 5, more: 1 };
    await kv.put(KEY, '"theirs"', { metadata });
    expect(await ask('fresh')).toBe('theirs');
    expect(totalTtl((await cache.get(KEY))?.metadata)).toBe(1_005);
    clock.advance(2_000);
    expect(await ask('fresh')).toBe('fresh');
  });

  test('leaves out a traceId for which metadata has no room', async () => {
    const { kv, clock, ask } = setup();
    await ask('a', { traceId: 'x'.repeat(2_000) });
    expect((await kv.getWithMetadata(KEY, 'text')).metadata).toEqual({ createdTime: clock.now(), ttl: 30_000, swr: 0 });
    await ask('b', { forceFresh: true, traceId: 't1' });
    expect((await kv.getWithMetadata(KEY, 'text')).metadata).toMatchObject({ traceId: 't1' });
  });

  test('a second write within a second is an event, not an error', async () => {
    const { sink, ask } = setup({ writesPerSecondPerKey: true });
    await ask('a');
    expect(await ask('b', { forceFresh: true })).toBe('b');
    expect(sink.ofType('cache.error')).toMatchObject([{ operation: 'write', code: 'KV_RATE_LIMITED' }]);
  });

  test('passes on what the loader throws', async () => {
    const { ask } = setup();
    const failing = ask('', { getFreshValue: () => Promise.reject(new Error('database is down')) });
    await expect(failing).rejects.toThrow('database is down');
  });

  test('loads once for 50 callers of one cache', async () => {
    const { ask, loads } = setup();
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask('a')));
    expect(new Set(answers)).toEqual(new Set(['a']));
    expect(loads()).toBe(1);
  });

  test('a bad key is refused aloud', async () => {
    const { kv, ask } = setup();
    expect(await codeOf(() => ask('a', { key: 'k'.repeat(513) }))).toBe('INVALID_KEY');
    expect(kv.operations).toBe(0);
  });
});

describe('cachifiedCache', () => {
  test('tells whether it stored and deleted', async () => {
    const { kv, cache } = setup();
    const entry = { value: 1, metadata: { createdTime: 0, ttl: 1_000, swr: 0 } };
    expect(await cache.set(KEY, entry)).toBe(true);
    expect(await cache.delete(KEY)).toBe(true);
    kv.failAll();
    expect(await cache.set(KEY, entry)).toBe(false);
    expect(await cache.delete(KEY)).toBe(false);
  });

  test('stores nothing with the last tenth of a budget, and reads nothing without any', async () => {
    const { kv, sink } = setup();
    const budget = new OperationBudget(10);
    const cache = cachifiedCache(kv, { budget, events: sink });
    const call = async () => cachified({ key: KEY, cache, getFreshValue: () => 'a' });
    for (let taken = 0; taken < 8; taken += 1) budget.take();
    expect([await call(), await call(), await call()]).toEqual(['a', 'a', 'a']);
    expect(kv.counts).toEqual({ get: 2, put: 0, delete: 0, list: 0 });
    expect(sink.ofType('kv.budget').map(({ spent }) => spent)).toEqual(['writes', 'all']);
    expect(sink.ofType('cache.error')).toMatchObject([{ operation: 'read', code: 'KV_BUDGET_SPENT' }]);
  });

  test('names itself for reporters', () => {
    expect(cachifiedCache(new MemoryKVNamespace()).name).toBe('cloudflare-kv');
    expect(cachifiedCache(new MemoryKVNamespace(), { name: 'content' }).name).toBe('content');
  });

  test('refuses what is not a namespace, and a bad timeout', async () => {
    expect(await codeOf(() => cachifiedCache({} as never))).toBe('INVALID_BINDING');
    expect(await codeOf(() => cachifiedCache(new MemoryKVNamespace(), { timeoutMs: 0 }))).toBe('INVALID_OPTION');
    const loose = 'yes' as never;
    expect(await codeOf(() => cachifiedCache(new MemoryKVNamespace(), { loose }))).toBe('INVALID_OPTION');
  });
});
