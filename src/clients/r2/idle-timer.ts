/** Fires once when nothing has happened for a while. */
export class IdleTimer {
  readonly #timeoutMs: number;
  readonly #onIdle: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(timeoutMs: number, onIdle: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onIdle = onIdle;
  }

  /** Starts the count anew; call it whenever something moved. */
  restart(): void {
    this.stop();
    this.#timer = setTimeout(this.#onIdle, this.#timeoutMs);
  }

  /** Stops counting. */
  stop(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}
