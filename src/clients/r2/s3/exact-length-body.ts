import type { CloudflareClientError } from '../../../errors.js';
import { sourceFailure, toBytes, wrongLength } from './body-source.js';
import { SLICE_BYTES } from './slices.js';

/**
 * A request body of a length that was promised. One chunk is always held back until the next is known, so a source that
 * is too long fails before the server has the number of bytes it waits for: no wrong object is stored. Large chunks go
 * out in slices, so that each of them counts as progress.
 */
export class ExactLengthBody {
  /** What goes to the wire: exactly the promised number of bytes, or an error. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  readonly #expectedBytes: number;
  readonly #onProgress: (bytes: number) => void;
  #receivedBytes = 0;
  #ready: Uint8Array = new Uint8Array();
  #held: Uint8Array = new Uint8Array();
  #ended = false;
  #failure: CloudflareClientError | undefined;

  constructor(source: ReadableStream, expectedBytes: number, onProgress: (bytes: number) => void) {
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
    this.#onProgress(0);
    try {
      // A pull must enqueue or close: the first chunk only fills the hold.
      while (this.#ready.byteLength === 0 && !this.#ended) await this.#advance();
      const slice = this.#ready.subarray(0, SLICE_BYTES);
      if (slice.byteLength > 0) controller.enqueue(slice);
      this.#ready = this.#ready.subarray(SLICE_BYTES);
      this.#onProgress(slice.byteLength);
      if (this.#ended && this.#ready.byteLength === 0) controller.close();
    } catch (error) {
      this.#failure = sourceFailure(error);
      this.abandon(this.#failure);
      controller.error(this.#failure);
    }
  }

  async #advance(): Promise<void> {
    const { done, value } = await this.#reader.read();
    this.#onProgress(0);
    this.#ended = done;
    this.#ready = this.#held;
    this.#held = done ? new Uint8Array() : toBytes(value);
    this.#receivedBytes += this.#held.byteLength;
    if (this.#receivedBytes > this.#expectedBytes || (done && this.#receivedBytes < this.#expectedBytes)) {
      throw wrongLength(this.#expectedBytes, this.#receivedBytes, done);
    }
  }
}
