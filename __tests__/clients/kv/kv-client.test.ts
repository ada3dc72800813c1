import { KVClient } from '../../../src/clients/kv/kv-client.js';
import type { KVNamespaceLike } from '../../../src/clients/kv/kv-namespace.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../../src/testing.js';
import { badKey, codeOf, errorOf, fc, goodKey, jsonValue } from '../../support/kv.js';

const TTL = { ttlSeconds: 60 };

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

function setup() {
  const kv = new MemoryKVNamespace();
  const sink = new RecordingSink();
  return { kv, sink, client: new KVClient(kv, { events: sink }) };
}

async function fill(kv: MemoryKVNamespace, prefix: string, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) await kv.put(`${prefix}${index}`, '1');
}

describe('KVClient', () => {
  test('gives back any JSON value, by get and by getMany, under any key', async () => {
    await fc.assert(
      fc.asyncProperty(goodKey(), jsonValue(), async (key, value) => {
        const { client } = setup();
        await client.put(key, value, TTL);
        expect(await client.get(key)).toEqual(value);
        expect(await client.getMany([key, 'other'])).toEqual(
          new Map([
            [key, value],
            ['other', key === 'other' ? value : null],
          ]),
        );
      }),
    );
  });

  test('refuses a bad key in every operation before KV is asked', async () => {
    await fc.assert(
      fc.asyncProperty(badKey(), async (key) => {
        const { client, kv } = setup();
        const acts = [
          () => client.get(key),
          () => client.getMany(['good', key]),
          () => client.put(key, 1, TTL),
          () => client.delete(key),
          () => client.deleteMany(['good', key]),
        ];
        for (const act of acts) expect(await codeOf(act)).toBe('INVALID_KEY');
        expect(kv.operations).toBe(0);
      }),
    );
  });

  test.each([0, -1, 59, 60.5, NaN, Infinity, 2_147_483_648, '60', null, undefined])(
    'refuses a TTL of %p and writes nothing',
    async (ttlSeconds) => {
      const { client, kv } = setup();
      expect(await codeOf(() => client.put('a', 1, { ttlSeconds: ttlSeconds as number }))).toBe('INVALID_TTL');
      expect(kv.operations).toBe(0);
    },
  );

  test('refuses a write without options', async () => {
    const { client } = setup();
    expect(await codeOf(() => client.put('a', 1, undefined as never))).toBe('INVALID_TTL');
  });

  test('refuses what JSON cannot hold, and says so without the value', async () => {
    const { client, kv } = setup();
    const cycle: Record<string, unknown> = { secret: 'hunter2' };
    cycle['self'] = cycle;
    for (const value of [undefined, () => 1, Symbol('s'), 1n, { n: 1n }, cycle]) {
      const error = await errorOf(() => client.put('a', value, TTL));
      expect(error).toMatchObject({ code: 'INVALID_VALUE' });
      expect(error.message).not.toContain('hunter2');
    }
    expect(kv.operations).toBe(0);
  });

  test('refuses a value above 25 MiB and metadata above 1024 bytes', async () => {
    const { client, kv } = setup();
    expect(await codeOf(() => client.put('a', 'x'.repeat(26_214_399), TTL))).toBe('INVALID_VALUE');
    expect(await codeOf(() => client.put('a', 1, { ...TTL, metadata: 'é'.repeat(512) }))).toBe('INVALID_VALUE');
    expect(kv.operations).toBe(0);
    await client.put('a', 1, { ...TTL, metadata: 'é'.repeat(511) });
  });

  test('writes a value above 100 kB and reports it', async () => {
    const { client, sink } = setup();
    await client.put('cache:content:small', 'x'.repeat(99_998), TTL);
    expect(sink.events).toEqual([]);
    await client.put('cache:content:large', 'x'.repeat(99_999), TTL);
    expect(await client.get('cache:content:large')).toHaveLength(99_999);
    expect(sink.events).toEqual([
      { type: 'kv.large-value', source: 'kv', keyPrefix: 'cache:content:', bytes: 100_001 },
    ]);
  });

  test('answers null for an absent key and KV_CORRUPT_VALUE for one that is not JSON', async () => {
    const { client, kv } = setup();
    await kv.put('a', '{"password":"hunter2"');
    expect(await client.get('absent')).toBeNull();
    const error = await errorOf(() => client.get('a'));
    expect(error).toMatchObject({ code: 'KV_CORRUPT_VALUE', message: 'The value of key "a" is not JSON.' });
    expect(error.cause).toBeUndefined();
  });

  test('getMany gives null for one corrupt value, reports it, and reads the others', async () => {
    const { client, kv, sink } = setup();
    await kv.put('cache:x:corrupt', '{');
    await kv.put('cache:x:good', '1');
    const values = await client.getMany(['cache:x:corrupt', 'cache:x:good']);
    expect([...values.values()]).toEqual([null, 1]);
    expect(sink.events).toMatchObject([{ type: 'client.error', code: 'KV_CORRUPT_VALUE', keyPrefix: 'cache:x:' }]);
    expect(String(sink.ofType('client.error')[0]?.error)).not.toContain('corrupt"');
  });

  test('getMany reads 250 keys in three operations, duplicates once', async () => {
    const { client, kv } = setup();
    await fill(kv, 'k:', 250);
    const before = kv.operations;
    const keys = Array.from({ length: 250 }, (_, index) => `k:${index}`);
    const values = await client.getMany([...keys, ...keys]);
    expect(values.size).toBe(250);
    expect([...values.values()].every((value) => value === 1)).toBe(true);
    expect(kv.operations - before).toBe(3);
  });

  test('getMany reads what bulk reads drop: integer-like keys and __proto__', async () => {
    const { client, kv } = setup();
    for (const key of ['42', '0', '__proto__', '4294967295', 'c:1']) await kv.put(key, `"${key}"`);
    const values = await client.getMany(['42', '0', '__proto__', '4294967295', 'c:1', '7']);
    expect([...values]).toEqual([
      ['42', '42'],
      ['0', '0'],
      ['__proto__', '__proto__'],
      ['4294967295', '4294967295'],
      ['c:1', 'c:1'],
      ['7', null],
    ]);
  });

  test('getMany reads singly what an answer lacks', async () => {
    const kv = new MemoryKVNamespace();
    await kv.put('a', '1');
    const forgetful = Object.assign(Object.create(kv) as KVNamespaceLike, {
      get: async (keys: string | string[]) => (Array.isArray(keys) ? new Map() : kv.get(keys)),
      getWithMetadata: kv.getWithMetadata,
      put: kv.put.bind(kv),
      delete: kv.delete.bind(kv),
      list: kv.list.bind(kv),
    });
    expect(await new KVClient(forgetful).getMany(['a', 'b'])).toEqual(
      new Map([
        ['a', 1],
        ['b', null],
      ]),
    );
  });

  test('getMany asks in halves when the answer would be over 25 MB', async () => {
    const { client, kv } = setup();
    await kv.put('a', `"${'a'.repeat(20_000_000)}"`);
    await kv.put('b', `"${'b'.repeat(20_000_000)}"`);
    const values = await client.getMany<string>(['a', 'b']);
    expect([values.get('a')?.length, values.get('b')?.length]).toEqual([20_000_000, 20_000_000]);
  });

  test.each([
    ['get', 'KV_READ_FAILED', (client: KVClient) => client.get('a')],
    ['get', 'KV_READ_FAILED', (client: KVClient) => client.getMany(['a', 'b'])],
    ['get', 'KV_READ_FAILED', (client: KVClient) => client.getMany(['1', '2'])],
    ['put', 'KV_WRITE_FAILED', (client: KVClient) => client.put('a', 1, TTL)],
    ['delete', 'KV_DELETE_FAILED', (client: KVClient) => client.delete('a')],
    ['list', 'KV_LIST_FAILED', (client: KVClient) => collect(client.list())],
    ['list', 'KV_LIST_FAILED', (client: KVClient) => client.deletePrefix('a')],
  ] as const)('a failing %s is %s with the platform error as cause', async (operation, code, act) => {
    const { client, kv } = setup();
    const cause = new Error('down');
    kv.failAll(operation, cause);
    const error = await errorOf(() => act(client));
    expect(error).toMatchObject({ code, cause });
    expect(error.message).toContain('down');
  });

  test('a write that is refused with 429 is KV_RATE_LIMITED and is not retried', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
    const client = new KVClient(kv);
    await client.put('a', 1, TTL);
    expect(await codeOf(() => client.put('a', 2, TTL))).toBe('KV_RATE_LIMITED');
    expect(kv.counts.put).toBe(2);
  });

  test('every operation on a KV that hangs is cut off', async () => {
    jest.useFakeTimers();
    const kv = new MemoryKVNamespace();
    kv.hang();
    const client = new KVClient(kv, { timeoutMs: 50 });
    const acts = [
      () => client.get('a'),
      () => client.getMany(['a']),
      () => client.put('a', 1, TTL),
      () => client.delete('a'),
      () => collect(client.list()),
      () => client.deletePrefix('a'),
    ];
    const codes = acts.map(codeOf);
    await jest.advanceTimersByTimeAsync(50);
    expect(await Promise.all(codes)).toEqual(acts.map(() => 'KV_TIMEOUT'));
    jest.useRealTimers();
  });

  test.each([0, -1, NaN, Infinity, '5'])('refuses a timeout of %p', async (timeoutMs) => {
    const act = () => new KVClient(new MemoryKVNamespace(), { timeoutMs: timeoutMs as number });
    expect(await codeOf(act)).toBe('INVALID_OPTION');
  });

  test('refuses what is not a KV namespace with the remedy', async () => {
    const error = await errorOf(() => new KVClient(undefined as never));
    expect(error).toMatchObject({ code: 'INVALID_BINDING' });
    expect(error.message).toContain('kv_namespaces');
  });
});

