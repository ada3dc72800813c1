import type { LockClient } from '../clients/durable/lock-client.js';
import type { Lock } from '../clients/durable/lock.js';
import { expectSame } from './kv-contract-expect.js';

/** One behaviour that locks have wherever their objects are. */
export interface LockContractCase {
  /** A sentence, unique in the list. */
  readonly name: string;
  /** Runs on a client whose objects may hold other locks; throws when it does not behave so. */
  run(locks: LockClient): Promise<void>;
}

const TTL = { ttlMs: 30_000 };

/**
 * How locks behave, as cases for any test framework: the same over `memoryLocks()` and in workerd. Each uses locks of its own, whose
 * names begin with `contract:`, and gives them back; no case waits for a lease to run out.
 *
 * @example
 * ```ts
 * test.each(lockContract)('$name', ({ run }) => run(new LockClient(memoryLocks())));
 * ```
 */
export const lockContract: readonly LockContractCase[] = [
  {
    name: 'one of 50 concurrent callers has the lock, the others null',
    async run(locks) {
      const all = await times(50, () => locks.tryAcquire('contract:try', TTL));
      const held = all.filter((lock) => lock !== null);
      expectSame(held.length, 1);
      expectSame(await locks.isLocked('contract:try'), true);
      expectSame(await held[0]?.release(), true);
      expectSame(await locks.isLocked('contract:try'), false);
    },
  },
  {
    name: '50 concurrent runs take turns in the order in which they came, with rising fences',
    async run(locks) {
      const seen: { readonly index: number; readonly fence: number }[] = [];
      let inside = 0;
      await times(50, (index) =>
        locks.run('contract:run', TTL, async ({ fence }) => {
          inside += 1;
          expectSame(inside, 1);
          await Promise.resolve();
          seen.push({ index, fence });
          inside -= 1;
        }),
      );
      expectSame(seen.map(({ index }) => index), [...Array(50).keys()]); // prettier-ignore
      expectAscending(seen.map(({ fence }) => fence));
    },
  },
  {
    name: 'a semaphore has as many holders as permits, each with its own fence',
    async run(locks) {
      const all = await times(50, () => locks.tryAcquire('contract:pool', { ...TTL, permits: 3 }));
      const held = all.filter((lock) => lock !== null);
      expectAscending(held.map(({ fence }) => fence).sort((one, other) => one - other));
      expectSame(await releaseAll(held), [true, true, true]);
    },
  },
  {
    name: 'only the holder can extend and give back, and giving back twice is the same as once',
    async run(locks) {
      const first = await locks.acquire('contract:owner', TTL);
      expectSame(await locks.forceRelease('contract:owner'), 1);
      const second = await locks.acquire('contract:owner', TTL);
      expectAscending([first.fence, second.fence]);
      expectSame([await first.extend(), await first.release()], [false, false]);
      expectSame(first.signal.aborted, true);
      expectSame([await second.extend(), await second.release(), await second.release()], [true, true, true]);
    },
  },
  {
    name: 'a wait ends with its time or its signal, and leaves no place in the line',
    async run(locks) {
      const held = await locks.acquire('contract:wait', TTL);
      await expectCode(() => locks.acquire('contract:wait', { ...TTL, timeoutMs: 20 }), 'LOCK_TIMEOUT');
      const controller = new AbortController();
      const { signal } = controller;
      const waiting = expectCode(() => locks.acquire('contract:wait', { ...TTL, signal }), 'LOCK_ABORTED');
      controller.abort();
      await waiting;
      await held.release();
      const next = await locks.tryAcquire('contract:wait', TTL);
      expectSame(await next?.release(), true);
    },
  },
  {
    name: 'a lock goes on elsewhere with the same fence, and not after it was given back',
    async run(locks) {
      const lock = await locks.acquire('contract:restore', TTL);
      const text = lock.serialize();
      const restored = await locks.restore(text);
      expectSame([restored?.name, restored?.fence], ['contract:restore', lock.fence]);
      expectSame(await restored?.release(), true);
      expectSame(await locks.restore(text), null);
      expectSame(await lock.release(), true);
    },
  },
];

function times<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => act(index)));
}

function releaseAll(held: readonly Lock[]): Promise<boolean[]> {
  return Promise.all(held.map((lock) => lock.release()));
}

function expectAscending(numbers: readonly number[]): void {
  expectSame(
    numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0)),
    true,
  );
}

async function expectCode(act: () => Promise<unknown>, code: string): Promise<void> {
  let got: unknown;
  try {
    await act();
  } catch (error) {
    got = (error as { code?: unknown }).code;
  }
  expectSame(got, code);
}
