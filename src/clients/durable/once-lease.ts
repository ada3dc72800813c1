import { onAbort } from '../../internal/on-abort.js';
import { startTimer } from '../../internal/start-timer.js';

/** A lease that is renewed in so many parts of it: two renewals can fail. */
const RENEWALS_PER_LEASE = 3;
/** Shortest time between two renewals, in milliseconds. */
const MIN_RENEWAL_MS = 100;

/** How a lease is kept. */
export interface OnceLeaseOptions {
  readonly leaseMs: number;
  /** When the call that got it was sent, by `now`: the object began to count later. */
  readonly sentAt: number;
  readonly now: () => number;
  /** Waits for so many milliseconds; `undefined`: a timer. */
  readonly delay: ((ms: number) => Promise<void>) | undefined;
  /** Asks the object, for so many milliseconds at most; answers whether it is held. */
  readonly renew: (timeoutMs: number) => Promise<boolean>;
  /** Makes the reason of the signal when the lease is lost. */
  readonly lost: () => Error;
  /** The caller's own signal, which aborts the work as well. */
  readonly callerSignal: AbortSignal | undefined;
}

/**
 * The lease of a run while its work goes on: renewed every third of its time, after a failure every third of what is left, and given up
 * for lost when that did not succeed in time.
 */
export class OnceLease {
  readonly #options: OnceLeaseOptions;
  readonly #controller = new AbortController();
  readonly #letGo: () => void;
  #until: number;
  #isOver = false;
  #cancelExpiry = (): void => undefined;
  #cancelRenewal = (): void => undefined;

  constructor(options: OnceLeaseOptions) {
    this.#options = options;
    this.#until = options.sentAt + options.leaseMs;
    const { callerSignal } = options;
    // The work decides what becomes of it; until it has ended, the lease is kept.
    this.#letGo = onAbort(callerSignal, () => this.#controller.abort(callerSignal?.reason));
    this.#watch();
    this.#renewLater();
  }

  /** Aborted when the lease is lost, or by the caller. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends renewal and watching. */
  stop(): void {
    this.#isOver = true;
    this.#cancelExpiry();
    this.#cancelRenewal();
    this.#letGo();
  }

  #watch(): void {
    this.#cancelExpiry();
    this.#cancelExpiry = this.#startTimer(() => this.#lose(), this.#leftMs());
  }

  #renewLater(): void {
    const ms = Math.max(MIN_RENEWAL_MS, this.#leftMs() / RENEWALS_PER_LEASE);
    this.#cancelRenewal = this.#startTimer(() => void this.#renew(ms), ms);
  }

  /** One renewal, given up in time for another. */
  async #renew(timeoutMs: number): Promise<void> {
    const { now, renew, leaseMs } = this.#options;
    const sentAt = now();
    const held = await renew(timeoutMs).catch(() => null);
    if (this.#isOver) return;
    if (held === false) {
      this.#lose();
      return;
    }
    if (held === true) {
      this.#until = sentAt + leaseMs;
      this.#watch();
    }
    this.#renewLater();
  }

  /** What is left of the lease; never more than a whole one, also where the clock was set back. */
  #leftMs(): number {
    return Math.min(this.#until - this.#options.now(), this.#options.leaseMs);
  }

  #lose(): void {
    this.stop();
    this.#controller.abort(this.#options.lost());
  }

  #startTimer(fire: () => void, ms: number): () => void {
    return startTimer(fire, ms, this.#options.delay);
  }
}
