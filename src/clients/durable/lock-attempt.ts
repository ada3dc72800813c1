import { MAX_POLL_MS } from '../../durable-objects/lock/lock-api.js';
import type { LockAnswer, LockRequest } from '../../durable-objects/lock/lock-api.js';
import { isCloudflareClientError } from '../../errors.js';
import { keyPrefix } from '../kv/key.js';
import { MAX_TIMEOUT_MS } from '../kv/timeout.js';
import { Interruption } from './interruption.js';
import type { InterruptionReason } from './interruption.js';
import { Lock } from './lock.js';
import type { ResolvedLockOptions } from './lock-options.js';
import type { LockServices } from './lock-services.js';

/** Longest time that giving up may take, in milliseconds. */
const MAX_WITHDRAWAL_MS = 1_000;
/** How often a call that waits may fail in succession because its object was reset, each time with all its attempts. */
const MAX_RESETS = 5;

/** A lease that the object has granted. */
interface Grant {
  readonly fence: number;
  readonly remainingMs: number;
  /** When it was asked for, by this side's clock. */
  readonly sentAt: number;
}

/** What differs between the calls of an attempt. */
type Question = Pick<LockRequest, 'queue' | 'ticket' | 'waitMs'>;

interface Reply {
  readonly answer: LockAnswer;
  /** When the call was sent, by this side's clock. */
  readonly sentAt: number;
}

/** One attempt to hold a lock, under a name of its own by which the object knows it again. */
export class LockAttempt {
  readonly #services: LockServices;
  readonly #name: string;
  readonly #wanted: ResolvedLockOptions;
  readonly #owner: string;
  readonly #startedAt: number;

  constructor(services: LockServices, name: string, wanted: ResolvedLockOptions) {
    this.#services = services;
    this.#name = name;
    this.#wanted = wanted;
    this.#owner = services.newId();
    this.#startedAt = services.now();
  }

  /**
   * Asks once, without a place in the line.
   *
   * @returns the lock, or `null`.
   */
  async once(): Promise<Lock | null> {
    const outcome = await this.#orWithdraw(() => this.#tryOnce());
    return typeof outcome === 'string' ? null : this.#lock(outcome);
  }

  /**
   * Waits in line.
   *
   * @param waitMs how long; 0 asks once.
   * @param signal ends the wait.
   * @returns the lock, or why there is none; then the place in the line is given up.
   */
  async inLine(waitMs: number, signal: AbortSignal | undefined): Promise<Lock | InterruptionReason> {
    if (signal?.aborted === true) return 'aborted';
    const interruption = new Interruption(this.#services, waitMs === 0 ? undefined : waitMs, signal);
    const outcome = await this.#orWithdraw(async () => {
      try {
        const work = waitMs === 0 ? this.#tryOnce() : this.#wait(waitMs, interruption);
        return await Promise.race([work, interruption.happened]);
      } finally {
        interruption.end();
      }
    });
    if (typeof outcome !== 'string') return this.#lock(outcome);
    if (waitMs > 0 || outcome === 'aborted') await this.#withdraw();
    return outcome;
  }

  /** Reports that the lock was not had. */
  refused(reason: 'held' | InterruptionReason): void {
    const fields = { keyPrefix: keyPrefix(this.#name), waitMs: this.#services.now() - this.#startedAt };
    this.#services.report({ type: 'lock.refused', ...fields, reason });
  }

  async #tryOnce(): Promise<Grant | 'timeout'> {
    const { answer, sentAt } = await this.#ask({ queue: false, waitMs: 0 });
    if (answer.state !== 'granted') return 'timeout';
    if (sentAt + answer.remainingMs > this.#services.now()) return { ...answer, sentAt };
    // The answer took longer than the lease.
    await this.#withdraw();
    return 'timeout';
  }

  async #wait(waitMs: number, interruption: Interruption): Promise<Grant | 'timeout'> {
    let ticket: number | undefined;
    while (!interruption.isOver) {
      const leftMs = Math.max(1, this.#startedAt + waitMs - this.#services.now());
      // The first answer comes at once, with the ticket that keeps the place when the object is reset.
      const pollMs = ticket === undefined ? 0 : Math.min(leftMs, MAX_POLL_MS);
      const { answer, sentAt } = await this.#poll({ queue: true, ticket, waitMs: pollMs }, interruption);
      if (answer.state === 'wait') ticket = answer.ticket;
      else if (answer.state !== 'granted') return 'timeout';
      else if (sentAt + answer.remainingMs > this.#services.now()) return { ...answer, sentAt };
    }
    return 'timeout';
  }

  /** A call that waits for seconds may see more than one reset, which says nothing against the next. */
  async #poll(question: Question, interruption: Interruption): Promise<Reply> {
    for (let resets = 1; ; resets += 1) {
      try {
        return await this.#ask(question);
      } catch (error) {
        if (resets > MAX_RESETS || interruption.isOver || !isReset(error)) throw error;
      }
    }
  }

  async #ask(how: Question): Promise<Reply> {
    const { ttlMs, permits } = this.#wanted;
    const request = { owner: this.#owner, ttlMs, permits, ...how };
    const sentAt = this.#services.now();
    const extraMs = how.waitMs > 0 ? MAX_POLL_MS : 0;
    const caller = this.#services.caller(Math.min(this.#services.timeoutMs + extraMs, MAX_TIMEOUT_MS));
    return { answer: await caller.call(this.#name, 'acquire', request), sentAt };
  }

  /** After a failure nobody knows whether the lock was granted. */
  async #orWithdraw<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isCloudflareClientError(error, 'INVALID_BINDING')) await this.#withdraw();
      throw error;
    }
  }

  async #withdraw(): Promise<void> {
    const caller = this.#services.caller(Math.min(this.#services.timeoutMs, MAX_WITHDRAWAL_MS));
    try {
      await caller.call(this.#name, 'release', { owner: this.#owner });
    } catch (error) {
      this.#services.reportFailure(this.#name, error);
    }
  }

  #lock({ fence, sentAt, remainingMs }: Grant): Lock {
    const { ttlMs, autoRenew } = this.#wanted;
    const since = this.#services.now();
    this.#services.report({
      type: 'lock.acquired',
      keyPrefix: keyPrefix(this.#name),
      waitMs: since - this.#startedAt,
    });
    const hold = { name: this.#name, owner: this.#owner, fence, ttlMs };
    return new Lock(this.#services, hold, { since, sentAt, remainingMs }, autoRenew);
  }
}

function isReset(error: unknown): boolean {
  const { cause } = error as { cause?: { durableObjectReset?: unknown } | null };
  return cause?.durableObjectReset === true;
}
