import { sourceFailure, toBytes } from '../s3/body-source.js';

/** What is cut off a stream. */
export interface Part {
  /** Empty only when the stream has ended. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether the stream has ended. */
  readonly last: boolean;
}

const FIRST_BUFFER_BYTES = 262_144;

/** Cuts a stream into parts of one size; only the last may be shorter. Holds one part and one chunk at a time. */
export class PartReader {
  readonly #reader: ReadableStreamDefaultReader<unknown>;
  readonly #partBytes: number;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  #rest: Uint8Array = new Uint8Array();
  #ended = false;
  #begun: boolean;

  /**
   * Begins to read.
   *
   * @param stream of bytes; it is locked from now on.
   * @param partBytes size of the parts.
   * @param expectedBytes of the whole stream, when that is known: memory of the right size is taken at once then.
   */
  constructor(stream: ReadableStream, partBytes: number, expectedBytes = 0) {
    this.#reader = stream.getReader();
    this.#partBytes = partBytes;
    this.#begun = expectedBytes > partBytes;
  }

  /**
   * Reads the next part.
   *
   * @throws {CloudflareClientError} `INVALID_VALUE` when the stream does not hold bytes, `R2_FAILED` when it fails.
   */
  async next(): Promise<Part> {
    // A first part may be a small file; what comes after it is mostly of full size.
    let buffer =
      this.#spare.pop() ??
      new Uint8Array(this.#begun ? this.#partBytes : Math.min(this.#partBytes, FIRST_BUFFER_BYTES));
    this.#begun = true;
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

  /** Takes the memory of a part that is sent, for a later one: garbage of this size piles up before it is collected. */
  reuse(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.buffer.byteLength === this.#partBytes) this.#spare.push(new Uint8Array(bytes.buffer));
  }

  /** Tells the source that nobody reads on. */
  abandon(reason: unknown): void {
    this.#reader.cancel(reason).catch(() => undefined);
  }

  async #readChunk(): Promise<boolean> {
    while (!this.#ended) {
      const { done, value } = await this.#read();
      this.#ended = done;
      if (done) break;
      this.#rest = toBytes(value);
      if (this.#rest.byteLength > 0) return true;
    }
    return false;
  }

  async #read(): Promise<ReadableStreamReadResult<unknown>> {
    try {
      return await this.#reader.read();
    } catch (error) {
      throw sourceFailure(error);
    }
  }
}

function withRoom(buffer: Uint8Array<ArrayBuffer>, bytes: number, most: number): Uint8Array<ArrayBuffer> {
  if (bytes <= buffer.byteLength) return buffer;
  const larger = new Uint8Array(Math.min(most, Math.max(bytes, buffer.byteLength * 4)));
  larger.set(buffer);
  return larger;
}
