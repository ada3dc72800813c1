import { CacheClient } from '../../../../src/clients/kv/cache/cache-client.js';
import type { GetOrSetOptions } from '../../../../src/clients/kv/cache/cache-options.js';
import { isolateCacheOf } from '../../../../src/clients/kv/cache/isolate-cache.js';
import { memoryTier } from '../../../../src/clients/kv/cache/memory-tier.js';
import { richCodec } from '../../../../src/clients/kv/codecs/rich-codec.js';
import { ManualClock, MemoryKVNamespace } from '../../../../src/testing.js';
import type { DrillFault } from '../../../support/cache-drill.js';
import { CacheDrill } from '../../../support/cache-drill.js';
import type { KVFault } from '../../../support/faulty-kv.js';
import { FaultyKV } from '../../../support/faulty-kv.js';
import { deferred } from '../../../support/kv.js';
import { seededRandom } from '../../../support/seeded.js';
import { settled, VirtualTime } from '../../../support/virtual-time.js';

const CALLS = 10_000;
const KEY = 'cache:a:1';
/** Calls that overlap, by rate: writing 25 MiB takes its time, so those calls share their loads. */
const LARGE_CALLS_PER_REQUEST: Readonly<Record<number, number>> = { 0.01: 40, 0.5: 100, 1: 200 };
const KV_FAULTS: readonly KVFault[] = [
  'read fails',
  'read hangs',
  'read is garbage',
  'write gets 429',
  'write hangs',
  'slow',
];
const TIMES = {
  timeoutMs: 100,
  hardTimeoutMs: 150,
  softTimeoutMs: 20,
  joinTimeoutMs: 60,
  loadMs: [5, 60],
  slackMs: 0,
  ageSlackMs: 0,
} as const;

type Fault = KVFault | DrillFault;

function setup(fault: Fault, rate: number) {
  const time = new VirtualTime();
  const random = seededRandom(Math.round(rate * 100) + fault.length * 1000);
  let asked = -1;
  const isRare = fault === 'value over 25 MiB';
  // Few values are that large, so the share is counted out.
  const isHit = () => (isRare ? (asked += 1) % Math.round(1 / rate) === 0 : random() < rate);
  const drillFault = isKVFault(fault) ? undefined : fault;
  const memory = new MemoryKVNamespace({ now: () => drill.now(), writesPerSecondPerKey: fault === 'write gets 429' });
  const plan = { fault: isKVFault(fault) ? fault : undefined, isHit, random, delay: time.delay };
  const kv = new FaultyKV(memory, { ...plan, latencyMs: () => 2 + random() * 18 });
  const drill: CacheDrill = new CacheDrill({
    kv,
    fault: drillFault,
    isHit,
    random,
    elapsed: time.elapsed,
    delay: time.delay,
    times: TIMES,
    keys: isRare ? 4 : 120,
  });
  return { time, kv, drill, isRare };
}

function isKVFault(fault: Fault): fault is KVFault {
  return (KV_FAULTS as readonly Fault[]).includes(fault);
}

describe('10,000 cached calls', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown) => void unhandled.push(error);

  beforeAll(() => process.on('unhandledRejection', note));
  afterAll(() => process.off('unhandledRejection', note));

  const faults: Fault[] = [
    ...KV_FAULTS,
    'value over 25 MiB',
    'metadata over 1,024 bytes',
    'loader fails',
    'loader hangs',
    'clock jumps',
  ];

  test.each(faults.flatMap((fault) => [0.01, 0.5, 1].map((rate) => [fault, rate] as const)))(
    'get what a loader of their key made, in time and within its bounds, when: %s, at %d',
    async (fault, rate) => {
      const { time, kv, drill, isRare } = setup(fault, rate);
      const restore = time.install();
      let done = 0;
      try {
        const perRequest = isRare ? LARGE_CALLS_PER_REQUEST[rate]! : 4;
        const requests = CALLS / perRequest;
        for (let number = 0; number < requests; number += 1) {
          void time
            .delay(number * (isRare ? 400 : 10))
            .then(() => drill.request({ calls: perRequest, together: isRare ? perRequest : 2 }))
            .then(() => (done += 1));
        }
        await time.run();
        await settled();
        expect(unhandled).toEqual([]);
        expect({ done, pending: drill.pending() }).toEqual({ done: requests, pending: [] });
        await drill.background();
      } finally {
        restore();
      }
      await settled();
      const { counts, problems } = drill;
      if (process.env['DRILL_COUNTS'] !== undefined)
        process.stdout.write(
          `${fault} ${rate} ${JSON.stringify(counts)} kv ${kv.injected} virtual ${time.elapsed()}\n`,
        );
      expect(problems).toEqual([]);
      expect(unhandled).toEqual([]);
      expect(time.pending).toBe(0);
      expect(isolateCacheOf(kv).loads.size).toBe(0);
      expect(isolateCacheOf(kv).fence.keys('')).toEqual([]);
      expect(counts.calls).toBe(CALLS);
      const injected = isKVFault(fault) ? kv.injected : counts.injected;
      expect(injected).toBeGreaterThan(0);
    },
  );
});

