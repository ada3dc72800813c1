import { CounterClient, memoryCounters } from '../../../src/index.js';
import { inCounterWorld } from '../../support/counters.js';
import { codeOf, errorOf, fc } from '../../support/kv.js';
import { seededRandom } from '../../support/seeded.js';

const MAX = Number.MAX_SAFE_INTEGER;
const NAME = 'stock:secret-user';

describe('new CounterClient', () => {
  it.each([0, -1, 129, 1.5, NaN, '4'])('refuses %p shards', async (shards) => {
    const error = await errorOf(() => new CounterClient(memoryCounters(), { shards: shards as number }));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain('from 1 to 128');
  });

  it('refuses what is no namespace', async () => {
    const error = await errorOf(() => new CounterClient(undefined as never));
    expect(error).toMatchObject({ code: 'INVALID_BINDING' });
    expect(error.message).toContain('bind CounterObject');
  });

  it('needs nothing but a namespace', async () => {
    const counters = new CounterClient(memoryCounters());
    expect(await counters.increment('views:a')).toMatchObject({ value: 1 });
  });
});

describe('a counter', () => {
  it.each(['', 'n'.repeat(513), 'é'.repeat(257), 'a\ud800', 7, undefined])('is not called %p', async (name) => {
    const counters = new CounterClient(memoryCounters());
    for (const act of [
      () => counters.increment(name as string),
      () => counters.get(name as string),
      () => counters.set(name as string, 1),
      () => counters.delete(name as string),
      () => counters.incrementMany([{ name: name as string }]),
      () => counters.increment('views:a', { idempotencyKey: (name ?? null) as string }),
    ]) {
      expect(await codeOf(act)).toBe('INVALID_KEY');
    }
  });

  it.each(['.', '..', 'views:a/b', 'counter-1/x', '__proto__', 'n'.repeat(512)])('can be called %p', async (name) => {
    const counters = new CounterClient(memoryCounters());
    await counters.increment(name, { idempotencyKey: name });
    expect((await counters.get(name)).value).toBe(1);
  });

  it('shares no object with another, whatever the names are', async () => {
    await inCounterWorld(async ({ client, namespace }) => {
      await client({ shards: 2, random: () => 0.9 }).increment('a');
      await client().increment('-1/a');
      await client().increment('a');
      await client().once('a', async () => 1);
      expect(new Set(namespace.stored).size).toBe(4);
    });
  });

  it.each([
    0,
    1.5,
    NaN,
    Infinity,
    -Infinity,
    MAX + 1,
    '1',
    null,
    true,
    { by: 0 },
    { by: '2' },
    { floor: 0.5 },
    { max: NaN },
  ])('is not changed by %p', async (change) => {
    await inCounterWorld(async ({ counters, namespace }) => {
      expect(await codeOf(() => counters.increment(NAME, change as number))).toBe('INVALID_OPTION');
      expect(await codeOf(() => counters.decrement(NAME, change as number))).toBe('INVALID_OPTION');
      expect(namespace.calls).toBe(0);
    });
  });

  it.each([59, 0, -1, 2_592_001, 60.5, NaN])('remembers no key for %d seconds', async (idempotencyTtlSeconds) => {
    const counters = new CounterClient(memoryCounters());
    const change = { idempotencyKey: 'k', idempotencyTtlSeconds };
    const error = await errorOf(() => counters.increment(NAME, change));
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain('from 60 to 2592000');
  });

  it('remembers a key for a day unless told', async () => {
    await inCounterWorld(async ({ counters, sleep }) => {
      await counters.increment(NAME, { idempotencyKey: 'k' });
      await sleep(86_399_000);
      expect(await counters.increment(NAME, { idempotencyKey: 'k' })).toMatchObject({ value: 1, replayed: true });
      await sleep(1_000);
      expect(await counters.increment(NAME, { idempotencyKey: 'k' })).toMatchObject({ value: 2, replayed: false });
    });
  });

  it('is increased by a negative number as it is decreased', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.increment(NAME, -3);
      await counters.decrement(NAME, { by: -5 });
      expect((await counters.get(NAME)).value).toBe(2);
    });
  });

  it('is 0 and never -0', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.set(NAME, -0);
      expect(Object.is((await counters.get(NAME)).value, 0)).toBe(true);
      await counters.increment(NAME, -1);
      expect(Object.is((await counters.increment(NAME, 1)).value, 0)).toBe(true);
    });
  });

  it('says that a bound forbids a change, with the value as it is', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.set(NAME, 2);
      const refused = { value: 2, applied: false, approximate: false, replayed: false };
      expect(await counters.decrement(NAME, { by: 3, floor: 0 })).toEqual(refused);
      expect(await counters.increment(NAME, { by: 3, max: 4 })).toEqual(refused);
      expect(await counters.compareAndSet(NAME, { expected: 3, value: 9 })).toEqual(refused);
      expect(await counters.decrement(NAME, { by: 2, floor: 0 })).toEqual({ ...refused, value: 0, applied: true });
      expect(await counters.compareAndSet(NAME, { expected: 0, value: 9 })).toEqual({
        ...refused,
        value: 9,
        applied: true,
      });
    });
  });

  it('names the bound, and not the counter, when it would leave the safe integers', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.set(NAME, MAX);
      const error = await errorOf(() => counters.increment(NAME));
      expect(error).toMatchObject({ code: 'COUNTER_OUT_OF_BOUNDS' });
      expect(error.message).toContain(`stands at ${MAX}`);
      expect(error.message).toContain('stock:…');
      expect(error.message).not.toContain('secret');
      expect((await counters.get(NAME)).value).toBe(MAX);
    });
  });

  it('names neither key nor counter in a conflict', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.increment(NAME, { idempotencyKey: 'key-secret' });
      const error = await errorOf(() => counters.increment(NAME, { by: 2, idempotencyKey: 'key-secret' }));
      expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
      expect(error.message).not.toContain('secret');
    });
  });

  it('costs one object call per operation, and leaves no object where it does not exist', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      await counters.get(NAME);
      await counters.delete(NAME);
      await counters.decrement(NAME, { floor: 0 });
      expect(namespace.calls).toBe(3);
      expect(namespace.stored).toEqual([]);
    });
  });

  it('is reported when it replays, without its name', async () => {
    await inCounterWorld(async ({ counters, sink }) => {
      await counters.increment(NAME, { idempotencyKey: 'k' });
      expect(sink.events).toEqual([]);
      await counters.increment(NAME, { idempotencyKey: 'k' });
      expect(sink.events).toEqual([{ type: 'counter.replayed', keyPrefix: 'stock:' }]);
    });
  });

  it('replays nothing for a call whose own reply was lost', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      namespace.failNext('lost-reply', 2);
      expect(await counters.increment(NAME, { idempotencyKey: 'k' })).toMatchObject({ value: 1, replayed: false });
      namespace.failNext('reset-after', 2);
      expect(await counters.increment(NAME)).toMatchObject({ value: 2, replayed: false });
      expect(namespace.calls).toBe(6);
    });
  });

  it('is asked again by key after a call that was given up', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      namespace.failNext('lost-reply', 3);
      expect(await codeOf(() => counters.increment(NAME, { idempotencyKey: 'k' }))).toBe('OBJECT_FAILED');
      expect(await counters.increment(NAME, { idempotencyKey: 'k' })).toMatchObject({ value: 1, replayed: true });
    });
  });

  it('does not answer within the timeout: an error', async () => {
    await inCounterWorld(async ({ client, namespace, now }) => {
      namespace.failNext('hang');
      const startedAt = now();
      expect(await codeOf(() => client({ timeoutMs: 700 }).increment(NAME))).toBe('OBJECT_TIMEOUT');
      expect(now() - startedAt).toBe(700);
    });
  });
});

