import { getEventListeners } from 'node:events';
import { LockClient } from '../../../src/index.js';
import { MemoryObjectNamespace } from '../../../src/testing.js';
import { codeOf, errorOf } from '../../support/kv.js';
import { inLockWorld } from '../../support/locks.js';
import type { LockWorld } from '../../support/locks.js';

const TTL = { ttlMs: 10_000 };

/** A client whose way to the objects can be cut: nothing goes out and nothing comes in. */
function mortal(world: LockWorld): { readonly locks: LockClient; die(): void } {
  let isDead = false;
  const isOver = (): boolean => isDead;
  const never = new Promise<never>(() => undefined);
  const namespace = {
    idFromName: (name: string) => world.namespace.idFromName(name),
    get: (id: { name: string }) => {
      const stub = world.namespace.get(id) as Record<string, (request: unknown) => Promise<unknown>>;
      return new Proxy(stub, {
        get: (_, method: string) => async (request: unknown) => {
          if (isOver()) return never;
          const answer = await stub[method]!(request);
          return isOver() ? never : answer;
        },
      });
    },
  };
  return { locks: new LockClient(namespace, { now: world.now }), die: () => (isDead = true) };
}

describe('waiting for a lock', () => {
  it('ends with LOCK_TIMEOUT, to the millisecond, and without a place in the line', () =>
    inLockWorld(async ({ locks, now, sink, namespace, time, sleep }) => {
      const held = (await locks.tryAcquire('job:1', { ttlMs: 60_000 }))!;
      const startedAt = now();
      const error = await errorOf(() => locks.acquire('job:1', { ...TTL, timeoutMs: 12_345 }));
      expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', message: 'The lock job:… was not free within 12345 ms.' });
      expect(now() - startedAt).toBe(12_345);
      expect(sink.ofType('lock.refused')).toEqual([
        { type: 'lock.refused', keyPrefix: 'job:', reason: 'timeout', waitMs: 12_345 },
      ]);
      // The first, three that wait, and the withdrawal.
      expect(namespace.calls).toBe(6);
      await held.release();
      expect(await locks.tryAcquire('job:1', TTL)).not.toBeNull();
      expect(time.pending).toBe(1);
      await sleep(1);
    }));

  it('of no length asks once', () =>
    inLockWorld(async ({ locks, namespace }) => {
      await locks.tryAcquire('job:1', TTL);
      expect(await codeOf(() => locks.acquire('job:1', { ...TTL, timeoutMs: 0 }))).toBe('LOCK_TIMEOUT');
      expect(namespace.calls).toBe(2);
    }));

  it('ends with LOCK_ABORTED and the reason of the signal, at once and without a place in the line', () =>
    inLockWorld(async ({ locks, now, sleep, sink, namespace }) => {
      const held = (await locks.tryAcquire('job:1', { ttlMs: 60_000 }))!;
      const controller = new AbortController();
      const startedAt = now();
      const waiting = errorOf(() => locks.acquire('job:1', { ...TTL, signal: controller.signal }));
      await sleep(700);
      const reason = new Error('the user left');
      controller.abort(reason);
      expect(await waiting).toMatchObject({ code: 'LOCK_ABORTED', cause: reason });
      expect(now() - startedAt).toBe(700);
      expect(sink.ofType('lock.refused')).toMatchObject([{ reason: 'aborted', waitMs: 700 }]);
      await held.release();
      expect(await locks.tryAcquire('job:1', TTL)).not.toBeNull();
      const before = namespace.calls;
      expect(await codeOf(() => locks.acquire('job:2', { ...TTL, signal: controller.signal }))).toBe('LOCK_ABORTED');
      expect(namespace.calls).toBe(before);
    }));

  it('gives back a lock that was granted while the signal was aborted', () =>
    inLockWorld(async ({ locks, sleep }) => {
      const controller = new AbortController();
      const waiting = codeOf(() => locks.acquire('job:1', { ...TTL, signal: controller.signal }));
      controller.abort();
      expect(await waiting).toBe('LOCK_ABORTED');
      await sleep(100);
      expect(await locks.isLocked('job:1')).toBe(false);
    }));

  it('is not aborted any more when the lock was had', () =>
    inLockWorld(async ({ locks }) => {
      const controller = new AbortController();
      const lock = await locks.acquire('job:1', { ...TTL, signal: controller.signal });
      controller.abort();
      expect(lock.signal.aborted).toBe(false);
      expect(await lock.release()).toBe(true);
    }));

  it('hands over within the time of two messages, and costs three calls', () =>
    inLockWorld(async ({ locks, sleep, namespace, now }) => {
      const held = (await locks.tryAcquire('job:1', TTL))!;
      const waiting = locks.acquire('job:1', TTL);
      await sleep(1_000);
      const before = now();
      await held.release();
      const next = await waiting;
      expect(now()).toBe(before);
      expect(next.fence).toBeGreaterThan(held.fence);
      expect(namespace.calls).toBe(5);
      await next.release();
    }));

  it('passes over waiters that died, and grants them nothing', () =>
    inLockWorld(async (world) => {
      const { locks, sleep, namespace, now } = world;
      const held = (await locks.tryAcquire('job:1', { ttlMs: 60_000 }))!;
      const dead = Array.from({ length: 20 }, () => mortal(world));
      const lost = dead.map(async (each) => codeOf(() => each.locks.acquire('job:1', { ...TTL, timeoutMs: 60_000 })));
      await sleep(100);
      const waiting = locks.acquire('job:1', { ...TTL, timeoutMs: 60_000 });
      await sleep(100);
      dead.forEach((each) => each.die());
      const before = now();
      await held.release();
      const lock = await waiting;
      // The dead are known within one call and one claim.
      expect(now() - before).toBeLessThan(6_500);
      expect(await lock.release()).toBe(true);
      expect(await (namespace.getByName('job:1') as { status(): Promise<unknown> }).status()).toEqual({
        holders: 0,
        waiters: 0,
      });
      expect(new Set(await Promise.all(lost))).toEqual(new Set(['OBJECT_TIMEOUT']));
    }));

  it('gets the lock of a holder that died when its lease is over', () =>
    inLockWorld(async (world) => {
      const { locks, now } = world;
      const dead = mortal(world);
      const startedAt = now();
      const held = await dead.locks.acquire('job:1', { ttlMs: 2_000, autoRenew: true });
      dead.die();
      const next = await locks.acquire('job:1', TTL);
      expect(now() - startedAt).toBe(2_000);
      expect(held.signal.aborted).toBe(true);
      expect(next.fence).toBeGreaterThan(held.fence);
    }));

  it('fills a semaphore in the order of arrival', () =>
    inLockWorld(async ({ locks, sleep }) => {
      const order: number[] = [];
      let inside = 0;
      let most = 0;
      const options = { ttlMs: 5_000, permits: 3, timeoutMs: 600_000 };
      const all = Array.from({ length: 60 }, (_, index) =>
        locks.run('pool', options, async () => {
          order.push(index);
          most = Math.max(most, (inside += 1));
          await sleep(100 + (index % 7));
          inside -= 1;
        }),
      );
      await Promise.all(all);
      expect(most).toBe(3);
      order.forEach((index, place) => expect(Math.abs(index - place)).toBeLessThan(3));
    }));
});

