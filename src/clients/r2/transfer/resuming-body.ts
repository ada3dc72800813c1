import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { abortableWait } from './abortable-wait.js';
import type { ObjectStore } from '../store/object-store.js';
import type { ResolvedRange } from './http-range.js';
import { hexOf, type Md5 } from './md5.js';
import type { ProgressMeter } from './progress.js';

/** Which bytes of which version of an object are read, and how. */
export interface BodySource {
  readonly store: ObjectStore;
  readonly bucket: string;
  readonly key: string;
  /** The version. Empty when the server named none: then nothing can be resumed. */
  readonly etag: string;
  /** Which bytes; `null` when it is not known how many there are, and they are all: then nothing can be resumed. */
  readonly range: ResolvedRange | null;
  readonly signal: AbortSignal | undefined;
  /** How often a read is tried before a mebibyte of it has come. */
  readonly maxAttempts: number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly progress: ProgressMeter;
  /** Of the whole content, when it is to be compared with the tag. */
  readonly md5: Md5 | null;
}

/** Once this much has come since the last failure, the line counts as good again. */
const GOOD_BYTES = 1024 * 1024;
const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;

/**
 * The content of one version of an object. A connection that drops or stalls is replaced by one that goes on where it ended, with
 * `If-Match`, so that two versions never mix. The error of a content that cannot be had whole stands at its end.
 *
 * @param source what is read.
 * @param first the body that is there already; without it, it is asked for when the reading begins.
 */
export function resumingBody(source: BodySource, first: ReadableStream<Uint8Array> | null): ReadableStream<Uint8Array> {
  const body = new ResumingBody(source, first);
  return new ReadableStream<Uint8Array>(
    { pull: (controller) => body.pull(controller), cancel: (reason) => body.cancel(reason) },
    { highWaterMark: 0 },
  );
}

class ResumingBody {
  readonly #source: BodySource;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null;
  #received = 0;
  #sinceFailure = 0;
  #failures = 0;
  #cancelled = false;

  constructor(source: BodySource, first: ReadableStream<Uint8Array> | null) {
    this.#source = source;
    this.#reader = first?.getReader() ?? null;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const chunk = await this.#next();
      if (chunk !== null) {
        controller.enqueue(chunk);
        return;
      }
      await this.#verify();
    } catch (error) {
      this.#source.md5?.abandon();
      throw error;
    }
    controller.close();
  }

  async cancel(reason: unknown): Promise<void> {
    this.#cancelled = true;
    this.#source.md5?.abandon();
    await this.#reader?.cancel(reason);
  }

  async #next(): Promise<Uint8Array | null> {
    for (;;) {
      try {
        const chunk = await this.#read();
        if (chunk !== null) await this.#count(chunk);
        return chunk;
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #read(): Promise<Uint8Array | null> {
    const expected = this.#source.range?.length;
    if (this.#reader === null && expected === this.#received) return null;
    this.#reader ??= await this.#openReader();
    const { done, value } = await this.#reader.read();
    if (!done) return value;
    if (expected === undefined || this.#received === expected) return null;
    throw this.#error('R2_FAILED', `ended after ${this.#received} of ${expected} bytes`);
  }

  async #count(chunk: Uint8Array): Promise<void> {
    await this.#source.md5?.update(chunk);
    this.#received += chunk.byteLength;
    this.#sinceFailure += chunk.byteLength;
    if (this.#sinceFailure >= GOOD_BYTES) this.#failures = 0;
    this.#source.progress.add(chunk.byteLength);
  }

  /** Waits for the next attempt, or throws. */
  async #recover(error: unknown): Promise<void> {
    const { etag, range, signal, maxAttempts, wait } = this.#source;
    this.#reader?.cancel(error).catch(() => undefined);
    this.#reader = null;
    this.#failures += 1;
    this.#sinceFailure = 0;
    this.#throwIfCancelled(error);
    if (etag === '' || range === null || !isPassing(error)) throw error;
    if (this.#failures >= maxAttempts) {
      if (maxAttempts === 1) throw error;
      const why = `was given up after ${maxAttempts} attempts; ${this.#received} of ${range.length} bytes arrived`;
      throw this.#error(error.code, why, error);
    }
    await abortableWait(Math.min(FIRST_DELAY_MS * 2 ** (this.#failures - 1), MAX_DELAY_MS), { signal, wait }, () =>
      this.#error('R2_ABORTED', 'was aborted', signal?.reason),
    );
    this.#throwIfCancelled(error);
  }

  #throwIfCancelled(error: unknown): void {
    if (this.#cancelled) throw error;
  }

  async #openReader(): Promise<ReadableStreamDefaultReader<Uint8Array>> {
    const reader = (await this.#open()).getReader();
    // Nobody else would let go of what comes after the cancellation.
    if (this.#cancelled) await reader.cancel().catch(() => undefined);
    return reader;
  }

  /** The rest, of the same version only. */
  async #open(): Promise<ReadableStream<Uint8Array>> {
    const { store, bucket, key, etag, range, signal } = this.#source;
    if (range === null) throw this.#error('R2_FAILED', 'cannot be resumed');
    const rest = { offset: range.offset + this.#received, length: range.length - this.#received };
    const read = await store
      .get({ bucket, key, range: rest, conditions: { ifMatch: etag }, signal })
      .catch((error: unknown) => this.#changedOr(error));
    if (read.status !== 'found') throw this.#changed();
    const { offset, length } = read.range ?? { offset: 0, length: read.info.size };
    if (read.info.etag === etag && offset === rest.offset && length === rest.length) return read.body;
    await read.body.cancel().catch(() => undefined);
    if (read.info.etag !== etag) throw this.#changed();
    throw this.#error(
      'R2_NOT_SUPPORTED',
      'cannot be resumed: the server does not answer with the range that is missing',
    );
  }

  #changedOr(error: unknown): never {
    const changed =
      isCloudflareClientError(error, 'R2_PRECONDITION_FAILED') ||
      isCloudflareClientError(error, 'R2_RANGE_NOT_SATISFIABLE');
    throw changed ? this.#changed(error) : error;
  }

  #changed(cause?: unknown): CloudflareClientError {
    return this.#error('R2_OBJECT_CHANGED', 'broke off, and the object is another one now', cause);
  }

  async #verify(): Promise<void> {
    const { md5, etag } = this.#source;
    if (md5 === null) return;
    const found = hexOf(await md5.digest());
    if (found === etag) return;
    throw this.#error('R2_CHECKSUM_MISMATCH', `arrived with the MD5 ${found}, and its entity tag is ${etag}`);
  }

  #error(code: CloudflareClientError['code'], why: string, cause?: unknown): CloudflareClientError {
    const { bucket, key } = this.#source;
    return new CloudflareClientError(code, `R2 download of ${bucket}/${key} ${why}.`, { cause });
  }
}

/** What another attempt may get over. */
function isPassing(error: unknown): error is CloudflareClientError {
  if (!isCloudflareClientError(error)) return false;
  return error.code === 'R2_FAILED' || error.code === 'R2_TIMEOUT' || error.code === 'R2_RATE_LIMITED';
}
