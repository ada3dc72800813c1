/**
 * Hands each piece of work a signal of its own that fires with the caller's. With one for all, each request would listen to it, and Node
 * warns of a leak from the eleventh listener on.
 */
export class SignalFan {
  readonly #source: AbortSignal | undefined;
  readonly #controllers = new Set<AbortController>();
  readonly #onAbort = (): void => this.abort(this.#source?.reason);
  #aborted: { readonly reason: unknown } | null = null;

  constructor(source: AbortSignal | undefined) {
    this.#source = source;
    source?.addEventListener('abort', this.#onAbort, { once: true });
    if (source?.aborted === true) this.#onAbort();
  }

  /** Whether it has fired. */
  get aborted(): boolean {
    return this.#aborted !== null;
  }

  /** Does `work` with a signal of its own. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#controllers.add(controller);
    if (this.#aborted !== null) controller.abort(this.#aborted.reason);
    try {
      return await work(controller.signal);
    } finally {
      this.#controllers.delete(controller);
    }
  }

  /** Ends all work that is going on, and all to come. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    for (const controller of this.#controllers) controller.abort(reason);
  }

  /** Lets go of the caller's signal. */
  close(): void {
    this.#source?.removeEventListener('abort', this.#onAbort);
  }
}
