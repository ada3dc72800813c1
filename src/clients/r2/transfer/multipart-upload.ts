import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { report } from '../../../internal/report.js';
import { onAbort } from '../../../internal/on-abort.js';
import { wrongLength } from '../s3/body-source.js';
import type { ObjectStore, StoredPart, StoreUpload } from '../store/object-store.js';
import { abortableWait } from './abortable-wait.js';
import { completeParts, checkConditions, type PartedUpload } from './complete-upload.js';
import { createMd5, hexOf, isMd5, md5Of, type Md5 } from './md5.js';
import type { Part, PartReader } from './part-reader.js';
import { ProgressMeter } from './progress.js';
import { checkPartSizes, type CheckpointPart, type R2UploadCheckpoint } from './upload-checkpoint.js';
import type { Writer } from './upload-file.js';
import type { R2UploadResult, UploadRequest } from './upload-options.js';

/** Where the parts come from. */
export interface PartsSource {
  readonly reader: PartReader;
  readonly partBytes: number;
  /** Bytes of all parts; `undefined` when only the end of the source will tell. */
  readonly length: number | undefined;
}

/** R2's bound on parts of one upload. */
export const MAX_PARTS = 10_000;
const FIRST_DELAY_MS = 200;

/**
 * One upload in parts of equal size, as R2 asks for. Whatever fails, the upload is aborted, so that no part stays behind
 * and no object appears, unless the caller wants to go on later.
 */
export class MultipartUpload {
  readonly #store: ObjectStore;
  readonly #writer: Writer;
  readonly #request: UploadRequest;
  readonly #source: PartsSource;
  readonly #progress: ProgressMeter;
  readonly #whole: Md5 | null;
  readonly #parts: (StoredPart & { readonly md5: Uint8Array })[] = [];
  /** At the server, by number: by this call and by an earlier one. */
  readonly #stored = new Map<number, CheckpointPart>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #controller = new AbortController();
  readonly #stopped: Promise<never>;
  #stop: (error: unknown) => void = () => undefined;
  #failure: { readonly error: unknown } | undefined;
  #size = 0;

  constructor(writer: Writer, request: UploadRequest, source: PartsSource) {
    this.#store = writer.storeOf(request.bucket);
    this.#writer = writer;
    this.#request = request;
    this.#source = source;
    this.#progress = new ProgressMeter(request.onProgress, source.length ?? null);
    this.#whole = request.md5 === undefined ? null : createMd5();
    this.#stopped = new Promise<never>((_resolve, reject) => (this.#stop = reject));
    // Nobody may be waiting for it when it comes.
    this.#stopped.catch(() => undefined);
  }

