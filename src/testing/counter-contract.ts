import type { CounterContractCase } from './counter-contract-expect.js';
import { expectCode, expectSame, fiftyTimes } from './counter-contract-expect.js';
import { onceCases } from './once-contract.js';

const MAX = Number.MAX_SAFE_INTEGER;

const CASES: readonly CounterContractCase[] = [
  {
    name: 'a counter that does not exist is 0',
    async run(counters) {
      expectSame(await counters.get('contract:none'), { value: 0, approximate: false });
    },
  },
  {
    name: 'increments and decrements answer with the value after them',
    async run(counters) {
      await counters.delete('contract:steps');
      const answer = { applied: true, approximate: false, replayed: false };
      expectSame(await counters.increment('contract:steps'), { value: 1, ...answer });
      expectSame(await counters.increment('contract:steps', 41), { value: 42, ...answer });
      expectSame(await counters.increment('contract:steps', { by: 8 }), { value: 50, ...answer });
      expectSame(await counters.decrement('contract:steps', 60), { value: -10, ...answer });
      expectSame(await counters.get('contract:steps'), { value: -10, approximate: false });
    },
  },
  {
    name: '50 increments at once get 50 values',
    async run(counters) {
      await counters.delete('contract:crowd');
      const results = await fiftyTimes(() => counters.increment('contract:crowd'));
      const values = results.map(({ value }) => value).sort((one, other) => one - other);
      expectSame(
        values,
        Array.from({ length: 50 }, (_, index) => index + 1),
      );
    },
  },
  {
    name: 'a stock of 5 is taken 5 times by 50 callers at once',
    async run(counters) {
      await counters.set('contract:stock', 5);
      const results = await fiftyTimes(() => counters.decrement('contract:stock', { floor: 0 }));
      expectSame(results.filter(({ applied }) => applied).length, 5);
      expectSame((await counters.get('contract:stock')).value, 0);
    },
  },
  {
    name: 'a maximum is reached and not passed',
    async run(counters) {
      await counters.set('contract:seats', 8);
      const refused = { value: 8, applied: false, approximate: false, replayed: false };
      expectSame(await counters.increment('contract:seats', { by: 3, max: 10 }), refused);
      expectSame((await counters.increment('contract:seats', { by: 2, max: 10 })).applied, true);
    },
  },
  {
    name: 'one idempotency key counts once for 50 callers at once',
    async run(counters) {
      await counters.delete('contract:key');
      const change = { by: 3, idempotencyKey: 'order-1' };
      const results = await fiftyTimes(() => counters.increment('contract:key', change));
      expectSame(results.filter(({ replayed }) => !replayed).length, 1);
      expectSame(
        results.every(({ value, applied }) => value === 3 && applied),
        true,
      );
      expectSame((await counters.get('contract:key')).value, 3);
    },
  },
  {
    name: 'an idempotency key is for one change',
    async run(counters) {
      await counters.delete('contract:conflict');
      await counters.increment('contract:conflict', { by: 3, idempotencyKey: 'order-1' });
      const other = { by: 4, idempotencyKey: 'order-1' };
      await expectCode(() => counters.increment('contract:conflict', other), 'IDEMPOTENCY_CONFLICT');
      await expectCode(
        () => counters.decrement('contract:conflict', { by: 3, idempotencyKey: 'order-1' }),
        'IDEMPOTENCY_CONFLICT',
      );
      expectSame((await counters.get('contract:conflict')).value, 3);
    },
  },
  {
    name: 'of 50 compare-and-sets at once one wins',
    async run(counters) {
      await counters.set('contract:cas', 7);
      const results = await fiftyTimes((index) =>
        counters.compareAndSet('contract:cas', { expected: 7, value: 100 + index }),
      );
      const [winner, ...others] = results.filter(({ applied }) => applied);
      expectSame(others, []);
      expectSame((await counters.get('contract:cas')).value, winner?.value);
    },
  },
  {
    name: 'a value leaves the safe integers in neither direction',
    async run(counters) {
      await counters.set('contract:bounds', MAX - 1);
      expectSame((await counters.increment('contract:bounds')).value, MAX);
      await expectCode(() => counters.increment('contract:bounds'), 'COUNTER_OUT_OF_BOUNDS');
      await expectCode(() => counters.increment('contract:bounds', MAX), 'COUNTER_OUT_OF_BOUNDS');
      expectSame((await counters.get('contract:bounds')).value, MAX);
      await counters.set('contract:bounds', -MAX);
      await expectCode(() => counters.decrement('contract:bounds'), 'COUNTER_OUT_OF_BOUNDS');
      expectSame((await counters.get('contract:bounds')).value, -MAX);
    },
  },
  {
    name: 'what is no change is refused',
    async run(counters) {
      for (const by of [0, 1.5, NaN, Infinity, MAX + 1]) {
        await expectCode(() => counters.increment('contract:bad', by), 'INVALID_OPTION');
      }
      await expectCode(() => counters.increment(''), 'INVALID_KEY');
      await expectCode(() => counters.increment('n'.repeat(513)), 'INVALID_KEY');
      await expectCode(() => counters.set('contract:bad', 0.5), 'INVALID_OPTION');
    },
  },
  {
    name: 'incrementMany answers in the order given, and one failure hides no other',
    async run(counters) {
      await counters.delete('contract:many-a');
      await counters.set('contract:many-b', MAX);
      const names = ['contract:many-a', 'contract:many-b', 'contract:many-a'];
      const results = await counters.incrementMany(names.map((name) => ({ name, by: 2 })));
      expectSame(
        results.map((item) => (item.status === 'done' ? item.value : item.error.code)),
        [2, 'COUNTER_OUT_OF_BOUNDS', 4],
      );
    },
  },
  {
    name: 'a counter that is deleted begins anew, and so do its keys',
    async run(counters) {
      const change = { by: 5, idempotencyKey: 'again' };
      await counters.delete('contract:deleted');
      await counters.increment('contract:deleted', change);
      await counters.delete('contract:deleted');
      expectSame((await counters.get('contract:deleted')).value, 0);
      expectSame((await counters.increment('contract:deleted', change)).replayed, false);
      expectSame((await counters.get('contract:deleted')).value, 5);
    },
  },
];

/**
 * How counters behave, as cases for any test framework: the same run on `memoryCounters()` and inside workerd, and on a double of your own. They
 * use names that begin with `contract:`. Time does not pass in them.
 *
 * @example
 * ```ts
 * test.each(counterContract)('$name', ({ run }) => run(new CounterClient(memoryCounters())));
 * ```
 */
export const counterContract: readonly CounterContractCase[] = [...CASES, ...onceCases];