describe('incrementMany', () => {
  it('asks each object once, and answers in the order given', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      const items = Array.from({ length: 90 }, (_, index) => ({ name: `views:${index % 3}`, by: index + 1 }));
      const results = await counters.incrementMany(items);
      expect(namespace.calls).toBe(3);
      expect(results.map(({ name }) => name)).toEqual(items.map(({ name }) => name));
      const sums = [0, 0, 0];
      expect(results.map((item) => item.status === 'done' && item.value)).toEqual(
        items.map(({ by }, index) => (sums[index % 3]! += by)),
      );
    });
  });

  it('has at most 32 calls under way', async () => {
    let [now, most] = [0, 0];
    const answer = async (): Promise<unknown> => {
      most = Math.max(most, (now += 1));
      await new Promise((resolve) => setImmediate(resolve));
      now -= 1;
      return { replies: [{ outcome: 'applied', value: 1, replayed: false }], shards: 1 };
    };
    const namespace = { idFromName: (name: string) => ({ name }), get: () => ({ change: answer }) };
    const items = Array.from({ length: 100 }, (_, index) => ({ name: `views:${index}` }));
    expect(await new CounterClient(namespace).incrementMany(items)).toHaveLength(100);
    expect(most).toBe(32);
  });

  it('tells each failure and hides none of the others', async () => {
    await inCounterWorld(
      async ({ counters, sink }) => {
        await counters.set('views:full', MAX);
        await counters.increment('views:keyed', { idempotencyKey: 'k' });
        const results = await counters.incrementMany([
          { name: 'views:down' },
          { name: 'views:a', by: 2 },
          { name: 'views:full' },
          { name: 'views:keyed', idempotencyKey: 'k' },
          { name: 'views:keyed', by: 2, idempotencyKey: 'k' },
          { name: 'views:a', by: -3, floor: 0 },
          { name: 'views:down' },
        ]);
        expect(results.map((item) => (item.status === 'done' ? [item.value, item.applied] : item.error.code))).toEqual([
          'OBJECT_FAILED',
          [2, true],
          'COUNTER_OUT_OF_BOUNDS',
          [1, true],
          'IDEMPOTENCY_CONFLICT',
          [2, false],
          'OBJECT_FAILED',
        ]);
        expect(sink.ofType('counter.replayed')).toHaveLength(1);
      },
      { faults: ({ name }) => (name.endsWith('down') ? 'failed' : undefined) },
    );
  });

  it('does nothing when one item can be seen to be wrong, and says which', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      const error = await errorOf(() => counters.incrementMany([{ name: 'views:a' }, { name: 'views:b', by: 0 }]));
      expect(error).toMatchObject({ code: 'INVALID_OPTION' });
      expect(error.message).toContain('Item 1 of incrementMany: Option by 0');
      expect(await codeOf(() => counters.incrementMany([null as never]))).toBe('INVALID_KEY');
      expect(await codeOf(() => counters.incrementMany('views' as never))).toBe('INVALID_OPTION');
      const tooMany = Array.from({ length: 10_001 }, () => ({ name: 'views:a' }));
      expect(await codeOf(() => counters.incrementMany(tooMany))).toBe('INVALID_OPTION');
      expect(namespace.calls).toBe(0);
      expect(await counters.incrementMany([])).toEqual([]);
    });
  });

  it('makes the changes of one counter to one shard', async () => {
    await inCounterWorld(async ({ client, namespace }) => {
      const items = Array.from({ length: 40 }, (_, index) => ({ name: `views:${index % 2}` }));
      const results = await client({ shards: 16 }).incrementMany(items);
      expect(namespace.calls).toBe(2);
      expect(results[0]).toEqual({
        name: 'views:0',
        status: 'done',
        value: null,
        applied: true,
        approximate: true,
        replayed: false,
      });
    });
  });
});

