import type { LeaseAnswer } from '../../durable-objects/lock/lock-api.js';
import { CloudflareClientError } from '../../errors.js';
import { keyPrefix } from '../kv/key.js';
import { checkTtl } from './lock-options.js';
import type { LockServices } from './lock-services.js';

/** A lease that is renewed in so many parts of it: two renewals can fail. */
const RENEWALS_PER_LEASE = 3;
/** Shortest time between two renewals, in milliseconds. */
const MIN_RENEWAL_MS = 100;

/** What names a hold of a lock, for its object. */
export interface LockHold {
  readonly name: string;
  readonly owner: string;
  readonly fence: number;
  readonly ttlMs: number;
}

/** When a hold began and how far it reaches, by the client's own clock. */
export interface LockTerm {
  readonly since: number;
  /** When the call was sent whose answer it is. */
  readonly sentAt: number;
  /** What the object said that was left. */
  readonly remainingMs: number;
}

/**
 * A lock that was had. Its object is the judge of who holds it; this side gives up when the lease has run out since before the last
 * call that renewed it was sent, so it is never the later of the two.
 */
export class Lock {
  /** What the lock is called. */
  readonly name: string;
  /**
   * Higher than that of every earlier holder of this lock, also years later. Whatever the lock protects should refuse a
   * lower one than it has seen: see `assertFence`.
   */
  readonly fence: number;
  readonly #hold: LockHold;
  readonly #services: LockServices;
  readonly #controller = new AbortController();
  readonly #since: number;
  #until: number;
  /** The most that the object ever said was left: where the clock was set back it is no more than that. */
  #longestMs: number;
  #isOver = false;
  #release: Promise<boolean> | undefined;
  #cancelExpiry: (() => void) | undefined;
  #cancelRenewal: (() => void) | undefined;

  static {
    // Where the symbol is missing compilers of `await using` agree on this one.
    const dispose = (Symbol as { asyncDispose?: symbol }).asyncDispose ?? Symbol.for('Symbol.asyncDispose');
    Object.defineProperty(this.prototype, dispose, {
      configurable: true,
      value: function (this: Lock) {
        return this.releaseQuietly();
      },
    });
  }

  /** Gives the lock back at the end of an `await using` block. A failure is an event: the block's own outcome stands. */
  declare readonly [Symbol.asyncDispose]: () => Promise<void>;

  /**
   * Made by `LockClient`.
   *
   * @internal
   */
  constructor(services: LockServices, hold: LockHold, term: LockTerm, autoRenew: boolean) {
    this.name = hold.name;
    this.fence = hold.fence;
    this.#services = services;
    this.#hold = hold;
    this.#since = term.since;
    this.#until = term.sentAt + term.remainingMs;
    this.#longestMs = term.remainingMs;
    this.#watch();
    if (autoRenew) this.#renewLater();
  }

