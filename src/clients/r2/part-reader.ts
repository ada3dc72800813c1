import { CloudflareClientError } from '../../errors.js';

const FIRST_BUFFER_BYTES = 262_144;

/** Cuts a stream into parts of one size; only the last may be shorter. Holds one part and one chunk at a time. */
export class PartReader {
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  readonly #partBytes: number;
  #rest: Uint8Array = new Uint8Array();
  #ended = false;

  constructor(stream: ReadableStream, partBytes: number) {
    this.#reader = stream.getReader();
    this.#partBytes = partBytes;
  }

  /**
   * Reads the next part.
   *
   * @returns `last` is true when the stream is known to have ended; the bytes may be empty only then.
   */
  async next(): Promise<{ readonly bytes: Uint8Array; readonly last: boolean }> {
    let buffer = new Uint8Array(Math.min(this.#partBytes, Math.max(FIRST_BUFFER_BYTES, this.#rest.byteLength)));
    let filled = 0;
    while (filled < this.#partBytes) {
      if (this.#rest.byteLength === 0 && !(await this.#readChunk())) break;
      const chunk = this.#rest.subarray(0, this.#partBytes - filled);
      buffer = withRoom(buffer, filled + chunk.byteLength, this.#partBytes);
      buffer.set(chunk, filled);
      filled += chunk.byteLength;
      this.#rest = this.#rest.subarray(chunk.byteLength);
    }
    // Looks one chunk ahead, so that a stream of exactly one part is known to be whole.
    const last = this.#rest.byteLength === 0 && !(await this.#readChunk());
    return { bytes: buffer.subarray(0, filled), last };
  }

  /** Tells the source that nobody reads on. */
  abandon(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => undefined);
  }

  async #readChunk(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#reader.read();
      this.#ended = done;
      if (done) break;
      this.#rest = toBytes(value);
      if (this.#rest.byteLength > 0) return true;
    }
    return false;
  }
}

/**
 * A chunk of a caller's stream as bytes.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` for a stream that does not hold bytes.
 */
export function toBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `body is a stream of ${typeof chunk} chunks; it must hold bytes (text goes through a TextEncoderStream).`,
  );
}

function withRoom(buffer: Uint8Array<ArrayBuffer>, bytes: number, most: number): Uint8Array<ArrayBuffer> {
  if (bytes <= buffer.byteLength) return buffer;
  const larger = new Uint8Array(Math.min(most, Math.max(bytes, buffer.byteLength * 4)));
  larger.set(buffer);
  return larger;
}
