import { CounterClient } from '../../../src/clients/durable/counter-client.js';
import { OnceLease } from '../../../src/clients/durable/once-lease.js';
import { CloudflareClientError } from '../../../src/errors.js';
import { inCounterWorld, randomFaults } from '../../support/counters.js';
import type { CounterWorld } from '../../support/counters.js';
import { codeOf, deferred, errorOf, jsonValue, fc } from '../../support/kv.js';
import { slowed } from '../../support/locks.js';

const KEY = 'charge:secret-order';
const LEASE = 30_000;

const fifty = <T>(act: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 50 }, (_, index) => act(index)));

/** Work that takes a while, and counts how often it is done. */
function counted(world: CounterWorld, ms = 400): { work: () => Promise<number>; runs: () => number } {
  let runs = 0;
  const work = async (): Promise<number> => {
    runs += 1;
    const run = runs;
    await world.sleep(ms);
    return run;
  };
  return { work, runs: () => runs };
}

describe('once', () => {
  it('does the work for the first of 50 callers and gives all of them its result', async () => {
    await inCounterWorld(async (world) => {
      const { work, runs } = counted(world);
      const results = await fifty(() => world.counters.once(KEY, work));
      expect(runs()).toBe(1);
      expect(results.filter(({ replayed }) => !replayed)).toEqual([{ value: 1, replayed: false, stored: true }]);
      expect(results.filter(({ replayed }) => replayed)).toHaveLength(49);
      expect(new Set(results.map(({ value }) => value))).toEqual(new Set([1]));
      expect(world.sink.ofType('counter.replayed')).toHaveLength(49);
    });
  });

  it('does it once while replies are lost and the object is reset', async () => {
    await inCounterWorld(
      async (world) => {
        const { work, runs } = counted(world, 5_000);
        const ask = async (): Promise<unknown> => {
          for (;;) {
            const value = await world.counters.once(KEY, work).catch((error: unknown) => {
              if (!(error instanceof CloudflareClientError)) throw error;
            });
            if (value !== undefined) return value.value;
            await world.sleep(500);
          }
        };
        expect(new Set(await fifty(ask))).toEqual(new Set([1]));
        expect(runs()).toBe(1);
      },
      { faults: randomFaults(5, 0.1) },
    );
  });

  it('costs the runner two calls, and one who comes later one', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      await counters.once(KEY, async () => 1);
      expect(namespace.calls).toBe(2);
      await counters.once(KEY, async () => 2);
      expect(namespace.calls).toBe(3);
    });
  });

  it('gives its error to the caller whose work throws, and the work to the next', async () => {
    await inCounterWorld(async ({ counters }) => {
      const failure = new Error('refused');
      let runs = 0;
      const results = await Promise.allSettled(
        Array.from({ length: 50 }, () =>
          counters.once(KEY, async () => {
            runs += 1;
            if (runs <= 3) throw failure;
            return 'paid';
          }),
        ),
      );
      expect(runs).toBe(4);
      const rejected = results.filter((result) => result.status === 'rejected');
      expect(rejected.map(({ reason }) => reason as unknown)).toEqual([failure, failure, failure]);
      const done = results.filter((result) => result.status === 'fulfilled');
      expect(done.every(({ value }) => value.value === 'paid')).toBe(true);
    });
  });

  it('takes work that throws at once for work that rejects', async () => {
    await inCounterWorld(async ({ counters }) => {
      const failure = new Error('at once');
      const work = (): never => {
        throw failure;
      };
      expect(await errorOf(() => counters.once(KEY, work))).toBe(failure);
      expect((await counters.once(KEY, async () => 2)).value).toBe(2);
    });
  });

  it('forgets a result at the end of its time', async () => {
    await inCounterWorld(async ({ counters, namespace, sleep }) => {
      await counters.once(KEY, async () => 1, { ttlSeconds: 60 });
      await sleep(59_999);
      expect((await counters.once(KEY, async () => 2)).value).toBe(1);
      await sleep(1);
      expect((await counters.once(KEY, async () => 3, { ttlSeconds: 60 })).value).toBe(3);
      await sleep(300_000);
      namespace.runAlarms();
      await sleep(300_000);
      namespace.runAlarms();
      expect(namespace.stored).toEqual([]);
    });
  });

  it('gives back what JSON does', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue(), async (value) => {
        await inCounterWorld(async ({ counters }) => {
          expect((await counters.once(KEY, async () => value)).value).toEqual(value);
          expect((await counters.once(KEY, async () => 'again')).value).toEqual(value);
        });
      }),
      { numRuns: 60, seed: 3 },
    );
  });

  it('knows work that returns nothing for done', async () => {
    await inCounterWorld(async ({ counters }) => {
      await counters.once(KEY, async () => undefined);
      expect(await counters.once(KEY, async () => undefined)).toEqual({
        value: undefined,
        replayed: true,
        stored: true,
      });
    });
  });
});

