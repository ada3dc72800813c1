import { createContainer, LOCK_CLIENT, LockClient, memoryLocks, provideLocks } from '../../../src/index.js';
import type { Lock } from '../../../src/index.js';
import { codeOf, errorOf } from '../../support/kv.js';
import { inLockWorld, slowed } from '../../support/locks.js';

const TTL = { ttlMs: 10_000 };

describe('LockClient', () => {
  describe('tryAcquire', () => {
    it('gives a free lock, and null while it is held', () =>
      inLockWorld(async ({ locks }) => {
        const lock = await locks.tryAcquire('job:1', TTL);
        expect(lock).toMatchObject({ name: 'job:1' });
        expect(await locks.tryAcquire('job:1', TTL)).toBeNull();
        expect(await locks.tryAcquire('job:2', TTL)).not.toBeNull();
        expect(await lock!.release()).toBe(true);
        expect(await locks.tryAcquire('job:1', TTL)).not.toBeNull();
      }));

    it('costs two object calls with the release', () =>
      inLockWorld(async ({ locks, namespace }) => {
        const lock = await locks.acquire('job:1', TTL);
        await lock.release();
        expect(namespace.calls).toBe(2);
        await locks.run('job:1', TTL, () => undefined);
        expect(namespace.calls).toBe(4);
      }));

    it('gives exactly one of 200 concurrent callers the lock', () =>
      inLockWorld(async ({ locks }) => {
        const all = await Promise.all(Array.from({ length: 200 }, () => locks.tryAcquire('job:1', TTL)));
        expect(all.filter((lock) => lock !== null)).toHaveLength(1);
      }));

    it('lets as many hold a semaphore as it has permits, each with a fence of its own', () =>
      inLockWorld(async ({ locks }) => {
        const wanted = { ...TTL, permits: 3 };
        const all = await Promise.all(Array.from({ length: 50 }, () => locks.tryAcquire('pool', wanted)));
        const held = all.filter((lock) => lock !== null);
        expect(new Set(held.map(({ fence }) => fence)).size).toBe(3);
        expect(held).toHaveLength(3);
        await held[0]!.release();
        expect(await locks.tryAcquire('pool', wanted)).not.toBeNull();
      }));

    it('goes by the smallest number of permits where callers disagree', () =>
      inLockWorld(async ({ locks }) => {
        const alone = await locks.tryAcquire('pool', TTL);
        expect(await locks.tryAcquire('pool', { ...TTL, permits: 3 })).toBeNull();
        await alone!.release();
        await locks.tryAcquire('pool', { ...TTL, permits: 3 });
        expect(await locks.tryAcquire('pool', TTL)).toBeNull();
      }));

    it('passes no one in the line', () =>
      inLockWorld(async ({ locks, sleep, namespace }) => {
        const first = await locks.tryAcquire('job:1', TTL);
        const second = locks.acquire('job:1', TTL);
        await sleep(100);
        const released = first!.release();
        const barging = Array.from({ length: 50 }, () => locks.tryAcquire('job:1', TTL));
        await released;
        expect((await Promise.all(barging)).every((lock) => lock === null)).toBe(true);
        expect((await second).fence).toBeGreaterThan(first!.fence);
        expect(namespace.calls).toBeGreaterThan(53);
      }));
  });

  describe('a lease', () => {
    let renewals = 0;
    beforeEach(() => (renewals = 0));

    it('ends by itself, for its object and, no later, for its holder', () =>
      inLockWorld(async ({ locks, sleep, sink }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        await sleep(9_999);
        expect(lock.signal.aborted).toBe(false);
        expect(await locks.tryAcquire('job:1', TTL)).toBeNull();
        await sleep(1);
        expect(lock.signal.aborted).toBe(true);
        expect(lock.signal.reason).toMatchObject({
          code: 'LOCK_LOST',
          message: expect.stringContaining('ran out') as string,
        });
        expect(await locks.isLocked('job:1')).toBe(false);
        expect(sink.ofType('lock.lost')).toEqual([
          { type: 'lock.lost', keyPrefix: 'job:', heldMs: 10_000, reason: 'expired' },
        ]);
      }));

    it('that has run out can be neither extended nor given back, although nobody took it', () =>
      inLockWorld(async ({ locks, sleep }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        const copy = lock.serialize();
        await sleep(10_000);
        expect(await lock.extend()).toBe(false);
        expect(await lock.release()).toBe(false);
        expect(await locks.restore(copy)).toBeNull();
      }));

    it('is refused by the clock of the object, whatever the clock of the holder says', () =>
      inLockWorld(async ({ client, sleep, sink }) => {
        const slow = client({ now: () => 0 });
        const lock = (await slow.tryAcquire('job:1', TTL))!;
        const { aborted } = lock.signal;
        await sleep(9_000);
        expect(await lock.extend(1_000)).toBe(true);
        await sleep(1_000);
        expect(aborted).toBe(false);
        expect(await lock.extend()).toBe(false);
        expect(sink.ofType('lock.lost')).toHaveLength(1);
      }));

    it('is lost at once for a holder that was stopped, before any of its timers runs', () =>
      inLockWorld(async ({ client, now, sleep }) => {
        let skipped = 0;
        const lock = (await client({ now: () => now() + skipped }).tryAcquire('job:1', TTL))!;
        await sleep(10);
        expect(lock.signal.aborted).toBe(false);
        skipped = 9_990;
        expect(lock.signal.aborted).toBe(true);
      }));

    it('is lost in its time also when the clock of its holder was set back', () =>
      inLockWorld(
        async ({ client, now, sleep }) => {
          let setBack = 0;
          const lock = await client({ now: () => now() - setBack }).acquire('job:1', { ...TTL, autoRenew: true });
          const startedAt = now();
          let lostAt = 0;
          lock.signal.addEventListener('abort', () => (lostAt = now()));
          await sleep(2_000);
          setBack = 3_600_000;
          await sleep(40_000);
          // The last renewal that succeeded was the first.
          expect(lostAt - startedAt).toBeLessThanOrEqual(13_400);
          expect(lostAt - startedAt).toBeGreaterThanOrEqual(10_000);
        },
        { faults: ({ method }) => (method === 'extend' && (renewals += 1) > 1 ? 'failed' : undefined) },
      ));

    it('counts from before the call that asked for it', () =>
      inLockWorld(async (world) => {
        const { now, sleep } = world;
        const lock = (await new LockClient(slowed(world, { acquire: 4_000 }), { now }).tryAcquire('job:1', TTL))!;
        await sleep(5_999);
        expect(lock.signal.aborted).toBe(false);
        await sleep(1);
        expect(lock.signal.aborted).toBe(true);
      }));

    it('that ran out before the answer came is no lock', () =>
      inLockWorld(async (world) => {
        const slow = new LockClient(slowed(world, { acquire: 1_500 }), { now: world.now });
        expect(await slow.tryAcquire('job:1', { ttlMs: 1_000 })).toBeNull();
        expect(await world.locks.tryAcquire('job:1', TTL)).not.toBeNull();
      }));

    it('that was granted in a call whose answer was lost counts from that call', () =>
      inLockWorld(async ({ locks, namespace, sleep, now }) => {
        namespace.failNext('reset-after', 3);
        const startedAt = now();
        const lock = await locks.acquire('job:1', TTL);
        expect(now()).toBeGreaterThan(startedAt + 50);
        await sleep(startedAt + 10_000 - now());
        expect(lock.signal.aborted).toBe(true);
      }));

    it('that is lost is not had again by an extension whose answer comes too late', () =>
      inLockWorld(async (world) => {
        const slow = new LockClient(slowed(world, { extend: 4_000 }), { now: world.now });
        const lock = (await slow.tryAcquire('job:1', TTL))!;
        await world.sleep(8_000);
        expect(await lock.extend()).toBe(false);
        expect(lock.signal.aborted).toBe(true);
        expect(await lock.release()).toBe(false);
        expect(await world.locks.isLocked('job:1')).toBe(false);
      }));

    it('is prolonged by extend and never shortened', () =>
      inLockWorld(async ({ locks, sleep }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        await sleep(5_000);
        expect(await lock.extend(1_000)).toBe(true);
        await sleep(4_000);
        expect(await lock.extend(60_000)).toBe(true);
        await sleep(59_999);
        expect(lock.signal.aborted).toBe(false);
        await sleep(1);
        expect(lock.signal.aborted).toBe(true);
      }));

    it('is renewed every third of it, and no longer than until the release', () =>
      inLockWorld(async ({ locks, sleep, namespace, time }) => {
        const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true });
        await sleep(100_001);
        expect(lock.signal.aborted).toBe(false);
        expect(namespace.calls).toBe(31);
        expect(await lock.release()).toBe(true);
        expect(time.pending).toBe(0);
      }));

    it('is renewed in spite of failures while it lasts, and they are events', () =>
      inLockWorld(async ({ locks, sleep, namespace, sink }) => {
        const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true });
        namespace.failNext('failed');
        namespace.failNext('hang');
        await sleep(60_000);
        expect(lock.signal.aborted).toBe(false);
        expect(sink.ofType('client.error').map(({ code, source }) => [source, code])).toEqual([
          ['lock', 'OBJECT_FAILED'],
          ['lock', 'OBJECT_TIMEOUT'],
        ]);
        await lock.release();
      }));

    it('is lost when no renewal arrives in its time', () =>
      inLockWorld(
        async ({ locks, sleep, sink, time }) => {
          const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true });
          await sleep(10_000);
          expect(lock.signal.aborted).toBe(true);
          expect(sink.ofType('lock.lost')).toMatchObject([{ reason: 'expired' }]);
          await sleep(10_000);
          expect(time.pending).toBe(0);
        },
        { faults: ({ method }) => (method === 'extend' ? 'failed' : undefined) },
      ));
  });

  describe('release', () => {
    it('ends only the own hold, answers the same again, and calls once', () =>
      inLockWorld(async ({ locks, sleep, namespace }) => {
        const late = (await locks.tryAcquire('job:1', { ttlMs: 1_000 }))!;
        await sleep(1_000);
        const next = (await locks.tryAcquire('job:1', TTL))!;
        expect(await late.release()).toBe(false);
        expect(next.signal.aborted).toBe(false);
        expect(await locks.isLocked('job:1')).toBe(true);
        const before = namespace.calls;
        expect(await Promise.all([next.release(), next.release()])).toEqual([true, true]);
        expect(await next.release()).toBe(true);
        expect(namespace.calls).toBe(before + 1);
        expect(await next.extend()).toBe(false);
        expect(next.signal.aborted).toBe(false);
      }));

    it('can be tried again after it failed', () =>
      inLockWorld(async ({ locks, namespace }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        namespace.failNext('overloaded');
        expect(await codeOf(() => lock.release())).toBe('OBJECT_OVERLOADED');
        expect(await lock.release()).toBe(true);
      }));

    it('leaves no timer and no listener behind', () =>
      inLockWorld(async ({ locks, time }) => {
        const controller = new AbortController();
        const added = jest.spyOn(controller.signal, 'addEventListener');
        const removed = jest.spyOn(controller.signal, 'removeEventListener');
        const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true, signal: controller.signal });
        await lock.release();
        expect(time.pending).toBe(0);
        const listeners = added.mock.calls.map(([type, listener]) => [type, listener]);
        expect(removed.mock.calls).toEqual(listeners);
      }));
  });

  describe('await using', () => {
    const dispose = (lock: Lock): Promise<void> => lock[Symbol.asyncDispose]();

    it('gives the lock back at the end of the block', () =>
      inLockWorld(async ({ locks }) => {
        await dispose((await locks.tryAcquire('job:1', TTL))!);
        expect(await locks.isLocked('job:1')).toBe(false);
      }));

    it('does not replace the outcome of its block', () =>
      inLockWorld(async ({ locks, namespace, sink }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        namespace.failNext('failed');
        await expect(dispose(lock)).resolves.toBeUndefined();
        expect(sink.ofType('client.error')).toHaveLength(1);
      }));
  });

  describe('run', () => {
    it('gives what the work gives, holds the lock meanwhile and gives it back', () =>
      inLockWorld(async ({ locks, sleep, sink }) => {
        const value = await locks.run('job:1', TTL, async (lock) => {
          await sleep(25_000);
          expect(lock.signal.aborted).toBe(false);
          expect(await locks.isLocked('job:1')).toBe(true);
          return 'done';
        });
        expect(value).toBe('done');
        expect(await locks.isLocked('job:1')).toBe(false);
        expect(sink.events).toEqual([
          { type: 'lock.acquired', keyPrefix: 'job:', waitMs: 0 },
          { type: 'lock.released', keyPrefix: 'job:', heldMs: 25_000 },
        ]);
      }));

    it('throws what the work throws, also when the release fails or the lock is lost', () =>
      inLockWorld(async ({ locks, namespace, sink, sleep }) => {
        const fault = new Error('of the work');
        const work = async (): Promise<never> => {
          namespace.failNext('failed');
          throw fault;
        };
        expect(await errorOf(() => locks.run('job:1', TTL, work))).toBe(fault);
        expect(sink.ofType('client.error')).toMatchObject([{ code: 'OBJECT_FAILED' }]);
        const losing = async (lock: Lock): Promise<never> => {
          await sleep(1_000);
          expect(lock.signal.aborted).toBe(true);
          throw fault;
        };
        expect(await errorOf(() => locks.run('job:2', { ttlMs: 1_000, autoRenew: false }, losing))).toBe(fault);
      }));

    it('gives the value of the work when the lock was taken or the release fails', () =>
      inLockWorld(async ({ locks, namespace, sink }) => {
        const taken = await locks.run('job:1', TTL, async () => {
          expect(await locks.forceRelease('job:1')).toBe(1);
          return 1;
        });
        expect(taken).toBe(1);
        expect(sink.ofType('lock.lost')).toMatchObject([{ reason: 'taken' }]);
        const unreleased = await locks.run('job:2', TTL, () => {
          namespace.failNext('hang');
          return 2;
        });
        expect(unreleased).toBe(2);
      }));

    it('aborts the signal when the object says at a renewal that the lock was taken', () =>
      inLockWorld(async ({ locks, sleep }) => {
        await locks.run('job:1', TTL, async (lock) => {
          await locks.forceRelease('job:1');
          const other = (await locks.tryAcquire('job:1', TTL))!;
          expect(other.fence).toBeGreaterThan(lock.fence);
          await sleep(3_400);
          expect(lock.signal.reason).toMatchObject({ code: 'LOCK_LOST' });
        });
        expect(await locks.isLocked('job:1')).toBe(true);
      }));

    it('does not start the work without the lock', () =>
      inLockWorld(async ({ locks }) => {
        await locks.tryAcquire('job:1', { ttlMs: 60_000 });
        const work = jest.fn();
        expect(await codeOf(() => locks.run('job:1', { ...TTL, timeoutMs: 50 }, work))).toBe('LOCK_TIMEOUT');
        expect(work).not.toHaveBeenCalled();
      }));

    it('lets 100 callers through one at a time, in the order in which they came', () =>
      inLockWorld(async ({ locks, sleep }) => {
        const order: number[] = [];
        const fences: number[] = [];
        let inside = 0;
        const options = { ttlMs: 5_000, timeoutMs: 600_000 };
        const callers = Array.from({ length: 100 }, (_, index) =>
          locks.run('job:1', options, async ({ fence }) => {
            expect((inside += 1)).toBe(1);
            order.push(index);
            fences.push(fence);
            await sleep(700);
            inside -= 1;
          }),
        );
        await Promise.all(callers);
        expect(order).toEqual(order.map((_, index) => index));
        expect(fences).toEqual([...fences].sort((a, b) => a - b));
        expect(new Set(fences).size).toBe(100);
      }));
  });

  describe('forceRelease', () => {
    it('says how many it ended, and the same when its answer is lost', () =>
      inLockWorld(async ({ locks, namespace }) => {
        expect(await locks.forceRelease('pool')).toBe(0);
        const wanted = { ...TTL, permits: 3 };
        const held = await Promise.all([1, 2, 3].map(() => locks.tryAcquire('pool', wanted)));
        namespace.failNext('reset-after');
        expect(await locks.forceRelease('pool')).toBe(3);
        expect(await locks.isLocked('pool')).toBe(false);
        expect(await held[0]!.release()).toBe(false);
      }));
  });

  describe('serialize and restore', () => {
    it('go on with the lock elsewhere, with the same fence', () =>
      inLockWorld(async ({ locks, client, sleep }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        await sleep(4_000);
        const restored = (await client().restore(lock.serialize()))!;
        expect(restored).toMatchObject({ name: 'job:1', fence: lock.fence });
        await sleep(5_999);
        expect(restored.signal.aborted).toBe(false);
        expect(await restored.extend(20_000)).toBe(true);
        await sleep(19_000);
        expect(await restored.release()).toBe(true);
        expect(await client().restore(lock.serialize())).toBeNull();
      }));

    it('renew on the side that is told to', () =>
      inLockWorld(async ({ locks, sleep }) => {
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        const restored = (await locks.restore(lock.serialize(), { autoRenew: true }))!;
        await sleep(50_000);
        expect(lock.signal.aborted).toBe(true);
        expect(restored.signal.aborted).toBe(false);
        expect(await restored.release()).toBe(true);
      }));

    it('renew on both sides, until one gives it back and the other hears of it', () =>
      inLockWorld(async ({ locks, sleep, sink, time }) => {
        const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true });
        const restored = (await locks.restore(lock.serialize(), { autoRenew: true }))!;
        await sleep(50_000);
        expect([lock.signal.aborted, restored.signal.aborted]).toEqual([false, false]);
        expect(await lock.release()).toBe(true);
        await sleep(3_400);
        expect(restored.signal.reason).toMatchObject({ code: 'LOCK_LOST' });
        expect(sink.ofType('lock.lost')).toMatchObject([{ reason: 'taken' }]);
        expect(await restored.release()).toBe(false);
        expect(time.pending).toBe(0);
      }));

    it.each(['', '{}', 'null', '[]', 'x', '{"v":2}', '{"v":1,"name":"a","owner":"","fence":1,"ttlMs":1000}'])(
      'refuse what serialize did not write: %s',
      async (text) => {
        const error = await errorOf(() => new LockClient(memoryLocks()).restore(text));
        expect(error).toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.not.stringContaining('JSON') as string,
        });
      },
    );
  });

  describe('what is refused before any call', () => {
    const namespace = memoryLocks();
    const locks = new LockClient(namespace);
    it.each([
      ['no options', () => locks.tryAcquire('a', undefined as never), 'Option ttlMs of type undefined'],
      [
        'ttlMs 999',
        () => locks.tryAcquire('a', { ttlMs: 999 }),
        'Option ttlMs 999 is refused: give milliseconds from 1000 to',
      ],
      ['ttlMs above a day', () => locks.acquire('a', { ttlMs: 86_400_001 }), 'Option ttlMs 86400001'],
      ['ttlMs NaN', () => locks.run('a', { ttlMs: NaN }, () => 1), 'Option ttlMs NaN'],
      [
        'permits 0',
        () => locks.tryAcquire('a', { ...TTL, permits: 0 }),
        'Option permits 0 is refused: give a whole number',
      ],
      ['permits 1.5', () => locks.tryAcquire('a', { ...TTL, permits: 1.5 }), 'Option permits 1.5'],
      ['permits 1001', () => locks.tryAcquire('a', { ...TTL, permits: 1_001 }), 'from 1 to 1000'],
      ['timeoutMs -1', () => locks.acquire('a', { ...TTL, timeoutMs: -1 }), 'Option timeoutMs -1'],
      ['timeoutMs Infinity', () => locks.acquire('a', { ...TTL, timeoutMs: Infinity }), 'Option timeoutMs Infinity'],
      ['no name', () => locks.isLocked(undefined as never), 'A name of type undefined'],
      ['an empty name', () => locks.tryAcquire('', TTL), 'A name of 0 bytes is refused'],
      ['a long name', () => locks.forceRelease('é'.repeat(257)), 'A name of 514 bytes is refused'],
      ['half a character', () => locks.tryAcquire('a\ud800', TTL), 'half of a surrogate pair'],
    ])('%s', async (_, act, message) => {
      expect(await errorOf(act)).toMatchObject({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(message) as string,
      });
      expect(namespace.calls).toBe(0);
    });

    it('an extension of no length', () =>
      inLockWorld(async (world) => {
        const lock = (await world.locks.tryAcquire('a', TTL))!;
        expect(await codeOf(() => lock.extend(1))).toBe('INVALID_OPTION');
        expect(world.namespace.calls).toBe(1);
      }));

    it('a binding that is none, and a time-out that is none', async () => {
      expect(await codeOf(() => new LockClient({} as never))).toBe('INVALID_BINDING');
      expect(await codeOf(() => new LockClient(namespace, { timeoutMs: 0 }))).toBe('INVALID_OPTION');
    });
  });
});

describe('provideLocks', () => {
  it('provides one client per scope, by class and by token', async () => {
    const scope = createContainer(provideLocks()).scope({ env: { LOCKS: memoryLocks() } });
    expect(scope.resolve(LOCK_CLIENT)).toBe(scope.resolve(LockClient));
    expect(await scope.resolve(LOCK_CLIENT).run('job:1', TTL, () => 'done')).toBe('done');
  });

  it('says what wrangler.jsonc needs when the binding is missing or something else', async () => {
    const app = createContainer(provideLocks({ binding: 'MY_LOCKS' }));
    const missing = await errorOf(() => app.scope({ env: {} }).resolve(LOCK_CLIENT));
    expect(missing.message).toContain('"class_name": "LockObject"');
    const other = await errorOf(() => app.scope({ env: { MY_LOCKS: {} } }).resolve(LOCK_CLIENT));
    expect(other.message).toContain('MY_LOCKS is not a Durable Object namespace');
    expect(await codeOf(() => provideLocks({ binding: '' }))).toBe('INVALID_OPTION');
  });
});
