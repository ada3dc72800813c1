import type { KVStatsOptions } from '../../../src/clients/kv/key-stats.js';
import { KVClient } from '../../../src/clients/kv/kv-client.js';
import type { KVListOptionsLike, KVListResultLike } from '../../../src/clients/kv/kv-namespace.js';
import { OperationBudget } from '../../../src/clients/kv/operation-budget.js';
import { ManualClock, MemoryKVNamespace } from '../../../src/testing.js';
import { codeOf, errorOf, fc } from '../../support/kv.js';

function setup() {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  return { clock, kv, client: new KVClient(kv, { now: clock.now }) };
}

interface Listed {
  readonly list: (options?: KVListOptionsLike) => Promise<KVListResultLike>;
}

/** A namespace that lists what it is told to. */
function listing({ list }: Listed): KVClient {
  const kv = new MemoryKVNamespace();
  const { get, getWithMetadata } = kv;
  const namespace = { get, getWithMetadata, put: kv.put.bind(kv), delete: kv.delete.bind(kv), list };
  return new KVClient(namespace);
}

describe('KVClient.stats', () => {
  test('counts keys by pattern: metadata, those that expire soon, those that never do', async () => {
    const { clock, kv, client } = setup();
    await kv.put('cache:content:a', '1', { expirationTtl: 600, metadata: { v: 'é' } });
    await kv.put('cache:content:b', '1', { expirationTtl: 7200, metadata: null });
    await kv.put('cache:users:1', '1', { expirationTtl: 3600 });
    await kv.put('session:x', '1', { expirationTtl: 3601, metadata: 'm' });
    await kv.put('plain', '1');
    expect(await client.stats()).toEqual({
      keys: 5,
      metadataBytes: 13,
      expiringSoon: 2,
      withoutExpiry: 1,
      isComplete: true,
      patterns: new Map([
        ['cache:content:', { keys: 2, metadataBytes: 10, expiringSoon: 1 }],
        ['cache:users:', { keys: 1, metadataBytes: 0, expiringSoon: 1 }],
        ['', { keys: 1, metadataBytes: 0, expiringSoon: 0 }],
        ['session:', { keys: 1, metadataBytes: 3, expiringSoon: 0 }],
      ]),
    });
    clock.advance(1_000);
    expect(await client.stats({ prefix: 'session:' })).toMatchObject({ keys: 1, expiringSoon: 1 });
    expect(await client.stats({ prefix: 'session:', expiringWithinSeconds: 60 })).toMatchObject({ expiringSoon: 0 });
  });

  test('is empty for a namespace without keys', async () => {
    const { client } = setup();
    expect(await client.stats()).toEqual({
      keys: 0,
      metadataBytes: 0,
      expiringSoon: 0,
      withoutExpiry: 0,
      isComplete: true,
      patterns: new Map(),
    });
  });

  test('follows all pages of 2,600 keys', async () => {
    const { kv, client } = setup();
    for (let index = 0; index < 2_600; index += 1) await kv.put(`k:${index}`, '1');
    expect(await client.stats({ prefix: 'k:' })).toMatchObject({ keys: 2_600, isComplete: true });
    expect(kv.counts.list).toBe(3);
  });

  test('stops after the pages that it was given, and says so', async () => {
    const { kv, client } = setup();
    for (let index = 0; index < 2_600; index += 1) await kv.put(`k:${index}`, '1');
    expect(await client.stats({ maxPages: 2 })).toMatchObject({ keys: 2_000, isComplete: false });
    expect(kv.counts.list).toBe(2);
    expect(await client.stats({ maxPages: 3 })).toMatchObject({ keys: 2_600, isComplete: true });
  });

  test('follows empty pages, for any pages', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 20 }), { minLength: 1, maxLength: 12 }), async (sizes) => {
        const client = listing({
          list: async ({ cursor = '0' } = {}) => {
            const page = Number(cursor);
            const keys = Array.from({ length: sizes[page]! }, (_, index) => ({ name: `p${page % 3}:${index}` }));
            return page === sizes.length - 1
              ? { keys, list_complete: true }
              : { keys, list_complete: false, cursor: String(page + 1) };
          },
        });
        const { keys, withoutExpiry, isComplete, patterns } = await client.stats();
        const sum = sizes.reduce((all, size) => all + size, 0);
        expect({ keys, withoutExpiry, isComplete }).toEqual({ keys: sum, withoutExpiry: sum, isComplete: true });
        expect([...patterns.values()].reduce((all, pattern) => all + pattern.keys, 0)).toBe(sum);
      }),
    );
  });

  test('counts the keys of all patterns after the first 1,000 together', async () => {
    const { kv, client } = setup();
    for (let index = 0; index < 1_200; index += 1) await kv.put(`k${String(index).padStart(4, '0')}:a`, '1');
    await kv.put('k0000:b', '1');
    const { keys, patterns } = await client.stats();
    expect(keys).toBe(1_201);
    expect(patterns.size).toBe(1_001);
    expect(patterns.get('(other)')).toEqual({ keys: 200, metadataBytes: 0, expiringSoon: 0 });
    expect(patterns.get('k0000:')?.keys).toBe(2);
  });

  test('groups by a pattern of the caller, and passes on what that throws', async () => {
    const { kv, client } = setup();
    await kv.put('user/1/name', '1');
    await kv.put('user/2/name', '1');
    const { patterns } = await client.stats({ patternOf: (name) => name.replace(/\d+/, '*') });
    expect([...patterns.keys()]).toEqual(['user/*/name']);
    const own = new RangeError('mine');
    const act = () =>
      client.stats({
        patternOf: () => {
          throw own;
        },
      });
    expect(await errorOf(act)).toBe(own);
  });

  test('counts what a lagging listing still shows after its end as expiring soon', async () => {
    const client = listing({ list: async () => ({ keys: [{ name: 'a', expiration: 1 }], list_complete: true }) });
    expect(await client.stats()).toMatchObject({ keys: 1, expiringSoon: 1, withoutExpiry: 0 });
  });

  test.each<[KVStatsOptions, string]>([
    [{ maxPages: 0 }, 'Option maxPages 0 is refused: give an integer from 1 to 1000.'],
    [{ maxPages: 1001 }, 'Option maxPages 1001 is refused'],
    [{ maxPages: 1.5 }, 'Option maxPages 1.5 is refused'],
    [{ maxPages: '5' as never }, 'Option maxPages "5" is refused'],
    [{ expiringWithinSeconds: 0 }, 'Option expiringWithinSeconds 0 is refused: give an integer from 1 to 2147483647.'],
    [{ expiringWithinSeconds: NaN }, 'Option expiringWithinSeconds NaN is refused'],
    [{ patternOf: 'cache:' as never }, 'Option patternOf "cache:" is refused: give a function.'],
  ])('refuses %p before KV is asked', async (options, message) => {
    const { kv, client } = setup();
    const error = await errorOf(() => client.stats(options));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain(message);
    expect(kv.operations).toBe(0);
  });

  test('refuses a prefix that KV does not take', async () => {
    const { client } = setup();
    expect(await codeOf(() => client.stats({ prefix: 'é'.repeat(300) }))).toBe('INVALID_PREFIX');
  });

  test('a failing list is KV_LIST_FAILED with the platform error as cause', async () => {
    const { kv, client } = setup();
    const cause = new Error('down');
    kv.failAll('list', cause);
    expect(await errorOf(() => client.stats({ prefix: 'a' }))).toMatchObject({
      code: 'KV_LIST_FAILED',
      message: 'KV list of "a" failed: down',
      cause,
    });
  });

  test.each([
    [0, 0],
    [1, 1_000],
    [2, 2_000],
  ])('answers what it counted when a budget of %i operations is spent', async (limit, keys) => {
    const { kv, clock } = setup();
    for (let index = 0; index < 2_600; index += 1) await kv.put(`k:${index}`, '1');
    const budget = new OperationBudget(Math.max(limit, 1));
    if (limit === 0) budget.take();
    const client = new KVClient(kv, { now: clock.now, budget });
    expect(await client.stats()).toEqual({
      keys,
      metadataBytes: 0,
      expiringSoon: 0,
      withoutExpiry: keys,
      isComplete: false,
      patterns: new Map(keys === 0 ? [] : [['k:', { keys, metadataBytes: 0, expiringSoon: 0 }]]),
    });
    expect(kv.counts.list).toBe(limit);
  });

  test.each([undefined, 'same'])('a page that leads to %p again is KV_LIST_FAILED', async (cursor) => {
    const page = { keys: [], list_complete: false, ...(cursor !== undefined && { cursor }) };
    const client = listing({ list: async () => page });
    expect(await codeOf(() => client.stats())).toBe('KV_LIST_FAILED');
  });
});