describe('KVClient.deleteMany', () => {
  test('deletes each key once and counts', async () => {
    const { client, kv } = setup();
    await fill(kv, 'k:', 30);
    const keys = Array.from({ length: 30 }, (_, index) => `k:${index}`);
    expect(await client.deleteMany([...keys, ...keys])).toEqual({ deleted: 30, failed: [] });
    expect(kv.counts.delete).toBe(30);
    expect((await kv.list()).keys).toEqual([]);
  });

  test('reports a key that fails and deletes the others, without a retry', async () => {
    const { client, kv } = setup();
    await fill(kv, 'k:', 3);
    kv.failNext('delete', new Error('KV DELETE failed: 429 Too Many Requests'));
    const report = await client.deleteMany(['k:0', 'k:1', 'k:2']);
    expect(report).toMatchObject({ deleted: 2, failed: [{ key: 'k:0', code: 'KV_RATE_LIMITED' }] });
    expect(kv.counts.delete).toBe(3);
  });

  test('has at most six deletes under way', async () => {
    const kv = new MemoryKVNamespace();
    let current = 0;
    let most = 0;
    const original = kv.delete.bind(kv);
    kv.delete = async (key) => {
      current += 1;
      most = Math.max(most, current);
      await new Promise((resolve) => setImmediate(resolve));
      await original(key);
      current -= 1;
    };
    await new KVClient(kv).deleteMany(Array.from({ length: 50 }, (_, index) => `k:${index}`));
    expect(most).toBe(6);
  });
});

