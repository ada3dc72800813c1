import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';
import type { EventuallyConsistentKVOptions } from '../../src/testing.js';
import { EventuallyConsistentKV, kvNamespaceContract, ManualClock, MemoryKVNamespace } from '../../src/testing.js';
import { codeOf } from '../support/kv.js';

function setUp(options: EventuallyConsistentKVOptions = {}) {
  const clock = new ManualClock();
  const kv = new EventuallyConsistentKV({ now: clock.now, ...options });
  return { clock, kv, ams: kv.colo('ams'), lhr: kv.colo('lhr') };
}

const TOO_MANY = 'KV PUT failed: 429 Too Many Requests';

describe('EventuallyConsistentKV', () => {
  describe('within one colo', () => {
    // Time does not pass in the contract, so the limit of one write per second is off.
    test.each(kvNamespaceContract.map(({ name, run }) => [name, run] as const))('%s', async (_name, run) => {
      await run(new EventuallyConsistentKV({ writesPerSecondPerKey: false }).colo('ams'));
    });
  });

  test('gives bindings to workers-types and to the clients', () => {
    const binding: KVNamespace = new EventuallyConsistentKV().colo('ams');
    const like: KVNamespaceLike = new EventuallyConsistentKV().colo('ams');
    expect(typeof binding.get).toBe(typeof like.get);
  });

  describe('reads', () => {
    test('of a colo that has nothing cached find the newest value at once', async () => {
      const { ams, lhr } = setUp();
      await ams.put('a', '1');
      expect(await lhr.get('a')).toBe('1');
    });

    test('go on finding a cached copy until it is 60 seconds old, however often it is read', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1');
      await lhr.get('a');
      clock.advance(30_000);
      await ams.put('a', '2');
      expect(await ams.get('a')).toBe('2');
      expect(await lhr.get('a')).toBe('1');
      clock.advance(29_999);
      expect(await lhr.get('a')).toBe('1');
      clock.advance(1);
      expect(await lhr.get('a')).toBe('2');
    });

    test('cache that nothing was there, which hides a new key for up to 60 seconds', async () => {
      const { clock, ams, lhr } = setUp();
      expect(await lhr.get('a')).toBeNull();
      await ams.put('a', '1');
      clock.advance(59_999);
      expect(await lhr.get('a')).toBeNull();
      clock.advance(1);
      expect(await lhr.get('a')).toBe('1');
    });

    test('find what was deleted elsewhere for up to 60 seconds', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1');
      await lhr.get('a');
      clock.advance(1000);
      await ams.delete('a');
      expect(await ams.get('a')).toBeNull();
      clock.advance(58_999);
      expect(await lhr.get('a')).toBe('1');
      clock.advance(1);
      expect(await lhr.get('a')).toBeNull();
    });

    test('that ask for a longer cacheTtl are content with an older copy, and those that ask for a shorter with none', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1');
      await lhr.get('a');
      clock.advance(1000);
      await ams.put('a', '2');
      clock.advance(29_000);
      expect(await lhr.get('a', { type: 'text', cacheTtl: 31 })).toBe('1');
      clock.advance(3_000_000);
      expect(await lhr.get('a', { type: 'text', cacheTtl: 3600 })).toBe('1');
      expect(await lhr.get('a', { type: 'text', cacheTtl: 30 })).toBe('2');
    });

    test('of many keys and with metadata use the same copies as reads of one', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1', { metadata: { n: 1 } });
      expect(await lhr.get(['a', 'b'], 'text')).toEqual(new Map([['a', '1'], ['b', null]])); // prettier-ignore
      clock.advance(1000);
      await ams.put('a', '2', { metadata: { n: 2 } });
      await ams.put('b', '2');
      expect(await lhr.getWithMetadata('a')).toMatchObject({ value: '1', metadata: { n: 1 } });
      expect(await lhr.getWithMetadata(['a', 'b'], 'text')).toEqual(
        new Map([['a', { value: '1', metadata: { n: 1 } }], ['b', null]]), // prettier-ignore
      );
      expect(await lhr.get('b')).toBeNull();
      clock.advance(59_000);
      expect(await lhr.getWithMetadata(['a'], 'text')).toEqual(
        new Map([['a', { value: '2', metadata: { n: 2 } }]]), // prettier-ignore
      );
      expect(await lhr.get(['a', 'b'], 'text')).toEqual(new Map([['a', '2'], ['b', '2']])); // prettier-ignore
    });

    test('do not find an expired copy, but what was written meanwhile', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1', { expirationTtl: 60 });
      await ams.put('b', '1', { expirationTtl: 60 });
      clock.advance(30_000);
      await lhr.get(['a', 'b'], 'text');
      await ams.put('a', '2');
      clock.advance(29_999);
      expect(await lhr.get(['a', 'b'], 'text')).toEqual(new Map([['a', '1'], ['b', '1']])); // prettier-ignore
      clock.advance(1);
      expect(await lhr.get(['a', 'b'], 'text')).toEqual(new Map([['a', '2'], ['b', null]])); // prettier-ignore
    });

    test('find a copy no more that the colo has dropped', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1');
      await ams.put('b', '1');
      await lhr.get(['a', 'b'], 'text');
      clock.advance(1000);
      await ams.put('a', '2');
      await ams.put('b', '2');
      lhr.evict('a');
      expect(await lhr.get(['a', 'b'], 'text')).toEqual(new Map([['a', '2'], ['b', '1']])); // prettier-ignore
      lhr.evict();
      expect(await lhr.get('b')).toBe('2');
    });
  });

  describe('writes', () => {
    test('are cached where they are made, so that a later one from elsewhere is late there too', async () => {
      const { clock, ams, lhr } = setUp();
      await ams.put('a', '1');
      clock.advance(1000);
      await lhr.put('a', '2');
      expect(await ams.get('a')).toBe('1');
      clock.advance(59_000);
      expect(await ams.get('a')).toBe('2');
    });

    test('are answered with 429 within a second of another change of the key, in any colo', async () => {
      const { clock, kv, ams, lhr } = setUp();
      await ams.put('a', '1');
      await ams.put('b', '1');
      clock.advance(999);
      await expect(lhr.put('a', '2')).rejects.toThrow(TOO_MANY);
      await expect(ams.delete('a')).rejects.toThrow('KV DELETE failed: 429 Too Many Requests');
      expect(kv.latest('a')).toBe('1');
      clock.advance(1);
      await lhr.delete('a');
      await expect(ams.put('a', '3')).rejects.toThrow(TOO_MANY);
      expect(kv.latest('a')).toBeNull();
    });

    test('of 50 callers to one key at once are one', async () => {
      const { kv } = setUp();
      const puts = Array.from({ length: 50 }, (_, index) => kv.colo(`colo ${index % 5}`).put('a', `${index}`));
      const outcomes = await Promise.allSettled(puts);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(kv.latest('a')).toBe('0');
    });

    test('may be late in their own colo as well, when the options say so', async () => {
      const { clock, ams } = setUp({ isLate: () => true });
      await ams.get('a');
      await ams.put('a', '1');
      expect(await ams.get('a')).toBeNull();
      expect((await ams.list()).keys).toEqual([]);
      clock.advance(60_000);
      expect(await ams.get('a')).toBe('1');
      expect((await ams.list()).keys).toEqual([{ name: 'a' }]);
    });

    test('may be early elsewhere, when the options say so, and lateness is asked once for each', async () => {
      const asked: string[] = [];
      const { clock, kv, ams, lhr } = setUp({
        isLate: ({ key, from, to }) => {
          asked.push(`${key} ${from}>${to}`);
          return to === 'nrt';
        },
      });
      const nrt = kv.colo('nrt');
      await lhr.get('a');
      await nrt.get('a');
      await ams.put('a', '1');
      clock.advance(1000);
      expect([await lhr.get('a'), await nrt.get('a')]).toEqual(['1', null]);
      expect((await nrt.list()).keys).toEqual([]);
      expect((await kv.colo('sin').list()).keys).toEqual([{ name: 'a' }]);
      await kv.colo('sin').get('a');
      expect(asked.sort()).toEqual(['a ams>ams', 'a ams>lhr', 'a ams>nrt', 'a ams>sin']);
    });
  });

  test('is late by more than a cached copy when the options say so', async () => {
    const { clock, ams, lhr } = setUp({ maxStalenessMs: 90_000 });
    await ams.put('a', '1');
    clock.advance(29_999);
    expect(await lhr.get('a')).toBeNull();
    clock.advance(59_999);
    expect(await lhr.get('a')).toBeNull();
    clock.advance(1);
    expect(await lhr.get('a')).toBe('1');
    expect(await ams.get('a')).toBe('1');
  });

  test('caches as long as the options say', async () => {
    const { clock, kv, ams, lhr } = setUp({ cacheTtlSeconds: 30 });
    expect(kv.maxStalenessMs).toBe(30_000);
    await lhr.get('a');
    await ams.put('a', '1');
    clock.advance(30_000);
    expect(await lhr.get('a')).toBe('1');
  });

  test('refuses to cache for less than the platform, and to be staler than promised', async () => {
    expect(await codeOf(() => new EventuallyConsistentKV({ cacheTtlSeconds: 29 }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => new EventuallyConsistentKV({ cacheTtlSeconds: NaN }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => new EventuallyConsistentKV({ maxStalenessMs: 59_999 }))).toBe('INVALID_OPTION');
  });

  test('lists what other colos wrote or deleted 60 seconds later, and what its own did at once', async () => {
    const { clock, ams, lhr } = setUp();
    await ams.put('a', '1', { metadata: { n: 1 } });
    expect((await ams.list()).keys).toEqual([{ name: 'a', metadata: { n: 1 } }]);
    clock.advance(59_999);
    expect((await lhr.list()).keys).toEqual([]);
    clock.advance(1);
    expect((await lhr.list()).keys).toEqual([{ name: 'a', metadata: { n: 1 } }]);
    await ams.put('a', '2', { metadata: { n: 2 } });
    expect((await lhr.list()).keys).toEqual([{ name: 'a', metadata: { n: 1 } }]);
    clock.advance(1000);
    await ams.delete('a');
    expect((await ams.list()).keys).toEqual([]);
    clock.advance(59_000);
    expect((await lhr.list()).keys).toEqual([{ name: 'a', metadata: { n: 2 } }]);
    clock.advance(1000);
    expect((await lhr.list()).keys).toEqual([]);
  });

  describe('faults', () => {
    test('hit one colo alone, and end with heal', async () => {
      const { kv, ams, lhr } = setUp();
      ams.failAll('get');
      ams.failNext('put', new Error('down'));
      await expect(ams.get('a')).rejects.toThrow('KV GET failed: 500 Internal Server Error');
      await expect(ams.put('a', '1')).rejects.toThrow('down');
      await lhr.put('a', '1');
      ams.hang('list');
      const hanging = ams.list().then(() => 'answered');
      await expect(lhr.list()).resolves.toBeDefined();
      expect(await Promise.race([hanging, Promise.resolve('hangs')])).toBe('hangs');
      kv.heal();
      expect(await ams.get('a')).toBe('1');
    });

    test('of a partition leave a colo with its cached copies, and it writes nothing', async () => {
      const { clock, kv, ams, lhr } = setUp();
      await ams.put('a', '1');
      ams.partition();
      const failed = '500 Internal Server Error';
      await expect(ams.put('b', '1')).rejects.toThrow(`KV PUT failed: ${failed}`);
      await expect(ams.delete('a')).rejects.toThrow(`KV DELETE failed: ${failed}`);
      await expect(ams.list()).rejects.toThrow(`KV GET failed: ${failed}`);
      await expect(ams.get('b')).rejects.toThrow(`KV GET failed: ${failed}`);
      clock.advance(59_999);
      expect(await ams.get('a')).toBe('1');
      clock.advance(1);
      await expect(ams.get('a')).rejects.toThrow(`KV GET failed: ${failed}`);
      expect([await lhr.get('a'), kv.latest('b')]).toEqual(['1', null]);
      ams.heal();
      expect(await ams.get('a')).toBe('1');
    });
  });

  test('counts the operations of each colo and of all, and none for a look at what is stored', async () => {
    const { kv, ams, lhr } = setUp();
    await ams.put('a', '1', { expirationTtl: 60 });
    await lhr.get(['a', 'b'], 'text');
    await lhr.list();
    await ams.delete('b').catch(() => undefined);
    expect([kv.latest('a'), kv.latest('nothing')]).toEqual(['1', null]);
    expect([ams.counts, ams.operations]).toEqual([{ get: 0, put: 1, delete: 1, list: 0 }, 2]);
    expect(kv.counts).toEqual({ get: 1, put: 1, delete: 1, list: 1 });
    expect(kv.colos.map(({ name }) => name)).toEqual(['ams', 'lhr']);
    expect(kv.colo('ams')).toBe(ams);
  });

  test('shows no expired value as the latest', async () => {
    const { clock, kv, ams } = setUp();
    await ams.put('a', '1', { expirationTtl: 60 });
    clock.advance(60_000);
    expect(kv.latest('a')).toBeNull();
  });

  test('tells apart what MemoryKVNamespace does not: a check for a lock that no other colo can see', async () => {
    const holdersOf = async (bindings: KVNamespaceLike[]): Promise<number> => {
      const isFree = async (kv: KVNamespaceLike): Promise<boolean> => (await kv.get('lock', 'text')) === null;
      let holders = 0;
      for (const kv of bindings) await kv.get('lock', 'text');
      for (const kv of bindings) {
        if (!(await isFree(kv))) continue;
        await kv.put('lock', 'held').catch(() => undefined);
        holders += 1;
      }
      return holders;
    };
    const strong = new MemoryKVNamespace();
    const { ams, lhr } = setUp({ writesPerSecondPerKey: false });
    expect(await holdersOf([strong, strong])).toBe(1);
    expect(await holdersOf([ams, lhr])).toBe(2);
  });
});
