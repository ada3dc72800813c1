import { CloudflareClientError } from '../../../errors.js';
import { report } from '../../../internal/report.js';
import { wrongLength } from '../s3/body-source.js';
import { completedEtag, mayBeCompleted } from './completed-upload.js';
import { normalizeEtag } from '../etag.js';
import type { PartReader } from './part-reader.js';
import type { R2Connection, R2Session } from '../s3/r2-connection.js';
import { toR2Error } from '../r2-error.js';
import type { ObjectRequest, R2UploadResult } from './upload-file.js';

interface UploadedPart {
  readonly PartNumber: number;
  readonly ETag: string | undefined;
}

/** R2's bound on parts of one upload. */
export const MAX_PARTS = 10_000;
/** Parts on their way at a time; with the one that is being filled this is what bounds the memory. */
const MAX_PARTS_IN_FLIGHT = 2;

/**
 * One upload in parts of equal size, as R2 asks for. Whatever fails, the upload is aborted, so that no part stays behind
 * and no object appears.
 */
export class MultipartUpload {
  readonly #connection: R2Connection;
  readonly #request: ObjectRequest;
  readonly #reader: PartReader;
  readonly #expectedBytes: number | undefined;
  readonly #parts: UploadedPart[] = [];
  readonly #inFlight = new Set<Promise<void>>();
  readonly #controller = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  #size = 0;

  constructor(connection: R2Connection, request: ObjectRequest, reader: PartReader, expectedBytes: number | undefined) {
    this.#connection = connection;
    this.#request = request;
    this.#reader = reader;
    this.#expectedBytes = expectedBytes;
  }

  /** Uploads `firstPart` and all that the reader has after it. */
  async run(firstPart: Uint8Array<ArrayBuffer>): Promise<R2UploadResult> {
    const session = await this.#connection.session();
    const { sdk, client } = session;
    const created = await client.send(
      new sdk.CreateMultipartUploadCommand({ ...this.#request }),
      this.#connection.requestOptions,
    );
    const uploadId = created.UploadId ?? '';
    try {
      await this.#uploadParts(session, uploadId, firstPart);
      return await this.#complete(session, uploadId);
    } catch (error) {
      await this.#abort(session, uploadId, error);
      throw error;
    }
  }

  async #uploadParts(session: R2Session, uploadId: string, firstPart: Uint8Array<ArrayBuffer>): Promise<void> {
    let part = { bytes: firstPart, last: false };
    for (let number = 1; ; number += 1) {
      this.#checkProgress(number, part);
      this.#start(this.#uploadPart(session, uploadId, number, part.bytes));
      if (part.last) break;
      if (this.#inFlight.size >= MAX_PARTS_IN_FLIGHT) await Promise.race(this.#inFlight);
      part = await this.#reader.next();
    }
    await Promise.all(this.#inFlight);
    this.#throwFailure();
  }

  /** A part that fails is remembered and stops the others; the loop sees it before it goes on. */
  #start(upload: Promise<void>): void {
    const task = upload
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#controller.abort();
      })
      .finally(() => this.#inFlight.delete(task));
    this.#inFlight.add(task);
  }

  #checkProgress(number: number, part: { readonly bytes: Uint8Array; readonly last: boolean }): void {
    this.#throwFailure();
    this.#size += part.bytes.byteLength;
    const expected = this.#expectedBytes;
    if (expected !== undefined && (this.#size > expected || (part.last && this.#size < expected))) {
      throw wrongLength(expected, this.#size, part.last);
    }
    if (number <= MAX_PARTS) return;
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `body has more than ${MAX_PARTS} parts of 8 MiB; give its contentLength, and the parts are made larger.`,
    );
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #uploadPart(
    { sdk, client }: R2Session,
    uploadId: string,
    number: number,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const { Bucket, Key } = this.#request;
    const answer = await client.send(
      new sdk.UploadPartCommand({ Bucket, Key, UploadId: uploadId, PartNumber: number, Body: bytes }),
      { ...this.#connection.requestOptions, abortSignal: this.#controller.signal },
    );
    this.#parts.push({ PartNumber: number, ETag: answer.ETag });
    this.#reader.reuse(bytes);
  }

  async #complete(session: R2Session, uploadId: string): Promise<R2UploadResult> {
    const { Bucket, Key } = this.#request;
    const Parts = this.#parts.sort((one, other) => one.PartNumber - other.PartNumber);
    const { sdk, client } = session;
    const command = new sdk.CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId: uploadId,
      MultipartUpload: { Parts },
    });
    try {
      const answer = await client.send(command, this.#connection.requestOptions);
      return { key: Key, etag: normalizeEtag(answer.ETag), size: this.#size };
    } catch (error) {
      const sent = { Bucket, Key, size: this.#size, etags: Parts.map(({ ETag }) => normalizeEtag(ETag)) };
      const etag = mayBeCompleted(error) ? await completedEtag(session, sent, this.#connection.requestOptions) : null;
      if (etag === null) throw error;
      return { key: Key, etag, size: this.#size };
    }
  }

  /** Waits for the parts on their way first: one that arrives after the abort would stay. Never hides the first error. */
  async #abort({ sdk, client }: R2Session, uploadId: string, reason: unknown): Promise<void> {
    const { Bucket, Key } = this.#request;
    this.#reader.abandon(reason);
    this.#controller.abort();
    await Promise.all(this.#inFlight);
    try {
      await client.send(
        new sdk.AbortMultipartUploadCommand({ Bucket, Key, UploadId: uploadId }),
        this.#connection.requestOptions,
      );
    } catch (error) {
      const failure = toR2Error(error, { operation: 'abort of the upload', bucket: Bucket, key: Key });
      report(this.#connection.options.events, {
        type: 'client.error',
        source: 'r2',
        operation: 'delete',
        keyPrefix: `${Bucket}/`,
        code: failure.code,
        error: failure,
      });
    }
  }
}
