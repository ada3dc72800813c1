/** Fires once when nothing has happened for a while. */
export class IdleTimer {
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(timeoutMs: number, onIdle: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  /** Starts the count anew; call it whenever something moved. */
  restart(): void {
    // A read that was under way when the request ended still reports here, and must leave no timer behind.
    if (this.#stopped) return;
    this.#clear();
    this.#timer = setTimeout(this.#onIdle, this.#timeoutMs);
  }

  /** Stops counting, for good. */
  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #clear(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}
