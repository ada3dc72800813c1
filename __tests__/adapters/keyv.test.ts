import type { KeyvOptions, KeyvStoreAdapter } from 'keyv';
import { Keyv } from 'keyv';
import type { KeyvKVStoreOptions } from '../../src/adapters/keyv.js';
import { KeyvKVStore } from '../../src/adapters/keyv.js';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';
import { codeOf } from '../support/kv.js';

// The types of a consumer who has Keyv accept the adapter; tsc checks it.
export const isAnAdapter = (store: KeyvKVStore): KeyvStoreAdapter => store;

function setup(options: KeyvKVStoreOptions = {}, keyvOptions: Omit<KeyvOptions, 'store'> = {}) {
  const clock = new ManualClock();
  jest.spyOn(Date, 'now').mockImplementation(clock.now);
  const kv = new MemoryKVNamespace({ now: clock.now });
  const sink = new RecordingSink();
  const store = new KeyvKVStore(kv, { events: sink, timeoutMs: 20, ...options });
  const keyv = new Keyv({ store, ...keyvOptions });
  const errors: unknown[] = [];
  keyv.on('error', (error: unknown) => errors.push(error));
  return { clock, kv, sink, store, keyv, errors };
}

const names = async (kv: MemoryKVNamespace) => (await kv.list()).keys.map(({ name }) => name);

