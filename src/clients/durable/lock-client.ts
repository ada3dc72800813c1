import { CloudflareClientError } from '../../errors.js';
import { keyPrefix } from '../kv/key.js';
import { Lock } from './lock.js';
import { checkLockName, resolveLockOptions, resolveWaitMs } from './lock-options.js';
import type { AcquireLockOptions, LockOptions, ResolvedLockOptions } from './lock-options.js';
import { LockServices } from './lock-services.js';
import type { LockClientOptions } from './lock-services.js';
import { LockAttempt } from './lock-attempt.js';
import type { ObjectNamespaceLike } from './object-namespace.js';
import { readSerializedLock } from './serialized-lock.js';

/**
 * Locks and semaphores on Durable Objects: one object for each name. A lock is a lease that ends by itself when its holder dies, with
 * a number (`fence`) by which what it protects can tell a holder that came too late.
 *
 * @example
 * ```ts
 * const locks = new LockClient(env.LOCKS);
 * const published = await locks.run(`publish:${creatorId}`, { ttlMs: 10_000 }, async (lock) => {
 *   const list = await db.findPublished();
 *   lock.signal.throwIfAborted();
 *   return list;
 * });
 * ```
 */
export class LockClient {
  readonly #services: LockServices;

  /**
   * Over the objects of one namespace.
   *
   * @param namespace the binding of `LockObject`, or `memoryLocks()`.
   * @param options events, time-outs, and what tests replace.
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(namespace: ObjectNamespaceLike, options: LockClientOptions = {}) {
    this.#services = new LockServices(namespace, options);
  }

  /**
   * Takes the lock if it is free and nobody waits for it.
   *
   * @param name 1 to 512 bytes in UTF-8, such as `publish:42`; events show it up to its first colon.
   * @param options how it is held.
   * @returns the lock, or `null` when others hold it.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`.
   */
  async tryAcquire(name: string, options: LockOptions): Promise<Lock | null> {
    checkLockName(name);
    const attempt = this.#attempt(name, resolveLockOptions(options, false));
    const lock = await attempt.once();
    if (lock === null) attempt.refused('held');
    return lock;
  }

  /**
   * Takes the lock, waiting in line for it. Who comes first is served first, and who has gone is passed over.
   *
   * @param name as of `tryAcquire`.
   * @param options how long to wait, and how it is held.
   * @returns the lock.
   * @throws {CloudflareClientError} `LOCK_TIMEOUT`; `LOCK_ABORTED` with the signal's reason as `cause`; `INVALID_OPTION`,
   *   `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`. In each case the place in the line was given up.
   */
  async acquire(name: string, options: AcquireLockOptions): Promise<Lock> {
    return this.#acquire(name, options, resolveLockOptions(options, false));
  }

  /**
   * Does work while holding the lock, which is renewed until the work is done and given back then. What the work returns or throws is
   * what the caller gets: a lock that is lost, or cannot be given back, is an event.
   *
   * @param name as of `tryAcquire`.
   * @param options as of `acquire`; `autoRenew` is on unless told.
   * @param work gets the lock. It should heed `lock.signal`, and hand `lock.fence` to what it writes to.
   * @returns what `work` returned.
   * @throws {CloudflareClientError} as `acquire`, before `work` is called; and whatever `work` throws.
   */
  async run<T>(name: string, options: AcquireLockOptions, work: (lock: Lock) => T | Promise<T>): Promise<T> {
    const lock = await this.#acquire(name, options, resolveLockOptions(options, true));
    try {
      return await work(lock);
    } finally {
      await lock.releaseQuietly();
    }
  }

  /**
   * Whether anybody holds the lock. It may have changed when the answer arrives: to decide by it is a race.
   *
   * @param name as of `tryAcquire`.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`.
   */
  async isLocked(name: string): Promise<boolean> {
    checkLockName(name);
    const { holders } = await this.#services.caller(this.#services.timeoutMs).call(name, 'status');
    return holders > 0;
  }

  /**
   * Takes the lock from whoever holds it, for operators. The work of the holder goes on until it looks at its signal: only a fence
   * keeps it from what the lock protects.
   *
   * @param name as of `tryAcquire`.
   * @returns how many held it.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`.
   */
  async forceRelease(name: string): Promise<number> {
    checkLockName(name);
    const operation = this.#services.newId();
    const caller = this.#services.caller(this.#services.timeoutMs);
    return (await caller.call(name, 'forceRelease', { operation })).released;
  }

  /**
   * Goes on with a lock that was serialized, here or elsewhere.
   *
   * @param serialized what `Lock.serialize` gave.
   * @param options whether this side renews it.
   * @returns the lock, or `null` when it is not held any more.
   * @throws {CloudflareClientError} `INVALID_ARGUMENT` when it is nothing that `serialize` gave; `OBJECT_FAILED`,
   *   `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`.
   */
  async restore(serialized: string, options: Pick<LockOptions, 'autoRenew'> = {}): Promise<Lock | null> {
    const hold = readSerializedLock(serialized);
    const sentAt = this.#services.now();
    const caller = this.#services.caller(this.#services.timeoutMs);
    const answer = await caller.call(hold.name, 'check', { owner: hold.owner });
    if (!answer.held) return null;
    const term = { since: sentAt, sentAt, remainingMs: answer.remainingMs };
    return new Lock(this.#services, { ...hold, fence: answer.fence }, term, options.autoRenew ?? false);
  }

  async #acquire(name: string, options: AcquireLockOptions, wanted: ResolvedLockOptions): Promise<Lock> {
    checkLockName(name);
    const waitMs = resolveWaitMs(options.timeoutMs);
    const attempt = this.#attempt(name, wanted);
    const lock = await attempt.inLine(waitMs, options.signal);
    if (lock instanceof Lock) return lock;
    attempt.refused(lock);
    if (lock === 'timeout') {
      throw new CloudflareClientError('LOCK_TIMEOUT', `The lock ${keyPrefix(name)}… was not free within ${waitMs} ms.`);
    }
    const message = `The wait for the lock ${keyPrefix(name)}… was ended by its signal.`;
    throw new CloudflareClientError('LOCK_ABORTED', message, { cause: options.signal?.reason });
  }

  #attempt(name: string, wanted: ResolvedLockOptions): LockAttempt {
    return new LockAttempt(this.#services, name, wanted);
  }
}