describe('a write that KV answers late', () => {
  test.each(['memory', 'memo'])('does not put into the %s what was deleted meanwhile', async (tier) => {
    const kv = new MemoryKVNamespace();
    const options = { memory: memoryTier({ ttlSeconds: 60 }), memo: tier === 'memo' };
    const [landed, mayAnswer] = [deferred<undefined>(), deferred<undefined>()];
    const put = kv.put.bind(kv);
    kv.put = async (...args) => {
      await put(...args);
      landed.resolve(undefined);
      await mayAnswer.promise;
    };
    const cache = new CacheClient(kv, options);
    const load = cache.getOrSet(KEY, 60, () => 'old');
    await landed.promise;
    await new CacheClient(kv, options).delete(KEY);
    mayAnswer.resolve(undefined);
    expect(await load).toBe('old');
    expect(await (tier === 'memo' ? cache : new CacheClient(kv, options)).get(KEY)).toBeNull();
  });
});

describe('what the drills and the models found', () => {
  afterEach(() => jest.useRealTimers());

  // DEFECT 1 (read-through.ts, #leave): another client's change marks the flight, and then it never leaves the map of its own client.
  test.each([
    ['delete', async (other: CacheClient) => other.delete(KEY)],
    ['set', async (other: CacheClient) => other.set(KEY, 'set', 60)],
    ['deletePrefix', async (other: CacheClient) => other.deletePrefix('cache:a:')],
    ['forceFresh', async (other: CacheClient) => other.getOrSet(KEY, 60, () => 'set', { forceFresh: true })],
  ] as [string, (other: CacheClient) => Promise<unknown>][])(
    'a load that another request of the isolate overtakes with %s is not joined when it is over',
    async (_how, act) => {
      const { kv, slow, started } = slowLoad();
      const cache = new CacheClient(kv);
      const old = cache.getOrSet(KEY, 60, started);
      await slow.began;
      await act(new CacheClient(kv));
      slow.end('old');
      expect(await old).toBe('old');
      expect(await cache.getOrSet(KEY, 60, () => 'set')).toBe('set');
    },
  );

  // DEFECT 1, the worse half: an error is handed out for as long as the client lives.
  test('an overtaken load that failed does not fail the next call', async () => {
    const { kv, slow, started } = slowLoad();
    const cache = new CacheClient(kv);
    const old = cache.getOrSet(KEY, 60, started);
    await slow.began;
    await new CacheClient(kv).delete(KEY);
    slow.fail(new Error('mine'));
    await expect(old).rejects.toThrow('mine');
    expect(await cache.getOrSet(KEY, 60, () => 'new')).toBe('new');
  });

  // DEFECT 2 (read-through.ts, get): a flight that was overtaken by another client is still joined by calls that begin later.
  test('a call that begins after another request deleted the key does not join the load from before', async () => {
    const { kv, slow, started } = slowLoad();
    const cache = new CacheClient(kv);
    const old = cache.getOrSet(KEY, 60, started);
    await slow.began;
    await new CacheClient(kv).delete(KEY);
    const later = cache.getOrSet(KEY, 60, () => 'new');
    await settled();
    slow.end('old');
    expect(await old).toBe('old');
    expect(await later).toBe('new');
  });

  // DEFECT 3 (invalidation.ts): loads under way are not parted with, so that calls which begin after the invalidation join them.
  test.each([
    ['request', 'invalidateTags', async (cache: CacheClient) => cache.invalidateTags(['t'])],
    ['request', 'clear', async (cache: CacheClient) => cache.clear()],
    ['isolate', 'invalidateTags', async (cache: CacheClient) => cache.invalidateTags(['t'])],
    ['isolate', 'clear', async (cache: CacheClient) => cache.clear()],
  ] as const)(
    'a call (single flight: %s) that begins after %s does not join a load from before',
    async (singleFlight, _how, act) => {
      const { kv, slow, started } = slowLoad();
      const options = { clearable: true, singleFlight, waitUntil: () => undefined, joinTimeoutMs: 50 } as const;
      const cache = new CacheClient(kv, options);
      const old = cache.getOrSet(KEY, 60, started, { tags: ['t'] });
      await slow.began;
      await act(cache);
      const other = singleFlight === 'request' ? cache : new CacheClient(kv, options);
      const later = other.getOrSet(KEY, 60, () => 'new', { tags: ['t'] });
      await settled();
      slow.end('old');
      expect(await old).toBe('old');
      expect(await later).toBe('new');
    },
  );

  // DEFECT 4 (flight.ts, join): without a text the copies are made when the first caller has the object already.
  test.each<[string, GetOrSetOptions<unknown>]>([
    ['is not to be stored', { cacheIf: () => false }],
    ['has a codec of its own', { codec: richCodec() }],
    ['has a TTL of 0', {}],
  ])('a value that %s is not shared with a first caller who changes it at once', async (_why, options) => {
    const cache = new CacheClient(new MemoryKVNamespace());
    const ttl = 'cacheIf' in options || 'codec' in options ? 60 : () => 0;
    const call = async () => {
      const value = (await cache.getOrSet(KEY, ttl, async () => ({ list: [1] }), options)) as { list: number[] };
      const seen = [...value.list];
      value.list.push(2);
      return seen;
    };
    expect(await Promise.all([call(), call(), call()])).toEqual([[1], [1], [1]]);
  });

  // DEFECT 5 (read-through.ts, #lead and #serve): those that join are given the JSON of the entry, not what the schema made of it.
  test('calls at once all get what the schema answers', async () => {
    const cache = new CacheClient(new MemoryKVNamespace());
    await cache.set(KEY, { at: '2026-01-01' }, 60);
    const validate = (value: unknown) => ({ value: { at: Date.parse((value as { at: string }).at) } });
    const schema = { '~standard': { version: 1, vendor: 'test', validate } } as const;
    const call = () => cache.getOrSet(KEY, 60, () => ({ at: 0 }), { schema });
    const at = Date.UTC(2026, 0, 1);
    expect(await Promise.all([call(), call()])).toEqual([{ at }, { at }]);
  });

  // DEFECT 6 (markers.ts, learn): a marker that is no text throws through findMany; one that is no entry counts as never invalidated.
  test.each(['getMany', 'getOrSetMany'])('%s takes a marker of no text for one that cannot be read', async (how) => {
    const kv = new MemoryKVNamespace();
    const answer = new Map<string, unknown>([[KEY, { value: '"old"', metadata: null }], ['cache-cleared', { value: 5 }]]); // prettier-ignore
    kv.getWithMetadata = (async () => answer) as never;
    const cache = new CacheClient(kv, { clearable: true });
    const load = (missing: string[]) => new Map(missing.map((key) => [key, 'new']));
    const values = how === 'getMany' ? await cache.getMany([KEY]) : await cache.getOrSetMany([KEY], 60, load);
    expect(values.get(KEY)).toBe(how === 'getMany' ? null : 'new');
  });

  // DEFECT 6, where KV answers something that is no entry at all.
  test.each([[undefined], [{}], [42]])(
    'a marker answered with %p does not bring an invalidated entry back',
    async (garbage) => {
      const kv = new MemoryKVNamespace();
      await new CacheClient(kv).set(KEY, 'old', 60, { tags: ['t'] });
      await new Promise((resolve) => setTimeout(resolve, 2));
      // Another isolate invalidates it.
      await kv.put('cache-mark:tag:t', String(Date.now()));
      const read = kv.getWithMetadata.bind(kv) as (keys: unknown, type: never) => Promise<unknown>;
      kv.getWithMetadata = (async (keys: unknown, type: never) => {
        if (keys === 'cache-mark:tag:t') return garbage;
        const answer = await read(keys, type);
        if (answer instanceof Map && answer.has('cache-mark:tag:t')) answer.set('cache-mark:tag:t', garbage);
        return answer;
      }) as never;
      expect(await new CacheClient(kv).get(KEY)).toBeNull();
      expect(await new CacheClient(kv).getOrSet(KEY, 60, () => 'new', { tags: ['t'] })).toBe('new');
      expect((await new CacheClient(kv).getMany([KEY])).get(KEY)).not.toBe('old');
    },
  );

  // DEFECT 7 (entry-finder.ts, #readMany): markers are asked for again after the read that had them, and every entry, timed out.
  test.each(['getMany', 'getOrSetMany'])('%s waits for one read of a KV that hangs, markers and all', async (how) => {
    jest.useFakeTimers();
    const kv = new MemoryKVNamespace();
    kv.hang('get');
    const cache = new CacheClient(kv, { timeoutMs: 100, clearable: true });
    const done = jest.fn();
    const work = how === 'getMany' ? cache.getMany([KEY]) : cache.getOrSetMany([KEY], 60, () => new Map());
    void work.then(done);
    await jest.advanceTimersByTimeAsync(101);
    expect(done).toHaveBeenCalledTimes(1);
  });

  // DEFECT 8 (read-through.ts, read-through-many.ts): with awaitWrites off the load leaves before its write is done.
  test.each(['getOrSet', 'getOrSetMany'])(
    'a delete after %s with awaitWrites off comes after its write',
    async (how) => {
      const kv = new MemoryKVNamespace();
      const put = kv.put.bind(kv);
      const gate = deferred<undefined>();
      kv.put = async (...args) => {
        await gate.promise;
        return put(...args);
      };
      const cache = new CacheClient(kv, { awaitWrites: false, waitUntil: () => undefined });
      if (how === 'getOrSet') await cache.getOrSet(KEY, 60, () => 'old');
      else await cache.getOrSetMany([KEY], 60, () => new Map([[KEY, 'old']]));
      const removal = cache.delete(KEY);
      await settled();
      gate.resolve(undefined);
      await removal;
      await settled();
      expect(await kv.get(KEY)).toBeNull();
    },
  );

  // DEFECT 8, the writes that have not begun: more than six at a time are not written side by side.
  test('a delete after getOrSetMany with awaitWrites off keeps the rest from being written', async () => {
    const kv = new MemoryKVNamespace();
    const put = kv.put.bind(kv);
    const gate = deferred<undefined>();
    kv.put = async (...args) => {
      await gate.promise;
      return put(...args);
    };
    const keys = Array.from({ length: 10 }, (_, index) => `cache:a:${index}`);
    const cache = new CacheClient(kv, { awaitWrites: false, waitUntil: () => undefined });
    await cache.getOrSetMany(keys, 60, (missing) => new Map(missing.map((key) => [key, 'old'])));
    const removal = cache.delete(keys[9]!);
    await settled();
    gate.resolve(undefined);
    await removal;
    await settled();
    expect(await kv.get(keys[9]!)).toBeNull();
  });

  // DEFECT 9 (read-through-many.ts): a load that outlives its caller has left the fence, and writes over what was deleted or set since.
  test('a getOrSetMany that left at its soft timeout does not write over a later delete or set', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] });
    const kv = new MemoryKVNamespace();
    const options = { waitUntil: () => undefined, softTimeoutMs: 10, staleIfError: 100 };
    const cache = new CacheClient(kv, options);
    const keys = ['cache:a:1', 'cache:a:2'];
    for (const key of keys) await cache.set(key, 'stale', 1);
    jest.setSystemTime(Date.now() + 2000);
    const slow = deferred<Map<string, string>>();
    const values = cache.getOrSetMany(keys, 60, () => slow.promise);
    await jest.advanceTimersByTimeAsync(11);
    expect([...(await values).values()]).toEqual(['stale', 'stale']);
    await cache.delete(keys[0]!);
    await cache.set(keys[1]!, 'set', 60);
    slow.resolve(new Map(keys.map((key) => [key, 'old'])));
    await jest.advanceTimersByTimeAsync(0);
    await settled();
    expect([...(await cache.getMany(keys)).values()]).toEqual([null, 'set']);
  });

  // DEFECT 10 (cache-client.ts set, entry-writer.ts store): a write does not tell reads under way that what they read is old.
  test('a read that began before a write ended does not put the old value into the memory of the isolate', async () => {
    const kv = new MemoryKVNamespace();
    const memory = memoryTier({ ttlSeconds: 60 });
    await new CacheClient(kv).set(KEY, 'old', 60);
    const read = kv.getWithMetadata.bind(kv) as (key: string, type: 'text') => Promise<unknown>;
    const write = kv.put.bind(kv);
    const [writing, mayWrite, answered] = [deferred<undefined>(), deferred<undefined>(), deferred<undefined>()];
    kv.put = async (...args) => {
      writing.resolve(undefined);
      await mayWrite.promise;
      return write(...args);
    };
    const writer = new CacheClient(kv, { memory });
    const set = writer.set(KEY, 'new', 60);
    await writing.promise;
    kv.getWithMetadata = (async (key: string, type: 'text') => {
      const answer = await read(key, type);
      await answered.promise;
      return answer;
    }) as never;
    const reading = new CacheClient(kv, { memory }).get(KEY);
    await settled();
    mayWrite.resolve(undefined);
    await set;
    answered.resolve(undefined);
    expect(await reading).toBe('old');
    expect(await new CacheClient(kv, { memory }).get(KEY)).toBe('new');
  });

  // DEFECT 11 (read-through.ts, #load and get): who joins waits for as long as the first caller would, whatever its own timeout is.
  test.each(['the load of another call', 'a refresh'])(
    'a call with a hard timeout that joins %s is answered in time',
    async (what) => {
      jest.useFakeTimers({ doNotFake: ['setImmediate'] });
      const kv = new MemoryKVNamespace();
      const background = { waitUntil: () => undefined, staleWhileRevalidate: 10 };
      const cache = new CacheClient(kv, background);
      const hangs = async () => new Promise<string>(() => undefined);
      if (what === 'a refresh') await cache.set(KEY, 'stale', 1);
      jest.setSystemTime(Date.now() + 2000);
      const first = cache.getOrSet(KEY, 60, hangs);
      await settled();
      if (what === 'a refresh') expect(await first).toBe('stale');
      jest.setSystemTime(Date.now() + 20_000);
      const done = jest.fn();
      void cache.getOrSet(KEY, 60, () => 'new', { hardTimeoutMs: 100 }).then(done, done);
      await settled();
      await jest.advanceTimersByTimeAsync(2200);
      expect(done).toHaveBeenCalledTimes(1);
    },
  );

  // DEFECT 14 (invalidation.ts, prefix): the markers are keys of the namespace, and a prefix such as `cache` takes them along.
  test.each([
    ['invalidateTags', async (cache: CacheClient) => cache.invalidateTags(['t'])],
    ['clear', async (cache: CacheClient) => cache.clear()],
  ])('deletePrefix does not take %s back for the keys that it leaves', async (_how, invalidate) => {
    const kv = new MemoryKVNamespace();
    const cache = new CacheClient(kv, { clearable: true });
    await cache.set('user:1', 'old', 60, { tags: ['t'] });
    await invalidate(cache);
    expect(await cache.deletePrefix('cache')).toEqual({ deleted: 0, failed: [] });
    // Another isolate, which has the entries alone to go by.
    const binding = { get: kv.get, getWithMetadata: kv.getWithMetadata, put: kv.put, delete: kv.delete, list: kv.list };
    expect(await new CacheClient(binding, { clearable: true }).get('user:1')).toBeNull();
  });

  // DEFECT 15 (markers.ts, MAX_ISOLATE_MARKS): the isolate forgets its own invalidations while its memory still holds the entry.
  test('1,000 invalidations later the memory of the isolate does not serve what the first one dropped', async () => {
    const kv = new MemoryKVNamespace();
    const options = { memory: memoryTier({ ttlSeconds: 60 }) };
    await new CacheClient(kv, options).set(KEY, 'old', 60, { tags: ['t'] });
    await new CacheClient(kv, options).invalidateTags(['t']);
    expect(await new CacheClient(kv, options).get(KEY)).toBeNull();
    await new CacheClient(kv, options).invalidateTags(Array.from({ length: 1000 }, (_, index) => `other:${index}`));
    expect(await new CacheClient(kv, options).get(KEY)).toBeNull();
  });

  // DEFECT 13 (load-fence.ts, enter): the bound is on keys, and the runtime can end any number of requests that load one key.
  test('loads of one key that never end do not pile up in the isolate', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now });
    for (let number = 0; number < 2000; number += 1) {
      void new CacheClient(kv, { now: clock.now }).getOrSet(KEY, 60, async () => new Promise(() => undefined));
      if (number % 100 === 0) await settled();
      clock.advance(60_000);
    }
    await settled();
    expect(isolateCacheOf(kv).fence.count(KEY)).toBeLessThanOrEqual(1000);
  });

  // DEFECT 12 (markers.ts, #mark): a clock that goes back takes an invalidation back.
  test('a second invalidation on a clock that went back does not bring back what the first one dropped', async () => {
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now });
    const cache = () => new CacheClient(kv, { now: clock.now });
    await cache().set(KEY, 'old', 600, { tags: ['t'] });
    clock.advance(1000);
    await cache().invalidateTags(['t']);
    expect(await cache().get(KEY)).toBeNull();
    clock.advance(-20_000);
    await cache().invalidateTags(['t']);
    expect(await cache().get(KEY)).toBeNull();
  });
});

/** A load that is begun and ended by hand. */
function slowLoad() {
  const began = deferred<undefined>();
  const load = deferred<string>();
  const started = async (): Promise<string> => {
    began.resolve(undefined);
    return load.promise;
  };
  return {
    kv: new MemoryKVNamespace(),
    started,
    slow: { began: began.promise, end: load.resolve, fail: load.reject },
  };
}