describe('a counter with shards', () => {
  it('is spread evenly, and read whole', async () => {
    await inCounterWorld(async ({ client, namespace }) => {
      const counters = client({ shards: 8, random: seededRandom(2) });
      await Promise.all(Array.from({ length: 800 }, () => counters.increment('views:a')));
      expect(namespace.stored).toHaveLength(8);
      const calls = namespace.calls;
      expect(await counters.get('views:a')).toEqual({ value: 800, approximate: true });
      expect(namespace.calls - calls).toBe(8);
    });
  });

  it('knows no value when it is changed', async () => {
    await inCounterWorld(async ({ client }) => {
      const result = await client({ shards: 8 }).decrement('views:a', 2);
      expect(result).toEqual({ value: null, applied: true, approximate: true, replayed: false });
    });
  });

  it('refuses what needs the whole value', async () => {
    await inCounterWorld(async ({ client, namespace }) => {
      const counters = client({ shards: 2 });
      for (const act of [
        () => counters.decrement('stock:a', { floor: 0 }),
        () => counters.increment('stock:a', { max: 9 }),
        () => counters.set('stock:a', 5),
        () => counters.compareAndSet('stock:a', { expected: 0, value: 1 }),
      ]) {
        const error = await errorOf(act);
        expect(error).toMatchObject({ code: 'INVALID_OPTION' });
        expect(error.message).toContain('spread over 2 objects');
      }
      expect(namespace.calls).toBe(0);
    });
  });

  it('finds the same shard for the same key', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 40 }),
        fc.integer({ min: 2, max: 128 }),
        async (key, shards) => {
          const namespace = memoryCounters();
          const change = { idempotencyKey: key };
          await new CounterClient(namespace, { shards }).increment('views:a', change);
          expect((await new CounterClient(namespace, { shards }).increment('views:a', change)).replayed).toBe(true);
        },
      ),
      { numRuns: 50, seed: 1 },
    );
  });

  it('spreads keys over all shards', async () => {
    await inCounterWorld(async ({ client, namespace }) => {
      const counters = client({ shards: 16 });
      const keys = Array.from({ length: 320 }, (_, index) => `order-${index}`);
      await Promise.all(keys.map((idempotencyKey) => counters.increment('views:a', { idempotencyKey })));
      expect(namespace.stored).toHaveLength(16);
    });
  });

  it('that had none keeps its value', async () => {
    await inCounterWorld(async ({ client }) => {
      await client().increment('views:a', 40);
      const grown = client({ shards: 4 });
      expect((await grown.get('views:a')).value).toBe(40);
      await Promise.all([grown.increment('views:a'), grown.increment('views:a')]);
      expect((await grown.get('views:a')).value).toBe(42);
    });
  });

  it('is read whole by a client that knows of fewer, and counted by it, and says that it is approximate', async () => {
    await inCounterWorld(async ({ client, counters }) => {
      const grown = client({ shards: 16 });
      await Promise.all(Array.from({ length: 500 }, () => grown.increment('views:a')));
      expect(await counters.get('views:a')).toEqual({ value: 500, approximate: true });
      expect(await counters.increment('views:a')).toMatchObject({ applied: true, approximate: true });
      expect(await client({ shards: 4 }).get('views:a')).toEqual({ value: 501, approximate: true });
      for (const act of [
        () => counters.decrement('views:a', { floor: 0 }),
        () => counters.set('views:a', 0),
        () => counters.compareAndSet('views:a', { expected: 1, value: 0 }),
      ]) {
        const error = await errorOf(act);
        expect(error).toMatchObject({ code: 'INVALID_OPTION' });
        expect(error.message).toContain('spread over 16 objects');
      }
      expect((await counters.get('views:a')).value).toBe(501);
    });
  });

  it('is deleted whole by a client that knows of fewer, and can be counted exactly from then on', async () => {
    await inCounterWorld(async ({ client, counters }) => {
      const grown = client({ shards: 16 });
      await Promise.all(Array.from({ length: 500 }, () => grown.increment('views:a')));
      await counters.delete('views:a');
      expect(await grown.get('views:a')).toEqual({ value: 0, approximate: true });
      await counters.set('views:a', 3);
      expect(await counters.get('views:a')).toEqual({ value: 3, approximate: false });
    });
  });

  it('is read whole also when the shard that is asked first came to 0 long ago', async () => {
    await inCounterWorld(async ({ client, counters, namespace, sleep }) => {
      const shardOf = (shard: number) => client({ shards: 2, random: () => shard / 2 });
      await shardOf(1).increment('views:a', 7);
      await shardOf(0).increment('views:a');
      await shardOf(0).decrement('views:a');
      await sleep(7_200_000);
      namespace.runAlarms();
      namespace.evict();
      expect(await counters.get('views:a')).toEqual({ value: 7, approximate: true });
      expect(await codeOf(() => counters.increment('views:a', { floor: 0 }))).toBe('INVALID_OPTION');
      await counters.delete('views:a');
      await sleep(60_000);
      namespace.runAlarms();
      expect(namespace.stored).toEqual([]);
    });
  });

  it('whose sum is no safe integer cannot be read', async () => {
    await inCounterWorld(async ({ client }) => {
      const shardOf = (shard: number) => client({ shards: 2, random: () => shard / 2 });
      await shardOf(0).increment('views:a', MAX);
      await shardOf(1).increment('views:a', MAX);
      expect(await codeOf(() => shardOf(0).get('views:a'))).toBe('COUNTER_OUT_OF_BOUNDS');
      await shardOf(1).decrement('views:a', MAX);
      await shardOf(1).decrement('views:a', 2);
      expect((await shardOf(0).get('views:a')).value).toBe(MAX - 2);
    });
  });

  it('fails to be read when one shard fails', async () => {
    await inCounterWorld(
      async ({ client }) => {
        expect(await codeOf(() => client({ shards: 4 }).get('views:a'))).toBe('OBJECT_OVERLOADED');
      },
      { faults: ({ name }) => (name.startsWith('counter-2/') ? 'overloaded' : undefined) },
    );
  });
});