async function entriesOf(keyv: Keyv): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const entry of keyv.iterator!(undefined)) all.push(entry);
  return all;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('Keyv over KeyvKVStore', () => {
  test.each([['text'], [''], [0], [false], [null], [{ a: [1] }], [[1, 2]], [':colon']])(
    'gives back %j',
    async (value) => {
      const { keyv } = setup();
      expect(await keyv.set('a', value)).toBe(true);
      expect(await keyv.get('a')).toEqual(value);
    },
  );

  test('gives back bytes, as Keyv serializes them', async () => {
    const { keyv } = setup();
    await keyv.set('a', Buffer.from([0, 255]));
    expect(await keyv.get('a')).toEqual(Buffer.from([0, 255]));
  });

  test('answers undefined for what is absent, and for a stored undefined', async () => {
    const { keyv } = setup();
    await keyv.set('b', undefined);
    expect(await keyv.get('a')).toBeUndefined();
    expect(await keyv.get('b')).toBeUndefined();
    expect(await keyv.getRaw('a')).toBeUndefined();
  });

  test('works with compression, a serializer of the caller, and hooks', async () => {
    const compression = {
      compress: (value: unknown) => Promise.resolve(btoa(JSON.stringify(value))),
      decompress: (value: string) => Promise.resolve(JSON.parse(atob(value)) as unknown),
    };
    const { keyv } = setup({}, { compression });
    await keyv.set('a', { n: 1 }, 5_000);
    expect(await keyv.get('a')).toEqual({ n: 1 });
    const serialize = (data: unknown) => `!${JSON.stringify(data)}`;
    const deserialize = (text: string) => JSON.parse(text.slice(1)) as { value?: never };
    const other = setup({}, { serialize, deserialize }).keyv;
    await other.set('a', 1);
    expect(await other.get('a')).toBe(1);
  });

  describe('TTL', () => {
    test('expires below 60 seconds on time and does not delete', async () => {
      const { clock, kv, keyv } = setup();
      await keyv.set('a', 1, 5_000);
      clock.advance(4_999);
      expect(await keyv.get('a')).toBe(1);
      expect(await keyv.has('a')).toBe(true);
      clock.advance(1);
      expect(await keyv.get('a')).toBeUndefined();
      expect(await keyv.getRaw('a')).toBeUndefined();
      expect(await keyv.getMany(['a'])).toEqual([undefined]);
      expect(await keyv.has('a')).toBe(false);
      expect(await keyv.hasMany(['a'])).toEqual([false]);
      expect(await entriesOf(keyv)).toEqual([]);
      clock.advance(1);
      expect(await keyv.get('a')).toBeUndefined();
      expect(kv.counts.delete).toBe(0);
    });

    test('is known to KV as well: 60 seconds at least, none without one', async () => {
      const { clock, kv, keyv } = setup();
      await keyv.set('short', 1, 1);
      await keyv.set('long', 1, 3_600_001);
      await keyv.set('kept', 1);
      await keyv.set('zero', 1, 0);
      await keyv.set('endless', 1, Infinity);
      const seconds = Math.floor(clock.now() / 1000);
      const { keys } = await kv.list();
      expect(keys.map(({ name, expiration }) => [name, expiration && expiration - seconds])).toEqual([
        ['keyv:endless', undefined],
        ['keyv:kept', undefined],
        ['keyv:long', 3_601],
        ['keyv:short', 60],
        ['keyv:zero', undefined],
      ]);
    });

    test('ends when Keyv says, so that Keyv never deletes, also after a slow serialization', async () => {
      const { clock, kv, keyv, store } = setup({}, { ttl: 5_000 });
      const set = store.set.bind(store);
      store.set = (...args) => {
        clock.advance(700);
        return set(...args);
      };
      await keyv.set('a', 1);
      clock.advance(4_299);
      expect(await keyv.get('a')).toBe(1);
      clock.advance(1);
      expect(await keyv.get('a')).toBeUndefined();
      clock.advance(100);
      expect(await keyv.get('a')).toBeUndefined();
      expect(kv.counts.delete).toBe(0);
    });

    test('does not mistake a value for the moment that Keyv set', async () => {
      const { clock, keyv, store } = setup();
      await store.set('keyv:a', `{"value":1,"expires":${clock.now() - 1}}`, 30_000);
      await store.set('keyv:b', `{"other":{"expires":${clock.now() + 29_999}}}`, 30_000);
      clock.advance(29_999);
      expect(await store.get('keyv:a')).toBeDefined();
      expect(await store.get('keyv:b')).toBeDefined();
      expect(await keyv.get('b')).toBeUndefined();
    });

    test.each([-1, NaN])('refuses %p', async (ttl) => {
      const { kv, keyv, errors } = setup();
      expect(await keyv.set('a', 1, ttl)).toBe(false);
      expect(errors).toMatchObject([{ code: 'INVALID_TTL' }]);
      expect(kv.operations).toBe(0);
    });
  });

  describe('many keys', () => {
    test('reads 250 in three operations, in the order asked', async () => {
      const { kv, keyv } = setup();
      const entries = Array.from({ length: 250 }, (_, index) => ({ key: `k${index}`, value: index }));
      expect(await keyv.setMany(entries)).toEqual(entries.map(() => true));
      const before = kv.operations;
      const keys = entries.map(({ key }) => key);
      expect(await keyv.getMany(['none', ...keys.slice(1)])).toEqual([
        undefined,
        ...keys.slice(1).map((_, i) => i + 1),
      ]);
      expect(await keyv.hasMany(['none', 'k1', 'k1'])).toEqual([false, true, true]);
      expect(kv.operations - before).toBe(4);
    });

    test('reads integer-like keys, which bulk reads drop', async () => {
      const { kv, keyv } = setup({}, { useKeyPrefix: false });
      await keyv.setMany([{ key: '1', value: 'one' }, { key: '__proto__', value: 'proto' }]); // prettier-ignore
      expect(await names(kv)).toEqual(['1', '__proto__']);
      expect(await keyv.getMany(['1', '__proto__', '2'])).toEqual(['one', 'proto', undefined]);
    });

    test('keeps the expiry of an empty text that a bulk read answers bare', async () => {
      const { clock, kv } = setup();
      const bare = Object.assign(Object.create(kv) as KVNamespaceLike, {
        getWithMetadata: async (keys: string | string[]) => {
          if (!Array.isArray(keys)) return kv.getWithMetadata(keys, 'text');
          return new Map([...(await kv.getWithMetadata(keys, 'text'))].map(([key, entry]) => [key, entry.value || '']));
        },
      });
      await new KeyvKVStore(kv).set('a', '', 5_000);
      const store = new KeyvKVStore(bare);
      expect(await store.getMany(['a'])).toEqual(['']);
      clock.advance(5_000);
      expect(await store.getMany(['a'])).toEqual([undefined]);
    });

    test('setMany writes the others when one fails, and says which', async () => {
      const { kv, keyv, errors } = setup();
      kv.failNext('put');
      const written = await keyv.setMany([{ key: 'a', value: 1 }, { key: 'b', value: 2, ttl: 5_000 }]); // prettier-ignore
      expect(written).toEqual([false, true]);
      expect(errors).toMatchObject([{ code: 'KV_WRITE_FAILED' }]);
      expect(await keyv.getMany(['a', 'b'])).toEqual([undefined, 2]);
    });

    test('setMany writes the last of two values of one key', async () => {
      const { kv, keyv } = setup();
      expect(await keyv.setMany([{ key: 'a', value: 1 }, { key: 'a', value: 2 }])).toEqual([true, true]); // prettier-ignore
      expect(kv.counts.put).toBe(1);
      expect(await keyv.get('a')).toBe(2);
    });

    test('setMany waits once for a KV that hangs, and honours throwOnErrors when nothing was written', async () => {
      const { kv, keyv } = setup({}, { throwOnErrors: true });
      kv.hang('put');
      const entries = Array.from({ length: 50 }, (_, index) => ({ key: `k${index}`, value: 1 }));
      expect(await codeOf(() => keyv.setMany(entries))).toBe('KV_TIMEOUT');
      expect(kv.counts.put).toBe(6);
    });

    test('deleteMany deletes the others when one fails, and answers false', async () => {
      const { kv, keyv, errors } = setup();
      await keyv.setMany(['a', 'b', 'c'].map((key) => ({ key, value: 1 })));
      kv.failNext('delete');
      expect(await keyv.delete(['a', 'b', 'c'])).toBe(false);
      expect(errors).toMatchObject([{ code: 'KV_DELETE_FAILED' }]);
      expect(String(errors[0])).toContain('1 of 3 keys were not deleted');
      expect(await names(kv)).toEqual(['keyv:a']);
      expect(await keyv.deleteMany(['a', 'b'])).toBe(true);
    });
  });

  describe('delete', () => {
    test('answers true, also for a key that was not there, and reads nothing', async () => {
      const { kv, keyv } = setup();
      await keyv.set('a', 1);
      expect(await keyv.delete('a')).toBe(true);
      expect(await keyv.delete('a')).toBe(true);
      expect(kv.counts.get).toBe(0);
      expect(await keyv.get('a')).toBeUndefined();
    });

    test('answers false when KV fails, or throws with throwOnErrors', async () => {
      const { kv, keyv, errors } = setup();
      kv.failAll();
      expect(await keyv.delete('a')).toBe(false);
      expect(errors).toMatchObject([{ code: 'KV_DELETE_FAILED' }]);
      keyv.throwOnErrors = true;
      expect(await codeOf(() => keyv.delete('a'))).toBe('KV_DELETE_FAILED');
    });
  });

  describe('namespaces', () => {
    test('clear deletes its own alone, over all pages', async () => {
      const { kv, keyv } = setup({}, { namespace: 'a' });
      const other = new Keyv({ store: new KeyvKVStore(kv), namespace: 'ab' });
      await other.set('1', 'kept');
      await kv.put('unrelated', 'kept');
      for (let index = 0; index < 1_050; index += 1) await kv.put(`a:${index}`, '{}');
      await keyv.clear();
      expect(await names(kv)).toEqual(['ab:1', 'unrelated']);
      expect(kv.counts.list).toBe(3);
    });

    test('keyPrefix stands before them', async () => {
      const { kv, keyv } = setup({ keyPrefix: 'app:' }, { namespace: 'users' });
      await keyv.set('1', 'a');
      await kv.put('users:1', 'other');
      expect(await names(kv)).toEqual(['app:users:1', 'users:1']);
      expect(await keyv.getMany(['1'])).toEqual(['a']);
      expect(await entriesOf(keyv)).toEqual([['1', 'a']]);
      await keyv.clear();
      expect(await names(kv)).toEqual(['users:1']);
    });

    test('a change of namespace changes what clear deletes', async () => {
      const { kv, keyv } = setup({}, { namespace: 'a' });
      await keyv.set('1', 1);
      keyv.namespace = 'b';
      await keyv.set('1', 1);
      await keyv.clear();
      expect(await names(kv)).toEqual(['a:1']);
    });

    test('without one clear refuses to delete everything, unless told', async () => {
      const { kv, keyv, errors, store } = setup();
      keyv.namespace = undefined;
      await keyv.set('1', 1);
      await keyv.clear();
      expect(errors).toMatchObject([{ code: 'INVALID_PREFIX' }]);
      expect(await names(kv)).toEqual(['1']);
      expect(store.namespace).toBeUndefined();
      const told = new Keyv({ store: new KeyvKVStore(kv, { allowEmptyPrefix: true }), namespace: '' });
      await told.clear();
      expect(await names(kv)).toEqual([]);
    });

    test('clear reports what it could not delete', async () => {
      const { kv, keyv, errors } = setup();
      await keyv.setMany(['a', 'b'].map((key) => ({ key, value: 1 })));
      kv.failNext('delete');
      await keyv.clear();
      kv.failNext('list');
      await keyv.clear();
      expect(errors).toMatchObject([{ code: 'KV_DELETE_FAILED' }, { code: 'KV_LIST_FAILED' }]);
    });
  });

  describe('iterator', () => {
    test('walks keys and values of its namespace, 100 values per operation', async () => {
      const { clock, kv, keyv } = setup({}, { namespace: 'a' });
      for (let index = 0; index < 1_050; index += 1) await kv.put(`a:${index}`, `{"value":${index}}`);
      await kv.put('b:1', '{"value":"other"}');
      await keyv.set('expired', 1, 1_000);
      clock.advance(1_000);
      const before = { ...kv.counts };
      const entries = await entriesOf(keyv);
      expect(entries).toHaveLength(1_050);
      expect(entries).toContainEqual(['42', 42]);
      expect(kv.counts.list - before.list).toBe(2);
      expect(kv.counts.get - before.get).toBe(11);
      expect(kv.counts.delete).toBe(0);
    });

    test('throws when KV cannot list', async () => {
      const { kv, keyv } = setup();
      kv.failAll('list');
      expect(await codeOf(() => entriesOf(keyv))).toBe('KV_LIST_FAILED');
    });
  });

  describe('a KV that fails', () => {
    test('makes every read a miss, with an error event of Keyv and one of ours', async () => {
      const { kv, sink, keyv, errors } = setup();
      await keyv.set('a', 1);
      kv.failAll('get');
      expect(await keyv.get('a')).toBeUndefined();
      expect(await keyv.getMany(['a'])).toEqual([undefined]);
      expect(await keyv.has('a')).toBe(false);
      expect(await keyv.hasMany(['a'])).toEqual([false]);
      expect(errors).toHaveLength(4);
      expect(errors[0]).toMatchObject({ code: 'KV_READ_FAILED' });
      expect(sink.ofType('client.error')[0]).toMatchObject({ source: 'kv', operation: 'read', keyPrefix: 'keyv:' });
      kv.heal();
      expect(await keyv.get('a')).toBe(1);
    });

    test('makes reads throw with readErrors: throw', async () => {
      const { kv, sink, keyv } = setup({ readErrors: 'throw' }, { throwOnErrors: true });
      kv.failAll('get');
      for (const act of [() => keyv.get('a'), () => keyv.getMany(['a']), () => keyv.has('a'), () => keyv.getRaw('a')]) {
        expect(await codeOf(act)).toBe('KV_READ_FAILED');
      }
      expect(sink.events).toEqual([]);
    });

    test('makes a write false with an error event, or throw with throwOnErrors', async () => {
      const { kv, keyv, errors } = setup();
      kv.failAll('put');
      expect(await keyv.set('a', 1)).toBe(false);
      expect(errors).toMatchObject([{ code: 'KV_WRITE_FAILED' }]);
      keyv.throwOnErrors = true;
      expect(await codeOf(() => keyv.set('a', 1))).toBe('KV_WRITE_FAILED');
    });

    test('costs a timeout when it hangs', async () => {
      const { kv, keyv, errors } = setup();
      kv.hang();
      expect(await keyv.get('a')).toBeUndefined();
      expect(await keyv.set('a', 1)).toBe(false);
      await keyv.clear();
      expect(errors).toMatchObject([{ code: 'KV_TIMEOUT' }, { code: 'KV_TIMEOUT' }, { code: 'KV_TIMEOUT' }]);
    });

    test('does not make a read throw through a listener that throws', async () => {
      const { kv, keyv } = setup();
      keyv.on('error', () => {
        throw new Error('listener');
      });
      kv.failAll('get');
      expect(await keyv.has('a')).toBe(false);
    });
  });

  test('refuses bad keys, values that are not serialized, and bad options', async () => {
    const { kv, keyv, store, errors } = setup({}, { serialize: undefined } as unknown as KeyvOptions);
    expect(await keyv.set('a', { b: 1 })).toBe(false);
    expect(errors).toMatchObject([{ code: 'INVALID_VALUE' }]);
    for (const act of [
      () => store.get('k'.repeat(513)),
      () => store.getMany(['']),
      () => store.set('.', 'x'),
      () => store.setMany([{ key: '', value: 'x' }]),
      () => store.delete(''),
      () => store.deleteMany(['']),
    ]) {
      expect(await codeOf(act)).toBe('INVALID_KEY');
    }
    expect(kv.operations).toBe(0);
    expect(await codeOf(() => new KeyvKVStore(kv, { readErrors: 'null' as never }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => new KeyvKVStore(undefined as never))).toBe('INVALID_BINDING');
  });

  test('disconnects, and goes on', async () => {
    const { keyv } = setup();
    await keyv.set('a', 1);
    await keyv.disconnect();
    expect(await keyv.get('a')).toBe(1);
  });
});