describe('every end of a wait and of a run', () => {
  const wanted = { ...TTL, timeoutMs: 5_000 };
  const over = async (world: LockWorld): Promise<never> => {
    world.namespace.failNext('failed');
    throw new Error('of the work');
  };
  it.each<[string, (world: LockWorld) => Promise<unknown>]>([
    ['the work is done', ({ locks, sleep }) => locks.run('free:1', wanted, () => sleep(30_000))],
    [
      'the work throws and the lock cannot be given back',
      (world) => world.locks.run('free:1', wanted, () => over(world)),
    ],
    [
      'the lease is lost',
      async ({ locks, sleep }) => locks.run('free:1', { ...wanted, autoRenew: false }, () => sleep(30_000)),
    ],
    ['the lock is not free in time', ({ locks }) => locks.run('held:1', wanted, () => 'never')],
    ['the signal is aborted', ({ locks }) => locks.acquire('held:1', { ...wanted, signal: AbortSignal.abort() })],
    [
      'the signal is aborted later',
      async ({ locks, sleep }) => {
        const controller = new AbortController();
        const { signal } = controller;
        const waiting = locks.acquire('held:1', { ...wanted, signal });
        await sleep(1_000);
        const during = getEventListeners(signal, 'abort').length;
        controller.abort();
        await waiting.catch(() => undefined);
        return () => expect([during, getEventListeners(signal, 'abort').length]).toEqual([1, 0]);
      },
    ],
    [
      'the lock is had, and its signal lives on',
      async ({ locks }) => {
        const { signal } = new AbortController();
        await locks.run('free:1', { ...wanted, signal }, () => undefined);
        return () => expect(getEventListeners(signal, 'abort')).toEqual([]);
      },
    ],
    ['the object fails', ({ locks, namespace }) => (namespace.failNext('failed', 2), locks.acquire('free:1', wanted))],
    [
      'the object does not answer',
      ({ locks, namespace }) => (namespace.failNext('hang', 2), locks.acquire('free:1', wanted)),
    ],
    ['the lock is not free and nobody waits', ({ locks }) => locks.acquire('held:1', { ...wanted, timeoutMs: 0 })],
  ])('leaves no timer and no call behind: %s', async (_, act) => {
    let unhandled = 0;
    const listen = (): void => void (unhandled += 1);
    process.on('unhandledRejection', listen);
    await inLockWorld(async (world) => {
      const { client, namespace, time, sleep, locks } = world;
      // Its timers are none: those that are left are of the other.
      await client({ delay: () => new Promise(() => undefined) }).acquire('held:1', { ttlMs: 3_600_000 });
      const check = await act(world).catch(() => undefined);
      if (typeof check === 'function') (check as () => void)();
      expect(time.pending).toBe(0);
      const { calls } = namespace;
      await sleep(60_000);
      expect(namespace.calls).toBe(calls);
      expect(await locks.isLocked('held:1')).toBe(true);
    });
    process.off('unhandledRejection', listen);
    expect(unhandled).toBe(0);
  });
});