  /**
   * Aborted, with a `LOCK_LOST` error as its reason, when the lease has run out or was ended by others; not by `release`. Reading it
   * compares the clock, so that a caller which was stopped in the meantime learns of it before its timers do.
   */
  get signal(): AbortSignal {
    if (!this.#isOver && this.#services.now() >= this.#until) this.#lose('expired');
    return this.#controller.signal;
  }

  /**
   * Lets the lease last at least `ttlMs` from now. It is never shortened.
   *
   * @param ttlMs milliseconds, 1,000 to 86,400,000; as long as it was asked for first unless told.
   * @returns `false` when the lock is not held any more: `signal` is aborted then, or it was given back.
   * @throws {CloudflareClientError} `INVALID_OPTION`; `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`: the lease is
   *   as it was, or longer.
   */
  async extend(ttlMs: number = this.#hold.ttlMs): Promise<boolean> {
    checkTtl(ttlMs);
    return this.#extend(ttlMs, this.#services.timeoutMs);
  }

  /**
   * Gives the lock back. Calling it again answers the same and calls nobody, unless it failed.
   *
   * @returns `false` when the lock was lost before.
   * @throws {CloudflareClientError} `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`: the lease ends by itself then.
   */
  release(): Promise<boolean> {
    this.#release ??= this.#giveBack().catch((error: unknown) => {
      this.#release = undefined;
      throw error;
    });
    return this.#release;
  }

  /**
   * As `release`, with a failure as an event.
   *
   * @internal
   */
  async releaseQuietly(): Promise<void> {
    try {
      await this.release();
    } catch (error) {
      this.#services.reportFailure(this.name, error);
    }
  }

  /**
   * The hold as text, for `LockClient.restore` in another process. It is a secret: who has it can renew and give back. This side keeps
   * watching and, with `autoRenew`, renewing.
   */
  serialize(): string {
    return JSON.stringify({ v: 1, ...this.#hold });
  }

  async #extend(ttlMs: number, timeoutMs: number): Promise<boolean> {
    if (this.signal.aborted || this.#isOver) return false;
    const { name, owner } = this.#hold;
    const sentAt = this.#services.now();
    const answer = await this.#services.caller(timeoutMs).call(name, 'extend', { owner, ttlMs });
    return this.#learn(answer, sentAt);
  }

  #learn(answer: LeaseAnswer, sentAt: number): boolean {
    if (!answer.held) {
      this.#lose('taken');
      return false;
    }
    // It came too late for this side, which has said so: it is not taken back.
    if (this.signal.aborted || this.#isOver) return false;
    this.#longestMs = Math.max(this.#longestMs, answer.remainingMs);
    this.#until = Math.max(this.#until, sentAt + answer.remainingMs);
    this.#watch();
    return true;
  }

  async #giveBack(): Promise<boolean> {
    // A lease that ran out before is reported as such.
    const wasLost = this.signal.aborted;
    this.#stop();
    const { name, owner } = this.#hold;
    const { released } = await this.#services.caller(this.#services.timeoutMs).call(name, 'release', { owner });
    if (released && !wasLost) this.#report('lock.released');
    else if (!wasLost) this.#abort('taken');
    return released && !wasLost;
  }

  /** Loses the lock when its time is over. */
  #watch(): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = this.#services.startTimer(() => this.#lose('expired'), this.#leftMs());
  }

  #renewLater(): void {
    const ms = Math.max(MIN_RENEWAL_MS, Math.min(this.#leftMs(), this.#hold.ttlMs) / RENEWALS_PER_LEASE);
    this.#cancelRenewal = this.#services.startTimer(() => void this.#renew(ms), ms);
  }

  #leftMs(): number {
    return Math.max(0, Math.min(this.#until - this.#services.now(), this.#longestMs));
  }

  /** One renewal, given up in time for another. */
  async #renew(timeoutMs: number): Promise<void> {
    try {
      await this.#extend(this.#hold.ttlMs, Math.min(this.#services.timeoutMs, timeoutMs));
    } catch (error) {
      if (!this.#isOver) this.#services.reportFailure(this.name, error);
    }
    if (!this.#isOver) this.#renewLater();
  }

  #lose(reason: 'expired' | 'taken'): void {
    if (this.#isOver) return;
    this.#stop();
    this.#abort(reason);
  }

  #abort(reason: 'expired' | 'taken'): void {
    const why = reason === 'expired' ? 'its lease ran out' : 'its object says that it is not held';
    const message = `The lock ${keyPrefix(this.name)}… is lost: ${why}.`;
    this.#report('lock.lost', reason);
    this.#controller.abort(new CloudflareClientError('LOCK_LOST', message));
  }

  #stop(): void {
    this.#isOver = true;
    this.#cancelExpiry?.();
    this.#cancelRenewal?.();
  }

  #report(type: 'lock.released'): void;
  #report(type: 'lock.lost', reason: 'expired' | 'taken'): void;
  #report(type: 'lock.released' | 'lock.lost', reason: 'expired' | 'taken' = 'expired'): void {
    const fields = { keyPrefix: keyPrefix(this.name), heldMs: this.#services.now() - this.#since };
    this.#services.report(type === 'lock.lost' ? { type, ...fields, reason } : { type, ...fields });
  }
}