describe('a result that cannot be kept', () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const hostile = {
    toJSON: () => {
      throw new Error('no');
    },
  };

  it.each([
    ['a BigInt', 1n, 'it has no JSON form'],
    ['a cycle', cycle, 'it has no JSON form'],
    ['a function', () => 1, 'it has no JSON form'],
    ['what throws', hostile, 'it has no JSON form'],
    ['too much', 'x'.repeat(524_288), 'it takes 524290 bytes as JSON, and the bound is 524288'],
  ])('is its caller’s all the same, and not done again: %s', async (_, value, reason) => {
    await inCounterWorld(async ({ counters, sink }) => {
      const first = await counters.once(KEY, async () => value);
      expect(first.value).toBe(value);
      expect(first).toMatchObject({ replayed: false, stored: false });
      expect(sink.ofType('client.error')).toMatchObject([
        { source: 'counter', keyPrefix: 'charge:', code: 'INVALID_VALUE' },
      ]);
      const error = await errorOf(() => counters.once(KEY, async () => 'again'));
      expect(error).toMatchObject({ code: 'INVALID_VALUE' });
      expect(error.message).toContain(`was done, and its result was not kept: ${reason}.`);
      expect(error.message).not.toContain('secret');
    });
  });

  it('is kept up to the bound', async () => {
    await inCounterWorld(async ({ counters }) => {
      const value = '\u{1f600}'.repeat(131_071);
      expect((await counters.once(KEY, async () => value)).stored).toBe(true);
      expect((await counters.once(KEY, async () => '')).value).toBe(value);
    });
  });

  it('because the object is not reached is its caller’s all the same', async () => {
    let isDown = false;
    await inCounterWorld(
      async ({ counters, sink }) => {
        const work = async (): Promise<string> => {
          isDown = true;
          return 'paid';
        };
        expect(await counters.once(KEY, work)).toEqual({ value: 'paid', replayed: false, stored: false });
        expect(sink.ofType('client.error')).toMatchObject([
          { source: 'counter', code: 'OBJECT_FAILED', keyPrefix: 'charge:' },
        ]);
        const failing = async (): Promise<never> => {
          isDown = true;
          throw new Error('refused');
        };
        isDown = false;
        expect((await errorOf(() => counters.once('charge:other', failing))).message).toBe('refused');
        expect(sink.ofType('client.error')).toHaveLength(2);
      },
      { faults: () => (isDown ? 'failed' : undefined) },
    );
  });
});