describe('calls of a lock object that go wrong', () => {
  it.each(['unavailable', 'lost-reply', 'reset', 'reset-after'] as const)(
    'are tried again and grant once: %s',
    (fault) =>
      inLockWorld(async ({ locks, namespace }) => {
        namespace.failNext(fault, 2);
        const lock = (await locks.tryAcquire('job:1', TTL))!;
        expect(await locks.tryAcquire('job:1', TTL)).toBeNull();
        namespace.failNext(fault);
        expect(await lock.extend(20_000)).toBe(true);
        namespace.failNext(fault, 2);
        expect(await lock.release()).toBe(true);
        const next = (await locks.tryAcquire('job:1', TTL))!;
        expect(next.fence).toBeGreaterThan(lock.fence);
      }),
  );

  it.each(['failed', 'overloaded', 'hang', 'lost-reply'] as const)(
    'leave no lock behind when they are given up: %s',
    (fault) =>
      inLockWorld(async ({ locks, namespace, sleep }) => {
        namespace.failNext(fault, fault === 'lost-reply' ? 3 : 1);
        const code = await codeOf(() => locks.tryAcquire('job:1', { ttlMs: 60_000 }));
        expect(code).toMatch(/^OBJECT_/);
        await sleep(1_000);
        expect(await locks.isLocked('job:1')).toBe(false);
        namespace.failNext(fault, fault === 'lost-reply' ? 3 : 1);
        expect(await codeOf(() => locks.acquire('job:1', { ttlMs: 60_000 }))).toBe(code);
        expect(await locks.isLocked('job:1')).toBe(false);
      }),
  );

  it('in the line do not cost the place', () =>
    inLockWorld(async ({ locks, namespace, sleep }) => {
      const held = (await locks.tryAcquire('job:1', { ttlMs: 60_000 }))!;
      const order: number[] = [];
      const waiting = Array.from({ length: 50 }, async (_, index) => {
        await sleep(index + 1);
        const lock = await locks.acquire('job:1', { ...TTL, timeoutMs: 60_000 });
        order.push(index);
        await lock.release();
      });
      await sleep(500);
      namespace.reset();
      await sleep(500);
      namespace.evict();
      await held.release();
      await sleep(100);
      namespace.reset();
      await Promise.all(waiting);
      expect(order).toEqual(order.map((_, index) => index));
    }));

  it('are no end of the wait when the object is reset again and again', () =>
    inLockWorld(async ({ locks, namespace, sleep }) => {
      const held = (await locks.tryAcquire('job:1', TTL))!;
      const waiting = locks.acquire('job:1', TTL);
      for (let times = 0; times < 8; times += 1) {
        await sleep(300);
        namespace.reset();
      }
      await held.release();
      expect(await (await waiting).release()).toBe(true);
    }));

  it('do not let go of a lock that is held: its object is reset, evicted and cleaned', () =>
    inLockWorld(async ({ locks, namespace, sleep }) => {
      const lock = await locks.acquire('job:1', { ...TTL, autoRenew: true });
      for (let hour = 0; hour < 30; hour += 1) {
        await sleep(3_600_000);
        if (hour % 2 === 0) namespace.reset();
        else namespace.evict();
        namespace.runAlarms();
        expect(await locks.tryAcquire('job:1', TTL)).toBeNull();
        expect(lock.signal.aborted).toBe(false);
      }
      expect(await lock.release()).toBe(true);
      await sleep(3 * 86_400_000);
      namespace.runAlarms();
      await sleep(3 * 86_400_000);
      namespace.runAlarms();
      expect(namespace.stored).toEqual([]);
      expect((await locks.tryAcquire('job:1', TTL))!.fence).toBeGreaterThan(lock.fence);
    }));

  it('with a binding of another class say so', () =>
    inLockWorld(async (world) => {
      const other = new MemoryObjectNamespace(() => ({ alarm: () => undefined }));
      const error = await errorOf(() => new LockClient(other, { now: world.now }).tryAcquire('job:1', TTL));
      expect(error).toMatchObject({
        code: 'INVALID_BINDING',
        message: expect.stringContaining('LockObject') as string,
      });
    }));
});
