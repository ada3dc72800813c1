import type { CloudflareClientError } from '../../errors.js';
import { sourceFailure, toBytes, wrongLength } from './body-source.js';

/**
 * A request body of a length that was promised. One chunk is always held back until the next is known, so a source that
 * is too long fails before the server has the number of bytes it waits for: no wrong object is stored.
 */
export class ExactLengthBody {
  /** What goes to the wire: exactly the promised number of bytes, or an error. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  readonly #expectedBytes: number;
  readonly #onProgress: () => void;
  #receivedBytes = 0;
  #held: Uint8Array | undefined;
  #failure: CloudflareClientError | undefined;

  constructor(source: ReadableStream, expectedBytes: number, onProgress: () => void) {
    this.#reader = source.getReader();
    this.#expectedBytes = expectedBytes;
    this.#onProgress = onProgress;
    this.stream = new ReadableStream<Uint8Array>(
      { pull: (controller) => this.#pull(controller), cancel: (reason) => this.abandon(reason) },
      { highWaterMark: 0 },
    );
  }

  /** Why the source could not be sent, when it was the source's fault. */
  get failure(): CloudflareClientError | undefined {
    return this.#failure;
  }

  /** Tells the source that nobody reads on. Its own failure to stop is nobody's concern. */
  abandon(reason?: unknown): void {
    this.#reader.cancel(reason).catch(() => undefined);
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      // A pull must enqueue or close: the first chunk only fills the hold.
      while (!(await this.#step(controller)));
    } catch (error) {
      this.#failure = sourceFailure(error);
      this.abandon(this.#failure);
      controller.error(this.#failure);
    }
  }

  async #step(controller: ReadableStreamDefaultController<Uint8Array>): Promise<boolean> {
    const { done, value } = await this.#reader.read();
    this.#onProgress();
    const ready = this.#held;
    this.#held = done ? undefined : toBytes(value);
    this.#receivedBytes += this.#held?.byteLength ?? 0;
    if (this.#receivedBytes > this.#expectedBytes || (done && this.#receivedBytes < this.#expectedBytes)) {
      throw wrongLength(this.#expectedBytes, this.#receivedBytes, done);
    }
    if (ready !== undefined && ready.byteLength > 0) controller.enqueue(ready);
    if (done) controller.close();
    return done || (ready !== undefined && ready.byteLength > 0);
  }
}
