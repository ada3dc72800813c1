import type { CounterContractCase } from './counter-contract-expect.js';
import { expectCode, expectSame, fiftyTimes } from './counter-contract-expect.js';

/** How work done once behaves. A case uses its key up, so every run has one of its own. */
export const onceCases: readonly CounterContractCase[] = [
  {
    name: 'work asked for by 50 callers at once is done once, and all have its result',
    async run(counters) {
      const key = freshKey();
      let runs = 0;
      const results = await fiftyTimes(() =>
        counters.once(key, async () => {
          runs += 1;
          return Promise.resolve({ receipt: 'r-1', runs });
        }),
      );
      expectSame(runs, 1);
      expectSame(
        results.map(({ value }) => value),
        Array.from({ length: 50 }, () => ({ receipt: 'r-1', runs: 1 })),
      );
      expectSame(results.filter(({ replayed }) => !replayed).length, 1);
    },
  },
  {
    name: 'work that throws is not remembered: its caller has the error, the next one does it',
    async run(counters) {
      const key = freshKey();
      const failure = new Error('the card was refused');
      let thrown: unknown;
      await counters.once(key, () => Promise.reject(failure)).catch((error: unknown) => (thrown = error));
      expectSame(thrown === failure, true);
      const next = await counters.once(key, () => Promise.resolve('done'));
      expectSame(next, { value: 'done', replayed: false, stored: true });
    },
  },
  {
    name: 'a key of work is for one fingerprint',
    async run(counters) {
      const key = freshKey();
      await counters.once(key, () => Promise.resolve(1), { fingerprint: 'a' });
      const other = () => counters.once(key, () => Promise.resolve(2), { fingerprint: 'b' });
      await expectCode(other, 'IDEMPOTENCY_CONFLICT');
      const same = await counters.once(key, () => Promise.resolve(3), { fingerprint: 'a' });
      expectSame(same.value, 1);
    },
  },
  {
    name: 'work that returns nothing is done once as well',
    async run(counters) {
      const key = freshKey();
      const nothing = await counters.once(key, () => Promise.resolve());
      const again = await counters.once(key, () => Promise.resolve());
      expectSame([nothing.value, nothing.replayed], [undefined, false]);
      expectSame([again.value, again.replayed], [undefined, true]);
    },
  },
];

function freshKey(): string {
  return `contract:${crypto.randomUUID()}`;
}
