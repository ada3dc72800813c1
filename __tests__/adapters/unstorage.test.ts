import type { Driver } from 'unstorage';
import { createStorage, prefixStorage, restoreSnapshot, snapshot } from 'unstorage';
import type { UnstorageDriverOptions, UnstorageKVDriver } from '../../src/adapters/unstorage.js';
import { unstorageDriver } from '../../src/adapters/unstorage.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';
import { codeOf, errorOf, fc } from '../support/kv.js';

// The types of a consumer who has unstorage accept the adapter; tsc checks it.
export const isADriver = (driver: UnstorageKVDriver): Driver => driver;

function setup(options: UnstorageDriverOptions = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const driver = unstorageDriver(kv, { events: sink, now: clock.now, timeoutMs: 20, ...options });
  return { clock, kv, sink, driver, storage: createStorage({ driver }) };
}

const names = async (kv: MemoryKVNamespace) => (await kv.list()).keys.map(({ name }) => name);

describe('createStorage over unstorageDriver', () => {
  // What unstorage's own driver suite asks of every driver.
  describe('as every driver', () => {
    test('sets, has, gets and removes', async () => {
      const { storage } = setup();
      await storage.setItem('s1:a', 'test_data');
      expect(await storage.hasItem('s1:a')).toBe(true);
      expect(await storage.getItem('s1:a')).toBe('test_data');
      await storage.removeItem('s1:a');
      expect(await storage.hasItem('s1:a')).toBe(false);
      expect(await storage.getItem('s1:a')).toBeNull();
    });

    test.each([['text'], [0], [1.5], [true], [null], [{ a: [1] }], [[]]])('gives back %j', async (value) => {
      const { storage } = setup();
      await storage.setItem('a', value);
      expect(await storage.getItem('a')).toEqual(value);
    });

    test('normalizes keys', async () => {
      const { kv, storage } = setup();
      await storage.setItem('/a/b\\c', 1);
      expect(await names(kv)).toEqual(['a:b:c']);
      expect(await storage.getItem('a:b:c')).toBe(1);
    });

    test('lists keys, under a base, by depth, and without those of meta', async () => {
      const { storage } = setup();
      for (const key of ['s1:a', 's2:b', 's2:c:d', 'k']) await storage.setItem(key, 1);
      await storage.setMeta('k', { note: 'x' });
      expect((await storage.getKeys()).sort()).toEqual(['k', 's1:a', 's2:b', 's2:c:d']);
      expect(await storage.getKeys('s2')).toEqual(['s2:b', 's2:c:d']);
      expect(await storage.getKeys('s')).toEqual([]);
      expect((await storage.getKeys('', { maxDepth: 1 })).sort()).toEqual(['k', 's1:a', 's2:b']);
    });

    test('refuses what unstorage cannot turn to text', async () => {
      const { storage } = setup();
      await expect(storage.setItem('a', new Map() as never)).rejects.toThrow();
    });

    test('setItem of undefined removes', async () => {
      const { storage } = setup();
      await storage.setItem('a', 1);
      await storage.setItem('a', undefined as never);
      expect(await storage.hasItem('a')).toBe(false);
    });

    test('takes snapshots and restores them', async () => {
      const { storage } = setup();
      const data = { 'a:b': 'x', c: { d: 1 } };
      await restoreSnapshot(storage, data);
      expect(await snapshot(storage, '')).toEqual(data);
    });

    test('works under a mount and under a prefix', async () => {
      const { kv, driver } = setup({ base: 'app' });
      const storage = createStorage().mount('cache', driver);
      await prefixStorage(storage, 'cache:users').setItem('42', 'Ada');
      expect(await names(kv)).toEqual(['app:users:42']);
      expect(await storage.getItem('cache:users:42')).toBe('Ada');
      expect(await storage.getKeys()).toEqual(['cache:users:42']);
      expect(await storage.getItems(['cache:users:42', 'cache:none'])).toEqual([
        { key: 'cache:users:42', value: 'Ada' },
        { key: 'cache:none', value: null },
      ]);
    });

    test('does not watch, tells its namespace, and is disposed of', async () => {
      const { kv, driver, storage } = setup();
      const heard: string[] = [];
      await storage.watch((event, key) => heard.push(`${event} ${key}`));
      await storage.setItem('a', 1);
      expect(heard).toEqual(['update a']);
      expect(driver.getInstance()).toBe(kv);
      expect(driver).toMatchObject({ name: 'cloudflare-kv', flags: { ttl: true } });
      await storage.dispose();
    });
  });

  describe('TTL', () => {
    test.each(['read', 'list'] as const)('expires below 60 seconds on time, hasItem by %s', async (hasItem) => {
      const { clock, kv, storage } = setup({ hasItem });
      await storage.setItem('a', 1, { ttl: 5 });
      await storage.setItem('ab', 1);
      clock.advance(4_999);
      expect(await storage.getItem('a')).toBe(1);
      expect(await storage.hasItem('a')).toBe(true);
      clock.advance(1);
      expect(await storage.getItem('a')).toBeNull();
      expect(await storage.getItemRaw('a')).toBeNull();
      expect(await storage.hasItem('a')).toBe(false);
      expect(await storage.getItems(['a'])).toEqual([{ key: 'a', value: null }]);
      expect(await storage.getKeys()).toEqual(['ab']);
      expect(await storage.getMeta('a', { nativeOnly: true })).toEqual({});
      expect(kv.counts.delete).toBe(0);
    });

    test('is known to KV as well: 60 seconds at least, none without one', async () => {
      const { clock, kv, storage } = setup();
      await storage.setItem('short', 1, { ttl: 0.5 });
      await storage.setItems([{ key: 'long', value: 1, options: { ttl: 90.5 } }, { key: 'common', value: 1 }], { ttl: 70 }); // prettier-ignore
      await storage.setItem('kept', 1);
      await storage.setItemRaw('raw', 'x', { ttl: 80 });
      const seconds = Math.floor(clock.now() / 1000);
      const { keys } = await kv.list();
      expect(keys.map(({ name, expiration }) => [name, expiration && expiration - seconds])).toEqual([
        ['common', 70],
        ['kept', undefined],
        ['long', 91],
        ['raw', 80],
        ['short', 60],
      ]);
    });

    test.each([0, -1, NaN, '60', null])('refuses %p', async (ttl) => {
      const { kv, storage } = setup();
      expect(await codeOf(() => storage.setItem('a', 1, { ttl }))).toBe('INVALID_TTL');
      expect(kv.operations).toBe(0);
    });

    test.each(['expirationTtl', 'expiration', 'metadata'])('refuses %s, which it would ignore', async (name) => {
      const { storage } = setup();
      const error = await errorOf(() => storage.setItem('a', 1, { [name]: 3_600 }));
      expect(error).toMatchObject({ code: 'INVALID_OPTION' });
      expect(error.message).toContain(name);
    });
  });

  describe('meta', () => {
    test('tells when an item was written and how long it stays', async () => {
      const { clock, storage } = setup();
      await storage.setItem('a', 1, { ttl: 30 });
      await storage.setItem('ab', 1);
      const mtime = new Date(clock.now());
      clock.advance(10_500);
      expect(await storage.getMeta('a')).toEqual({ mtime, ttl: 20 });
      expect(await storage.getMeta('ab')).toEqual({ mtime });
      expect(await storage.getMeta('none')).toEqual({});
    });

    test('tells the expiry of what something else wrote', async () => {
      const { kv, driver } = setup();
      await kv.put('a', '1', { expirationTtl: 120, metadata: { writtenAt: 'yesterday' } });
      await kv.put('b', '1');
      expect(await driver.getMeta('a')).toEqual({ ttl: 120 });
      expect(await driver.getMeta('b')).toEqual({});
      expect(await driver.getMeta('c')).toBeNull();
    });

    test('keeps custom meta beside the item', async () => {
      const { storage } = setup();
      await storage.setItem('a', 1);
      await storage.setMeta('a', { note: 'x' });
      expect(await storage.getMeta('a')).toMatchObject({ note: 'x' });
      await storage.removeItem('a', { removeMeta: true });
      expect(await storage.getMeta('a')).toEqual({});
    });
  });

  describe('raw items', () => {
    test('gives back any bytes', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
          const { storage } = setup();
          await storage.setItemRaw('a', bytes);
          expect(await storage.getItemRaw<Uint8Array>('a')).toEqual(bytes);
        }),
      );
    });

    test('takes a buffer, a view of a part, and a megabyte', async () => {
      const { storage } = setup();
      const large = Uint8Array.from({ length: 1_000_000 }, (_, index) => index % 251);
      await storage.setItemRaw('buffer', large.buffer);
      await storage.setItemRaw('part', large.subarray(1, 4));
      expect(await storage.getItemRaw('buffer')).toEqual(large);
      expect(await storage.getItemRaw('part')).toEqual(new Uint8Array([1, 2, 3]));
    });

    test('reads what unstorage wrote for a driver without raw items, and the other way round', async () => {
      const { kv, driver, storage } = setup();
      const { setItemRaw: _set, getItemRaw: _get, ...plain } = driver;
      const theirs = createStorage({ driver: plain });
      await theirs.setItemRaw('a', new Uint8Array([0, 255]));
      await storage.setItemRaw('b', new Uint8Array([0, 255]));
      expect(await kv.get('a')).toBe(await kv.get('b'));
      expect(await storage.getItemRaw('a')).toEqual(new Uint8Array([0, 255]));
      expect(new Uint8Array((await theirs.getItemRaw<Uint8Array>('b'))!)).toEqual(new Uint8Array([0, 255]));
    });

    test('gives back strings, also one that only looks like base64', async () => {
      const { storage } = setup();
      for (const text of ['plain', 'base64:not so!', '']) {
        await storage.setItemRaw('a', text);
        expect(await storage.getItemRaw('a')).toBe(text);
      }
    });

    test('refuses anything else', async () => {
      const { storage } = setup();
      for (const value of [{ a: 1 }, 5, new Blob(['x'])]) {
        expect(await codeOf(() => storage.setItemRaw('a', value))).toBe('INVALID_VALUE');
      }
    });
  });

  describe('many items', () => {
    test('reads 250 in three operations, in the order asked', async () => {
      const { kv, storage } = setup();
      await storage.setItems(Array.from({ length: 250 }, (_, index) => ({ key: `k${index}`, value: index })));
      const before = kv.operations;
      const asked = Array.from({ length: 250 }, (_, index) => `k${249 - index}`);
      const found = await storage.getItems(asked);
      expect(found.map(({ key }) => key)).toEqual(asked);
      expect(found[0]).toEqual({ key: 'k249', value: 249 });
      expect(kv.operations - before).toBe(3);
    });

    test('reads integer-like keys, which bulk reads drop', async () => {
      const { storage } = setup();
      await storage.setItems([{ key: '1', value: 'one' }, { key: '42', value: 'many' }]); // prettier-ignore
      expect(await storage.getItems(['1', '42', '7'])).toEqual([
        { key: '1', value: 'one' },
        { key: '42', value: 'many' },
        { key: '7', value: null },
      ]);
    });

    test('setItems writes the others when one fails, and says how many did', async () => {
      const { kv, storage } = setup();
      kv.failNext('put');
      const error = await errorOf(() => storage.setItems([{ key: 'a', value: 1 }, { key: 'b', value: 2 }])); // prettier-ignore
      expect(error).toMatchObject({ code: 'KV_WRITE_FAILED' });
      expect(error.message).toContain('1 of 2 items were not written');
      expect(await storage.getItems(['a', 'b'])).toMatchObject([{ value: null }, { value: 2 }]);
    });
  });

  describe('clear', () => {
    test('deletes its base alone, over all pages, six at a time', async () => {
      const { kv, storage } = setup({ base: '/app/' });
      for (let index = 0; index < 1_050; index += 1) await kv.put(`app:${index}`, '1');
      await kv.put('apple', '1');
      let running = 0;
      let most = 0;
      const remove = kv.delete.bind(kv);
      kv.delete = async (key) => {
        running += 1;
        most = Math.max(most, running);
        await remove(key);
        running -= 1;
      };
      await storage.clear();
      expect(await names(kv)).toEqual(['apple']);
      expect(most).toBe(6);
    });

    test('of a driver deletes a part', async () => {
      const { kv, driver } = setup();
      for (const key of ['a:1', 'a:2', 'ab', 'a']) await kv.put(key, '1');
      await driver.clear('a:');
      expect(await names(kv)).toEqual(['a', 'ab']);
    });

    test('refuses to delete everything, unless told', async () => {
      const { kv, storage } = setup();
      await storage.setItem('a', 1);
      expect(await codeOf(() => storage.clear())).toBe('INVALID_PREFIX');
      expect(await names(kv)).toEqual(['a']);
      await createStorage({ driver: unstorageDriver(kv, { allowEmptyPrefix: true }) }).clear();
      expect(await names(kv)).toEqual([]);
    });

    test('says how many it could not delete', async () => {
      const { kv, storage } = setup({ base: 'app' });
      await storage.setItems(['a', 'b', 'c'].map((key) => ({ key, value: 1 })));
      kv.failNext('delete');
      const error = await errorOf(() => storage.clear());
      expect(error).toMatchObject({ code: 'KV_DELETE_FAILED' });
      expect(error.message).toContain('1 of 3 keys were not deleted');
      expect(await names(kv)).toEqual(['app:a']);
    });
  });

  describe('a KV that fails', () => {
    test.each([
      ['get', 'KV_READ_FAILED', ['getItem', 'hasItem', 'getItemRaw', 'getItems']],
      ['put', 'KV_WRITE_FAILED', ['setItem', 'setItemRaw', 'setItems']],
      ['delete', 'KV_DELETE_FAILED', ['removeItem']],
      ['list', 'KV_LIST_FAILED', ['getKeys', 'clear', 'getMeta']],
    ] as const)('in %s is a coded error', async (operation, code, methods) => {
      const { kv, sink, storage } = setup({ base: 'app' });
      kv.failAll(operation);
      const acts: Record<string, () => unknown> = {
        getItem: () => storage.getItem('a'),
        hasItem: () => storage.hasItem('a'),
        getItemRaw: () => storage.getItemRaw('a'),
        getItems: () => storage.getItems(['a', 'b']),
        setItem: () => storage.setItem('a', 1),
        setItemRaw: () => storage.setItemRaw('a', 'x'),
        setItems: () => storage.setItems([{ key: 'a', value: 1 }]),
        removeItem: () => storage.removeItem('a'),
        getKeys: () => storage.getKeys(),
        clear: () => storage.clear(),
        getMeta: () => storage.getMeta('a', { nativeOnly: true }),
      };
      for (const method of methods) expect(await codeOf(acts[method]!)).toBe(code);
      expect(sink.events).toEqual([]);
    });

    test('is a miss with an event for reads with readErrors: miss', async () => {
      const { kv, sink, storage } = setup({ readErrors: 'miss' });
      await storage.setItem('cache:x:a', 1);
      kv.failAll('get');
      expect(await storage.getItem('cache:x:a')).toBeNull();
      expect(await storage.hasItem('cache:x:a')).toBe(false);
      expect(await storage.getItems(['cache:x:a'])).toEqual([{ key: 'cache:x:a', value: null }]);
      expect(sink.ofType('client.error')).toHaveLength(3);
      expect(sink.events[0]).toMatchObject({ source: 'kv', operation: 'read', keyPrefix: 'cache:x:' });
      kv.heal();
      expect(await storage.getItem('cache:x:a')).toBe(1);
    });

    test('by hanging costs a timeout', async () => {
      const { kv, storage } = setup();
      kv.hang();
      expect(await codeOf(() => storage.getItem('a'))).toBe('KV_TIMEOUT');
      expect(await codeOf(() => storage.setItem('a', 1))).toBe('KV_TIMEOUT');
      expect(await codeOf(() => storage.getKeys())).toBe('KV_TIMEOUT');
    });
  });

  test('hasItem by a listing reads no value and is not misled by longer keys', async () => {
    const { kv, storage } = setup({ hasItem: 'list' });
    await storage.setItem('ab', 1);
    expect(await storage.hasItem('a')).toBe(false);
    await storage.setItem('a', 1);
    expect(await storage.hasItem('a')).toBe(true);
    expect(kv.counts).toMatchObject({ get: 0, list: 2 });
  });

  test('refuses bad keys and bad options', async () => {
    const { kv, driver } = setup();
    const long = 'k'.repeat(513);
    for (const act of [
      () => driver.getItem(long),
      () => driver.getItems([{ key: long }]),
      () => driver.setItem(long, ''),
      () => driver.setItems([{ key: long, value: '' }]),
      () => driver.removeItem(long),
      () => driver.getMeta(long),
    ]) {
      expect(await codeOf(act)).toBe('INVALID_KEY');
    }
    expect(await codeOf(() => driver.getKeys(long))).toBe('INVALID_PREFIX');
    expect(kv.operations).toBe(0);
    expect(await codeOf(() => unstorageDriver(kv, { hasItem: 'guess' as never }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => unstorageDriver(kv, { readErrors: 'null' as never }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => unstorageDriver({} as never))).toBe('INVALID_BINDING');
  });
});