describe('a caller that waits', () => {
  it('is told when it has waited for long enough, and the work goes on', async () => {
    await inCounterWorld(async (world) => {
      const { counters, now } = world;
      const { work, runs } = counted(world, 20_000);
      const first = counters.once(KEY, work);
      await world.sleep(10);
      const startedAt = now();
      const error = await errorOf(() => counters.once(KEY, work, { timeoutMs: 5_000 }));
      expect(error).toMatchObject({ code: 'ONCE_IN_PROGRESS' });
      expect(error.message).toContain('5000 ms');
      expect(error.message).not.toContain('secret');
      expect(now() - startedAt).toBe(5_000);
      expect(await codeOf(() => counters.once(KEY, work, { timeoutMs: 0 }))).toBe('ONCE_IN_PROGRESS');
      expect((await first).value).toBe(1);
      expect(runs()).toBe(1);
    });
  });

  it('asks ever less often, at least once in one and a half seconds', async () => {
    await inCounterWorld(async (world) => {
      const { work } = counted(world, 29_000);
      void world.counters.once(KEY, work, { leaseMs: 3_600_000 });
      await world.sleep(10);
      const before = world.namespace.calls;
      expect((await world.counters.once(KEY, work)).value).toBe(1);
      expect(world.namespace.calls - before).toBeLessThan(45);
      expect(world.namespace.calls - before).toBeGreaterThan(19);
    });
  });

  it('leaves with the reason of its signal', async () => {
    await inCounterWorld(async (world) => {
      const { counters, now } = world;
      const { work } = counted(world, 20_000);
      const first = counters.once(KEY, work);
      await world.sleep(10);
      const controller = new AbortController();
      const reason = new Error('the client left');
      const left = errorOf(() => counters.once(KEY, work, { signal: controller.signal }));
      await world.sleep(3_000);
      controller.abort(reason);
      const abortedAt = now();
      expect(await left).toBe(reason);
      expect(now()).toBe(abortedAt);
      expect(await errorOf(() => counters.once(KEY, work, { signal: controller.signal }))).toBe(reason);
      await first;
    });
  });

  it('leaves no timer behind when its signal ends the wait', async () => {
    await inCounterWorld(async ({ counters, client, sleep, timers }) => {
      const dead = client({ delay: () => new Promise(() => undefined) });
      void dead.once(KEY, () => new Promise(() => undefined), { leaseMs: 3_600_000 });
      const controller = new AbortController();
      const left = errorOf(() => counters.once(KEY, async () => 1, { signal: controller.signal }));
      await sleep(3_000);
      controller.abort(new Error('left'));
      expect((await left).message).toBe('left');
      expect(timers()).toBe(0);
    });
  });

  it('waits for no run that was granted in answers which were all lost', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      namespace.failNext('lost-reply', 3);
      expect(await codeOf(() => counters.once(KEY, async () => 'first'))).toBe('OBJECT_FAILED');
      expect(await counters.once(KEY, async () => 'second', { timeoutMs: 0 })).toMatchObject({ value: 'second' });
    });
  });

  it('for itself, within its own work, is told so, and the key is free again', async () => {
    await inCounterWorld(async ({ counters }) => {
      const inner = () => counters.once(KEY, async () => 'inner', { timeoutMs: 2_000 });
      expect(await codeOf(() => counters.once(KEY, inner))).toBe('ONCE_IN_PROGRESS');
      expect(await counters.once(KEY, async () => 'next', { timeoutMs: 0 })).toMatchObject({ value: 'next' });
    });
  });

  it('gives the work back when it is granted to a caller that has left', async () => {
    await inCounterWorld(async ({ counters, namespace }) => {
      const controller = new AbortController();
      const left = errorOf(() => counters.once(KEY, async () => 'never', { signal: controller.signal }));
      controller.abort(new Error('left'));
      expect((await left).message).toBe('left');
      expect(await counters.once(KEY, async () => 'next', { timeoutMs: 0 })).toMatchObject({ value: 'next' });
      expect(namespace.calls).toBe(4);
    });
  });

  it('is refused with another fingerprint, while it runs and when it is done', async () => {
    await inCounterWorld(async (world) => {
      const { work } = counted(world);
      const first = world.counters.once(KEY, work, { fingerprint: 'hash-secret' });
      await world.sleep(10);
      const other = () => world.counters.once(KEY, work, { fingerprint: 'other-secret' });
      const error = await errorOf(other);
      expect(error).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
      expect(error.message).not.toContain('secret');
      await first;
      expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
    });
  });
});

