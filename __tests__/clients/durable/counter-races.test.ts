import { isCloudflareClientError } from '../../../src/errors.js';
import type { ObjectCall, ObjectFault } from '../../../src/durable-objects/memory-object-namespace.js';
import { inCounterWorld, randomFaults } from '../../support/counters.js';

const CALLS = 10_000;

/** Every first attempt can fail and most do, as a reset breaks what is under way; some second ones; no third. */
function twice(firstAttempts: number): (call: ObjectCall) => ObjectFault | undefined {
  const [first, second] = [randomFaults(7, 0.2), randomFaults(8, 0.005)];
  return (call) =>
    call.index < firstAttempts ? first(call) : call.index < 2 * firstAttempts ? second(call) : undefined;
}

describe('10,000 increments at once, with replies lost and objects reset', () => {
  it.each([1, 16] as const)('count 10,000 over %d shards: what is tried again never counts twice', async (shards) => {
    await inCounterWorld(
      async ({ client, namespace }) => {
        const counters = client({ shards });
        const results = await Promise.all(Array.from({ length: CALLS }, () => counters.increment('views:intro')));
        expect(results.filter(({ applied, replayed }) => applied && !replayed)).toHaveLength(CALLS);
        if (shards === 1) expect(new Set(results.map(({ value }) => value)).size).toBe(CALLS);
        expect(namespace.calls).toBeGreaterThan(1.5 * CALLS);
        expect(await counters.get('views:intro')).toEqual({ value: CALLS, approximate: shards > 1 });
      },
      { faults: twice(CALLS) },
    );
  });

  it.each([1, 16] as const)('count 10,000 over %d shards when callers ask again with their keys', async (shards) => {
    await inCounterWorld(
      async ({ client, sleep }) => {
        const counters = client({ shards });
        let failures = 0;
        const increment = async (idempotencyKey: string): Promise<void> => {
          for (;;) {
            try {
              await counters.increment('views:intro', { idempotencyKey });
              return;
            } catch (error) {
              if (!isCloudflareClientError(error)) throw error;
              failures += 1;
              await sleep(1_000);
            }
          }
        };
        await Promise.all(Array.from({ length: CALLS }, (_, index) => increment(`visit-${index}`)));
        expect(failures).toBeGreaterThan(500);
        for (;;) {
          const read = await counters.get('views:intro').catch(() => undefined);
          if (read === undefined) continue;
          expect(read.value).toBe(CALLS);
          return;
        }
      },
      {
        faults: randomFaults(11, 0.3, [
          'unavailable',
          'lost-reply',
          'reset-after',
          'reset',
          'overloaded',
          'hang',
          'failed',
        ]),
      },
    );
  });

  it('count 10,000 in batches', async () => {
    await inCounterWorld(
      async ({ counters }) => {
        const names = Array.from({ length: 100 }, (_, index) => ({ name: `views:${index % 40}` }));
        const batches = await Promise.all(Array.from({ length: 100 }, () => counters.incrementMany(names)));
        expect(batches.flat().filter(({ status }) => status === 'done')).toHaveLength(CALLS);
        const values = await Promise.all(Array.from({ length: 40 }, (_, index) => counters.get(`views:${index}`)));
        expect(values.reduce((sum, { value }) => sum + value, 0)).toBe(CALLS);
      },
      { faults: randomFaults(3, 0.01) },
    );
  });
});

describe('50 callers at once, with faults', () => {
  const faults = { faults: randomFaults(21, 0.05) };
  const fifty = <T>(act: (index: number) => Promise<T>): Promise<T[]> =>
    Promise.all(Array.from({ length: 50 }, (_, index) => act(index)));

  it('with one idempotency key count once', async () => {
    await inCounterWorld(async ({ counters, sink }) => {
      const results = await fifty(() => counters.increment('balance:u1', { by: 30, idempotencyKey: 'order-7' }));
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(results.every(({ value, applied }) => value === 30 && applied)).toBe(true);
      expect((await counters.get('balance:u1')).value).toBe(30);
      expect(sink.events.filter(({ type }) => type === 'counter.replayed')).toHaveLength(49);
    }, faults);
  });

  it('with one idempotency key count once over 16 shards', async () => {
    await inCounterWorld(async ({ client }) => {
      const counters = client({ shards: 16 });
      const results = await fifty(() => counters.increment('balance:u1', { by: 30, idempotencyKey: 'order-7' }));
      expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect((await counters.get('balance:u1')).value).toBe(30);
    }, faults);
  });

  it('take a stock of 5 five times', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.set('stock:chair', 5);
      const results = await fifty(() => counters.decrement('stock:chair', { floor: 0 }));
      const sold = results.filter(({ applied }) => applied);
      expect(sold.map(({ value }) => value).sort()).toEqual([0, 1, 2, 3, 4]);
      expect((await counters.get('stock:chair')).value).toBe(0);
    }, faults);
  });

  it('take from a stock of 5 by two twice', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.set('stock:chair', 5);
      const results = await fifty(() => counters.decrement('stock:chair', { by: 2, floor: 0 }));
      expect(results.filter(({ applied }) => applied)).toHaveLength(2);
      expect((await counters.get('stock:chair')).value).toBe(1);
    }, faults);
  });

  it('who compare and set: one wins, and knows it', async () => {
    await inCounterWorld(async ({ counters }) => {
      const results = await fifty((index) => counters.compareAndSet('turn', { expected: 0, value: index + 1 }));
      const won = results.filter(({ applied }) => applied);
      expect(won).toHaveLength(1);
      expect((await counters.get('turn')).value).toBe(won[0]!.value);
    }, faults);
  });

  it('who increment by reading, comparing and setting lose nothing', async () => {
    await inCounterWorld(async ({ counters, sleep }) => {
      await fifty(async (index) => {
        for (;;) {
          const { value } = await counters.get('sum');
          if ((await counters.compareAndSet('sum', { expected: value, value: value + 1 })).applied) return;
          await sleep(1 + ((index * 7) % 50));
        }
      });
      expect((await counters.get('sum')).value).toBe(50);
    }, faults);
  });

  it('who delete and increment: a delete whose reply was lost takes no later increment', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      await counters.increment('views:a', 3);
      namespace.failNext('lost-reply');
      const deleted = counters.delete('views:a');
      await counters.increment('views:a', 2);
      await deleted;
      expect((await counters.get('views:a')).value).toBe(2);
    });
  });
});