  /** Reads the next part; a failure elsewhere, and the caller's signal, do not wait for a source that is slow. */
  async read(): Promise<Part> {
    const stopListening = onAbort(this.#request.signal, () => this.#fail(this.#aborted()));
    try {
      return await Promise.race([this.#source.reader.next(), this.#stopped]);
    } finally {
      stopListening();
    }
  }

  /** Uploads `first` and all that the reader has after it. */
  async run(first: Part): Promise<R2UploadResult> {
    const { bucket, key, headers, conditions, resume, signal } = this.#request;
    if (conditions !== undefined) await checkConditions(this.#store, this.#request);
    // Without the signal: an upload whose id was lost could not be aborted.
    const uploadId = resume?.uploadId ?? (await this.#store.createUpload({ bucket, key, headers }));
    const upload = { bucket, key, uploadId };
    // Not below: that what was left behind cannot be listed is no reason to throw it away.
    if (resume !== undefined) await this.#findStored(upload, resume);
    const stopListening = onAbort(signal, () => this.#fail(this.#aborted()));
    try {
      if (signal?.aborted === true) throw this.#aborted();
      await this.#uploadParts(upload, first);
      await this.#checkWhole();
      return await completeParts(this.#store, this.#request, this.#toComplete(upload));
    } catch (error) {
      await this.#end(upload, error);
      throw error;
    } finally {
      stopListening();
    }
  }

  async #uploadParts(upload: StoreUpload, first: Part): Promise<void> {
    this.#checkpoint(upload);
    let part = first;
    for (let number = 1; ; number += 1) {
      this.#checkProgress(number, part);
      const md5 = await md5Of(part.bytes);
      await this.#whole?.update(part.bytes);
      this.#start(this.#uploadPart({ ...upload, number, md5 }, part));
      if (part.last) break;
      if (this.#inFlight.size >= this.#request.concurrency) await Promise.race(this.#inFlight);
      this.#throwFailure();
      part = await this.read();
    }
    await Promise.all(this.#inFlight);
    this.#throwFailure();
  }

  /** What an earlier call left at the server. */
  async #findStored(upload: StoreUpload, resume: R2UploadCheckpoint): Promise<void> {
    const parts = await this.#store.listParts({ ...upload, signal: this.#request.signal }).catch((error: unknown) => {
      if (resume.parts !== undefined && isCloudflareClientError(error, 'R2_NOT_SUPPORTED')) return resume.parts;
      throw error;
    });
    checkPartSizes(parts, resume);
    for (const part of parts) {
      const { partNumber, etag } = part;
      const known = resume.parts?.find((each) => each.partNumber === partNumber && each.etag === etag);
      this.#stored.set(partNumber, { ...part, md5: known?.md5 });
    }
  }

  /** A failure is remembered and stops the others; the loop sees it before it goes on. */
  #start(upload: Promise<void>): void {
    const task = upload.catch((error: unknown) => this.#fail(error)).finally(() => this.#inFlight.delete(task));
    this.#inFlight.add(task);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#controller.abort(error);
    this.#stop(error);
  }

  #checkProgress(number: number, part: Part): void {
    this.#throwFailure();
    this.#size += part.bytes.byteLength;
    const { length, partBytes } = this.#source;
    if (length !== undefined && (this.#size > length || (part.last && this.#size < length))) {
      throw wrongLength(length, this.#size, part.last);
    }
    if (number <= MAX_PARTS) return;
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `body has more than ${MAX_PARTS} parts of ${partBytes} bytes; give its contentLength or a larger partSizeBytes.`,
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #uploadPart(
    target: StoreUpload & { readonly number: number; readonly md5: Uint8Array },
    { bytes }: Part,
  ): Promise<void> {
    const { number, md5, ...upload } = target;
    const size = bytes.byteLength;
    const there = this.#storedPart(number, size, md5);
    if (there !== null) this.#progress.add(size);
    const etag = there?.etag ?? (await this.#send(target, bytes));
    this.#parts.push({ partNumber: number, etag, size, md5 });
    this.#stored.set(number, { partNumber: number, etag, size, md5: hexOf(md5) });
    this.#source.reader.reuse(bytes);
    if (there === null) this.#checkpoint(upload);
  }

  /** The part that the server has of this content. What nothing is known of does not count: an object of two contents would be worse. */
  #storedPart(number: number, size: number, md5: Uint8Array): StoredPart | null {
    const stored = this.#stored.get(number);
    if (stored === undefined || (stored.size ?? size) !== size) return null;
    return (stored.md5 ?? stored.etag) === hexOf(md5) ? stored : null;
  }

  /** Sends a part, and again when it arrived damaged; what fails otherwise was tried again by the store. */
  async #send(
    { number, md5, ...upload }: StoreUpload & { readonly number: number; readonly md5: Uint8Array },
    body: Uint8Array<ArrayBuffer>,
  ): Promise<string> {
    const { maxAttempts, wait } = this.#writer.options;
    const { signal } = this.#controller;
    const onProgress = (bytes: number): void => this.#progress.add(bytes);
    const part = { ...upload, partNumber: number, body, length: body.byteLength, md5, onProgress, signal };
    for (let attempt = 1; ; attempt += 1) {
      try {
        const { etag } = await this.#store.uploadPart(part);
        if (!this.#request.verify || sameTag(etag, md5)) return etag;
        onProgress(-body.byteLength);
        throw this.#error(
          'R2_CHECKSUM_MISMATCH',
          `part ${number} was stored with the MD5 ${etag}, and sent with ${hexOf(md5)}`,
        );
      } catch (error) {
        if (attempt >= maxAttempts || !isCloudflareClientError(error, 'R2_CHECKSUM_MISMATCH')) throw error;
        await abortableWait(FIRST_DELAY_MS * 2 ** (attempt - 1), { signal, wait }, () => this.#aborted());
      }
    }
  }

  #checkpoint({ uploadId }: StoreUpload): void {
    const { onCheckpoint } = this.#request;
    if (onCheckpoint === undefined) return;
    const parts = [...this.#stored.values()].sort(byNumber);
    try {
      onCheckpoint({ uploadId, partSizeBytes: this.#source.partBytes, parts });
    } catch {
      // What the caller does with it never changes the outcome of the upload.
    }
  }

  async #checkWhole(): Promise<void> {
    const { md5 } = this.#request;
    if (this.#whole === null || md5 === undefined) return;
    const found = hexOf(await this.#whole.digest());
    if (found === hexOf(md5)) return;
    throw this.#error(
      'R2_CHECKSUM_MISMATCH',
      `body has the MD5 ${found}, and md5 says ${hexOf(md5)}; nothing was stored`,
    );
  }

  #toComplete(upload: StoreUpload): PartedUpload {
    return { ...upload, parts: this.#parts.sort(byNumber), size: this.#size };
  }

  /** Waits for the parts on their way first: one that arrives after the abort would stay. Never hides the first error. */
  async #end(upload: StoreUpload, reason: unknown): Promise<void> {
    this.#whole?.abandon();
    this.#source.reader.abandon(reason);
    this.#fail(reason);
    await Promise.all(this.#inFlight);
    if (this.#request.keepOnFailure) return;
    try {
      await this.#store.abortUpload(upload);
    } catch (error) {
      const { bucket } = upload;
      const code = isCloudflareClientError(error) ? error.code : 'R2_FAILED';
      report(this.#writer.options.events, {
        type: 'client.error',
        source: 'r2',
        operation: 'delete',
        keyPrefix: `${bucket}/`,
        code,
        error,
      });
    }
  }

  #aborted(): CloudflareClientError {
    return this.#error('R2_ABORTED', 'it was aborted', this.#request.signal?.reason);
  }

  #error(code: CloudflareClientError['code'], why: string, cause?: unknown): CloudflareClientError {
    const { bucket, key } = this.#request;
    return new CloudflareClientError(code, `R2 upload of ${bucket}/${key}: ${why}.`, { cause });
  }
}

function byNumber(one: StoredPart, other: StoredPart): number {
  return one.partNumber - other.partNumber;
}

/** A tag that is no MD5 says nothing. */
function sameTag(etag: string, md5: Uint8Array): boolean {
  return !isMd5(etag) || etag === hexOf(md5);
}