describe('a runner', () => {
  it('keeps its lease while it works, however long', async () => {
    await inCounterWorld(async (world) => {
      const { work, runs } = counted(world, 600_000);
      const first = world.counters.once(KEY, work, { leaseMs: 1_000 });
      await world.sleep(10);
      const others = fifty(() => world.counters.once(KEY, work, { timeoutMs: 700_000 }));
      expect((await first).stored).toBe(true);
      expect((await others).every(({ value }) => value === 1)).toBe(true);
      expect(runs()).toBe(1);
    });
  });

  it('that dies is replaced after its lease, not before', async () => {
    await inCounterWorld(async ({ counters, client, now }) => {
      // Its timers never fire: its isolate is gone.
      const dead = client({ delay: () => new Promise(() => undefined) });
      void dead.once(KEY, () => new Promise(() => undefined), { leaseMs: 5_000 });
      const startedAt = now();
      const next = await counters.once(KEY, async () => 'second');
      expect(next).toEqual({ value: 'second', replayed: false, stored: true });
      expect(now() - startedAt).toBeGreaterThanOrEqual(5_000);
      expect(now() - startedAt).toBeLessThan(7_000);
    });
  });

  it('that is paused beyond its lease is replaced; resumed, it has its own result and overwrites nothing', async () => {
    await inCounterWorld(async ({ counters, client }) => {
      const paused = client({ delay: () => new Promise(() => undefined) });
      const resume = deferred<string>();
      const fences: number[] = [];
      const first = paused.once(
        KEY,
        ({ fence }) => {
          fences.push(fence);
          return resume.promise;
        },
        { leaseMs: 5_000 },
      );
      const second = await counters.once(KEY, async ({ fence }) => {
        fences.push(fence);
        return 'second';
      });
      expect(second.stored).toBe(true);
      resume.resolve('first');
      expect(await first).toEqual({ value: 'first', replayed: false, stored: false });
      expect((await counters.once(KEY, async () => 'third')).value).toBe('second');
      expect(fences[1]).toBeGreaterThan(fences[0]!);
    });
  });

  it('that is paused and fails late takes nothing from the one that replaced it', async () => {
    await inCounterWorld(async ({ counters, client, sleep }) => {
      const paused = client({ delay: () => new Promise(() => undefined) });
      const resume = deferred<string>();
      const first = errorOf(() => paused.once(KEY, () => resume.promise, { leaseMs: 5_000 }));
      await sleep(5_000);
      let runs = 0;
      const work = async (): Promise<string> => {
        runs += 1;
        await sleep(2_000);
        return 'second';
      };
      const second = counters.once(KEY, work);
      await sleep(100);
      resume.reject(new Error('late'));
      expect((await first).message).toBe('late');
      const third = await counters.once(KEY, work);
      expect([(await second).value, third.value, runs]).toEqual(['second', 'second', 1]);
    });
  });

  it('hears by its signal that its lease is lost when it cannot be renewed in time', async () => {
    let isDown = false;
    await inCounterWorld(
      async ({ counters, now }) => {
        const startedAt = now();
        let abortedAt = 0;
        const { value } = await counters.once(
          KEY,
          async ({ signal }) => {
            isDown = true;
            await new Promise((resolve) => signal.addEventListener('abort', resolve));
            abortedAt = now();
            return (signal.reason as CloudflareClientError).code;
          },
          { leaseMs: LEASE },
        );
        expect(value).toBe('LOCK_LOST');
        expect(abortedAt - startedAt).toBe(LEASE);
      },
      { faults: () => (isDown ? 'unavailable' : undefined) },
    );
  });

  it('hears by its signal that another has replaced it', async () => {
    await inCounterWorld(async ({ counters, client, sleep }) => {
      // Its clock stands still: it does not see that its lease is over, and is told by the object.
      const slow = client({ now: () => 0, delay: (ms) => sleep(ms === 5_000 / 3 ? 9_000 : 60_000) });
      let reason: unknown;
      const first = slow.once(
        KEY,
        async ({ signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          reason = signal.reason;
          return 'first';
        },
        { leaseMs: 5_000 },
      );
      await sleep(1);
      await counters.once(KEY, async () => 'second');
      expect(await first).toMatchObject({ value: 'first', stored: false });
      expect(reason).toMatchObject({ code: 'LOCK_LOST' });
    });
  });

  it('goes on when a renewal fails and the next one does not', async () => {
    let failures = 0;
    await inCounterWorld(
      async (world) => {
        const { work } = counted(world, 100_000);
        expect(await world.counters.once(KEY, work, { leaseMs: LEASE })).toMatchObject({ value: 1, stored: true });
        expect(failures).toBe(1);
      },
      {
        faults: ({ method }) => {
          if (method !== 'renew' || failures > 0) return undefined;
          failures += 1;
          return 'failed';
        },
      },
    );
  });

  it('keeps its lease when two renewals in succession are never answered', async () => {
    let renewals = 0;
    await inCounterWorld(
      async (world) => {
        let isLost = false;
        const work = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
          await world.sleep(60_000);
          isLost = signal.aborted;
        };
        expect(await world.counters.once(KEY, work, { leaseMs: LEASE })).toMatchObject({ stored: true });
        expect(isLost).toBe(false);
        expect(renewals).toBeGreaterThan(3);
      },
      {
        faults: ({ method }) => {
          if (method !== 'renew') return undefined;
          renewals += 1;
          return renewals < 3 ? 'hang' : undefined;
        },
      },
    );
  });

  it.each([
    ['its answer took long', 0],
    ['the clock was set back meanwhile', 3_600_000],
  ])('counts its lease from before the renewal was sent, also when %s', async (_, setBackMs) => {
    const sentAt: number[] = [];
    let time = (): number => 0;
    await inCounterWorld(
      async (world) => {
        let clock = (time = world.now);
        const slow = new CounterClient(slowed(world, { renew: 8_000 }), { now: () => clock() });
        let abortedAt = 0;
        const work = async ({ signal }: { signal: AbortSignal }): Promise<void> => {
          await world.sleep(15_000);
          clock = () => world.now() - setBackMs;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          abortedAt = world.now();
        };
        await slow.once(KEY, work, { leaseMs: LEASE });
        // Of a clock that goes back no more is known than when the answer came.
        expect(abortedAt - sentAt[0]!).toBe(setBackMs === 0 ? LEASE : LEASE + 8_000);
      },
      {
        faults: ({ method }) => {
          if (method !== 'renew') return undefined;
          return sentAt.push(time()) > 1 ? 'failed' : undefined;
        },
      },
    );
  });

  it('hears by its signal that its caller left before the work began', () => {
    const reason = new Error('left');
    const lease = new OnceLease({
      leaseMs: LEASE,
      sentAt: 0,
      now: () => 0,
      delay: () => new Promise(() => undefined),
      renew: async () => true,
      lost: () => new Error('lost'),
      callerSignal: AbortSignal.abort(reason),
    });
    expect(lease.signal.reason).toBe(reason);
    lease.stop();
  });

  it('hears by its signal that its caller left, and decides itself', async () => {
    await inCounterWorld(async ({ counters, sleep }) => {
      const controller = new AbortController();
      const reason = new Error('left');
      const result = counters.once(
        KEY,
        async ({ signal }) => {
          await sleep(1_000);
          return signal.reason === reason;
        },
        { signal: controller.signal },
      );
      await sleep(500);
      controller.abort(reason);
      expect(await result).toEqual({ value: true, replayed: false, stored: true });
    });
  });

  it('leaves no timer and no listener behind', async () => {
    await inCounterWorld(async ({ counters, timers }) => {
      const controller = new AbortController();
      let listeners = 0;
      const { signal } = controller;
      const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
      signal.addEventListener = (...args: Parameters<typeof add>): void => {
        listeners += 1;
        add(...args);
      };
      signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
        listeners -= 1;
        remove(...args);
      };
      await counters.once(KEY, async () => 1, { signal, leaseMs: 3_600_000 });
      await counters.once(KEY, async () => 1, { signal });
      expect(listeners).toBe(0);
      expect(timers()).toBe(0);
    });
  });
});