describe('KVClient.deletePrefix', () => {
  test('deletes every page of its prefix and nothing else', async () => {
    const { client, kv } = setup();
    await fill(kv, 'a:', 2345);
    await fill(kv, 'b:', 3);
    expect(await client.deletePrefix('a:')).toEqual({ deleted: 2345, failed: [] });
    expect((await kv.list()).keys.map((key) => key.name)).toEqual(['b:0', 'b:1', 'b:2']);
    expect(kv.counts.list).toBe(4);
  });

  test('refuses the empty prefix unless it is allowed', async () => {
    const { client, kv } = setup();
    await fill(kv, 'a:', 3);
    expect(await codeOf(() => client.deletePrefix(''))).toBe('INVALID_PREFIX');
    expect(await codeOf(() => client.deletePrefix(undefined as never))).toBe('INVALID_PREFIX');
    expect(kv.counts.list + kv.counts.delete).toBe(0);
    expect(await client.deletePrefix('', { allowEmptyPrefix: true })).toEqual({ deleted: 3, failed: [] });
  });

  test('says how many were deleted when a later page cannot be listed', async () => {
    const { client, kv } = setup();
    await fill(kv, 'a:', 1500);
    const original = kv.list.bind(kv);
    kv.list = async (options) => {
      if (options?.cursor != null) throw new Error('KV GET failed: 500 Internal Server Error');
      return original(options);
    };
    const error = await errorOf(() => client.deletePrefix('a:'));
    expect(error).toMatchObject({ code: 'KV_LIST_FAILED' });
    expect(error.message).toContain('1000 keys were deleted before that.');
  });

  test('fails rather than loops on a page that leads nowhere', async () => {
    const { client, kv } = setup();
    kv.list = async () => ({ keys: [], list_complete: false, cursor: 'same', cacheStatus: null });
    expect(await codeOf(() => client.deletePrefix('a:'))).toBe('KV_LIST_FAILED');
  });
});

describe('KVClient.list', () => {
  test('walks all pages, empty ones too, with expiry and metadata', async () => {
    const clock = new ManualClock(1_000_000_000_000);
    const kv = new MemoryKVNamespace({ now: clock.now });
    const client = new KVClient(kv);
    await client.put('a:1', 1, { ttlSeconds: 60, metadata: { n: 1 } });
    await kv.put('a:2', '2');
    const original = kv.list.bind(kv);
    kv.list = async (options) => {
      if (options?.cursor == null) return { keys: [], list_complete: false, cursor: 'first', cacheStatus: null };
      return original({ ...options, cursor: options.cursor === 'first' ? null : options.cursor });
    };
    expect(await collect(client.list({ prefix: 'a:' }))).toEqual([
      { name: 'a:1', expiresAt: 1_000_000_060_000, metadata: { n: 1 } },
      { name: 'a:2', metadata: null },
    ]);
  });

  test('asks for a page only when the loop gets there', async () => {
    const { client, kv } = setup();
    await fill(kv, 'a:', 1500);
    const list = client.list({ prefix: 'a:' });
    expect(kv.counts.list).toBe(0);
    for await (const entry of list) {
      expect(entry.name).toBe('a:0');
      break;
    }
    expect(kv.counts.list).toBe(1);
    expect(await collect(client.list({ prefix: 'a:', limit: 1200 }))).toHaveLength(1200);
  });

  test.each([0, -1, 1.5, NaN])('refuses a limit of %p', async (limit) => {
    const { client } = setup();
    expect(await codeOf(() => client.list({ limit }))).toBe('INVALID_OPTION');
  });
});
