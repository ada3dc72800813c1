/** How a lease is kept. */
export interface OnceLeaseOptions {
  readonly leaseMs: number;
  /** When the call that got it was sent, by `now`: the object began to count later. */
  readonly sentAt: number;
  readonly now: () => number;
  /** Waits for so many milliseconds; `undefined`: a timer. */
  readonly delay: ((ms: number) => Promise<void>) | undefined;
  /** Asks the object; answers whether it is held. */
  readonly renew: () => Promise<boolean>;
  /** Makes the reason of the signal when the lease is lost. */
  readonly lost: () => Error;
  /** The caller's own signal, which aborts the work as well. */
  readonly callerSignal: AbortSignal | undefined;
}

/** The lease of a run while its work goes on: renewed every third of its time, and given up for lost when that did not succeed in time. */
export class OnceLease {
  readonly #options: OnceLeaseOptions;
  readonly #controller = new AbortController();
  #until: number;
  #isOver = false;
  #cancelExpiry = (): void => undefined;
  #cancelRenewal = (): void => undefined;

  constructor(options: OnceLeaseOptions) {
    this.#options = options;
    this.#until = options.sentAt + options.leaseMs;
    options.callerSignal?.addEventListener('abort', this.#onCallerAbort, { once: true });
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
    this.#options.callerSignal?.removeEventListener('abort', this.#onCallerAbort);
  }

  // The work decides what becomes of it; until it has ended, the lease is kept.
  readonly #onCallerAbort = (): void => {
    this.#controller.abort(this.#options.callerSignal?.reason);
  };

  #watch(): void {
    this.#cancelExpiry();
    this.#cancelExpiry = this.#setTimer(() => this.#lose(), this.#until - this.#options.now());
  }

  #renewLater(): void {
    this.#cancelRenewal = this.#setTimer(() => void this.#renew(), this.#options.leaseMs / 3);
  }

  async #renew(): Promise<void> {
    const { now, renew, leaseMs } = this.#options;
    const sentAt = now();
    const held = await renew().catch(() => null);
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

  #lose(): void {
    this.stop();
    this.#controller.abort(this.#options.lost());
  }

  #setTimer(fire: () => void, ms: number): () => void {
    const { delay } = this.#options;
    if (delay === undefined) {
      const timer = setTimeout(fire, Math.max(0, ms));
      return () => clearTimeout(timer);
    }
    let isCancelled = false;
    void delay(Math.max(0, ms)).then(() => isCancelled || fire());
    return () => {
      isCancelled = true;
    };
  }
}