describe('every end of once', () => {
  const until = (signal: AbortSignal) => new Promise((resolve) => signal.addEventListener('abort', resolve));
  const failing = async (): Promise<never> => {
    throw new Error('of the work');
  };
  it.each<[string, (world: CounterWorld) => Promise<unknown>]>([
    ['the work is done', ({ counters, sleep }) => counters.once('free:1', () => sleep(60_000))],
    ['the work fails', ({ counters }) => counters.once('free:1', failing)],
    ['another is at it for too long', ({ counters }) => counters.once(KEY, failing)],
    ['another has another fingerprint', ({ counters }) => counters.once(KEY, failing, { fingerprint: 'other' })],
    [
      'its signal is aborted while it works',
      async ({ counters, sleep }) => {
        const controller = new AbortController();
        void sleep(20_000).then(() => controller.abort());
        await counters.once('free:1', ({ signal }) => until(signal), { signal: controller.signal });
      },
    ],
    [
      'its lease is lost',
      async ({ client, sleep }) => {
        const stopped = client({ delay: (ms) => sleep(ms === 5_000 ? ms : 600_000) });
        await stopped.once('free:1', ({ signal }) => until(signal), { leaseMs: 5_000 });
        await sleep(600_000);
      },
    ],
    [
      'the object fails at its beginning',
      async ({ counters, namespace }) => {
        namespace.failNext('unavailable', 4);
        await counters.once('free:1', failing);
      },
    ],
    [
      'the object does not answer at its end',
      ({ counters, namespace }) => counters.once('free:1', async () => namespace.failNext('hang')),
    ],
  ])('leaves no timer and no call behind: %s', async (_, act) => {
    let unhandled = 0;
    const listen = (): void => void (unhandled += 1);
    process.on('unhandledRejection', listen);
    await inCounterWorld(async (world) => {
      const { client, namespace, timers, sleep } = world;
      // Its timers are none: those that are left are of the other.
      const dead = client({ delay: () => new Promise(() => undefined) });
      void dead.once(KEY, () => new Promise(() => undefined), { leaseMs: 3_600_000 });
      await act(world).catch(() => undefined);
      expect(timers()).toBe(0);
      const { calls } = namespace;
      await sleep(60_000);
      expect(namespace.calls).toBe(calls);
    });
    process.off('unhandledRejection', listen);
    expect(unhandled).toBe(0);
  });
});

describe('the options of once', () => {
  it.each([
    { ttlSeconds: 0 },
    { ttlSeconds: 2_592_001 },
    { ttlSeconds: 1.5 },
    { leaseMs: 999 },
    { leaseMs: 3_600_001 },
    { timeoutMs: -1 },
    { timeoutMs: NaN },
    { timeoutMs: 2 ** 31 },
    { fingerprint: 'f'.repeat(1_025) },
    { fingerprint: 7 as never },
    { fingerprint: '\ud800' },
  ])('refuse %j before anything is asked', async (options) => {
    await inCounterWorld(async ({ counters, namespace }) => {
      const error = await errorOf(() => counters.once(KEY, async () => 1, options));
      expect(error).toMatchObject({ code: 'INVALID_OPTION' });
      expect(error.message).not.toContain('ffff');
      expect(namespace.calls).toBe(0);
    });
  });

  it.each(['', 'k'.repeat(513), 7])('refuse the key %p', async (key) => {
    await inCounterWorld(async ({ counters }) => {
      expect(await codeOf(() => counters.once(key as string, async () => 1))).toBe('INVALID_KEY');
    });
  });
});
