import { CloudflareClientError } from '../../../errors.js';
import type { R2DeleteFailure } from '../bulk/bulk-deletion.js';
import { failureName } from '../r2-error.js';
import type { ResolvedR2Options } from '../r2-config.js';
import { bindingBody } from './binding-body.js';
import { BindingCalls, type BindingAttempt } from './binding-call.js';
import { judgeRead, toOnlyIf } from './binding-conditions.js';
import { copyByBinding } from './binding-copy.js';
import { s3Failure, toS3Failure } from './binding-error.js';
import { storageClassOf, toStoreInfo, toStoringOptions } from './binding-headers.js';
import { letGo, readByBinding } from './binding-read.js';
import { completeByBinding, createByBinding, type CompleteRequest } from './binding-upload.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  ObjectStore,
  StoreBody,
  StoreCopy,
  StoredObject,
  StoredPart,
  StoreGet,
  StoreHead,
  StoreList,
  StorePage,
  StorePart,
  StorePendingUploads,
  StorePut,
  StoreRead,
  StoreTarget,
  StoreUpload,
} from './object-store.js';
import type { R2BucketLike } from './r2-bucket.js';

/** What a bound bucket does not have by itself. */
export interface BindingSurroundings {
  /** Another bucket that is bound too. */
  readonly bound?: ((bucket: string) => R2BucketLike | undefined) | undefined;
  /** The same account over S3, when the client has credentials: for what a binding cannot say. */
  readonly s3?: ObjectStore | undefined;
}

interface SendRequest {
  readonly body: StoreBody;
  readonly length: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * The objects of a bucket that is bound in the Worker: no signing and no HTTP. What the binding lacks is done here: it tries
 * nothing again, knows no timeout and no signal, and says neither why a condition failed nor, but in text, what went wrong.
 */
export class BindingStore implements ObjectStore {
  readonly #name: string;
  readonly #bucket: R2BucketLike;
  readonly #calls: BindingCalls;
  readonly #surroundings: BindingSurroundings;

  constructor(name: string, bucket: R2BucketLike, options: ResolvedR2Options, surroundings: BindingSurroundings = {}) {
    this.#name = name;
    this.#bucket = bucket;
    this.#calls = new BindingCalls(options);
    this.#surroundings = surroundings;
  }

  /** Stores an object in one call. In Node a stream is collected first: a proxy of a binding takes none. */
  async put(request: StorePut): Promise<StoredObject> {
    const { bucket, key, headers, conditions, md5 } = request;
    const onlyIf = toOnlyIf(conditions);
    const options = {
      ...toStoringOptions(headers),
      ...(onlyIf !== undefined && { onlyIf }),
      ...(md5 !== undefined && { md5 }),
    };
    return this.#send({ operation: 'upload', bucket, key }, request, async (value) => {
      const object = await this.#bucket.put(key, value, options);
      if (object === null) throw s3Failure('PreconditionFailed', 412);
      return { etag: object.etag };
    });
  }

  /** Reads an object. */
  async get(request: StoreGet): Promise<StoreRead> {
    const { bucket, key, signal } = request;
    return this.#calls.run({ operation: 'download', bucket, key }, { signal, discard: letGo }, () =>
      readByBinding(this.#bucket, request, this.#calls.options.timeoutMs),
    );
  }

  /** Reads what is known of an object. */
  async head(request: StoreTarget & { readonly conditions?: ObjectConditions | undefined }): Promise<StoreHead> {
    const { bucket, key, signal, conditions = {} } = request;
    return this.#calls.run<StoreHead>({ operation: 'head', bucket, key }, { signal }, async () => {
      const object = await this.#bucket.head(key);
      if (object === null) return { status: 'missing' };
      const verdict = judgeRead(conditions, object);
      // The answer to a HEAD over S3 has no body, and so no name of the error.
      if (verdict === 'failed') throw s3Failure('Unknown', 412);
      return verdict === 'met' ? { status: 'found', info: toStoreInfo(object) } : { status: 'notModified' };
    });
  }

  /** Deletes an object; one that does not exist is not an error. */
  async delete({ bucket, key, signal }: StoreTarget): Promise<void> {
    await this.#calls.run({ operation: 'delete', bucket, key }, { signal }, () => this.#bucket.delete(key));
  }

  /** Deletes keys in one call; when some are locked, in as few as find them. */
  async deleteMany(request: {
    readonly bucket: string;
    readonly keys: readonly string[];
    readonly signal?: AbortSignal | undefined;
  }): Promise<R2DeleteFailure[]> {
    const { bucket, keys, signal } = request;
    const [key] = keys;
    if (key === undefined) return [];
    const locked = await this.#calls.run({ operation: 'delete', bucket }, { signal }, () => this.#deleteUnlocked(keys));
    if (locked === null) return [];
    if (keys.length === 1) return [{ key, code: locked.name, message: locked.message }];
    const half = Math.ceil(keys.length / 2);
    const first = await this.deleteMany({ bucket, signal, keys: keys.slice(0, half) });
    return [...first, ...(await this.deleteMany({ bucket, signal, keys: keys.slice(half) }))];
  }

  /** Lists one page. */
  async list(request: StoreList): Promise<StorePage> {
    const { bucket, prefix, maxKeys, delimiter, startAfter, token, signal } = request;
    const key = prefix === '' ? undefined : prefix;
    return this.#calls.run({ operation: 'list', bucket, key }, { signal }, async () => {
      const page = await this.#bucket.list({
        prefix,
        limit: maxKeys,
        ...(delimiter !== undefined && { delimiter }),
        ...(startAfter !== undefined && { startAfter }),
        ...(token !== undefined && { cursor: token }),
      });
      // A page that breaks off is not the last one: a deletion of what is extraneous goes by such lists.
      if (page.truncated && !page.cursor) throw s3Failure('InternalError', 500);
      return {
        files: page.objects.map((object) => ({
          key: object.key,
          size: object.size,
          etag: object.etag,
          lastModified: object.uploaded,
          storageClass: storageClassOf(object),
        })),
        prefixes: page.delimitedPrefixes,
        token: page.truncated ? page.cursor : undefined,
      };
    });
  }

  /**
   * Copies by reading and writing: a binding has no copy, and one over S3 could reach another bucket than the one bound, as
   * it does in `wrangler dev`. From a bucket that is not bound it goes over S3.
   */
  async copy(request: StoreCopy): Promise<StoredObject> {
    const { sourceBucket } = request;
    const { bound, s3 } = this.#surroundings;
    const source = sourceBucket === this.#name ? this.#bucket : bound?.(sourceBucket);
    if (source !== undefined) return copyByBinding({ source, target: this.#bucket, calls: this.#calls }, request);
    if (s3 !== undefined) return s3.copy(request);
    throw new CloudflareClientError(
      'MISSING_CREDENTIALS',
      `R2 copy from ${sourceBucket}/${request.sourceKey}: ${sourceBucket} is not bound, and the config has no API token to reach it by.`,
    );
  }

  /** Begins an upload in parts; answers with its id. */
  async createUpload(request: StoreTarget & { readonly headers: ObjectHeaders }): Promise<string> {
    return createByBinding(this.#bucket, this.#calls, request);
  }

  /** Sends one part. The binding verifies no checksum of a part. */
  async uploadPart(request: StorePart): Promise<StoredObject> {
    const { bucket, key, uploadId, partNumber } = request;
    return this.#send({ operation: `upload (part ${partNumber})`, bucket, key }, request, async (value) => {
      const part = await this.#bucket.resumeMultipartUpload(key, uploadId).uploadPart(partNumber, value);
      return { etag: part.etag };
    });
  }

  /** Makes the object of the parts. Conditions are looked at just before: a binding cannot make them part of it. */
  async completeUpload(request: CompleteRequest): Promise<StoredObject> {
    return completeByBinding(this.#bucket, this.#calls, request);
  }

  /** Gives an upload up, and its parts. */
  async abortUpload({ bucket, key, uploadId, signal }: StoreUpload): Promise<void> {
    await this.#calls.run({ operation: 'abort of the upload', bucket, key }, { signal }, async () => {
      try {
        await this.#bucket.resumeMultipartUpload(key, uploadId).abort();
      } catch (error) {
        if (failureName(toS3Failure(error)) !== 'NoSuchUpload') throw error;
      }
    });
  }

  /** The parts of an upload, over S3: a binding cannot say. */
  async listParts(request: StoreUpload): Promise<StoredPart[]> {
    const { bucket, key } = request;
    return this.#overS3(`list of the parts of ${bucket}/${key}`).listParts(request);
  }

  /** Uploads that are not finished, over S3: a binding cannot say. */
  async listUploads(request: Parameters<ObjectStore['listUploads']>[0]): Promise<StorePendingUploads> {
    return this.#overS3(`list of the uploads of ${request.bucket}`).listUploads(request);
  }

  #overS3(what: string): ObjectStore {
    if (this.#surroundings.s3 !== undefined) return this.#surroundings.s3;
    throw new CloudflareClientError(
      'R2_NOT_SUPPORTED',
      `R2 ${what}: a binding cannot say; with an API token in its config the client asks over S3.`,
    );
  }

  async #deleteUnlocked(keys: readonly string[]): Promise<Error | null> {
    try {
      await this.#bucket.delete([...keys]);
      return null;
    } catch (error) {
      const failure = toS3Failure(error);
      if (failure instanceof Error && failure.name === 'ObjectLockedByBucketPolicy') return failure;
      throw error;
    }
  }

  /** Sends a body, anew for each attempt; a stream once. Progress that a failed attempt made is taken back. */
  async #send<T>(
    call: { readonly operation: string; readonly bucket: string; readonly key: string },
    { body, length, signal, onProgress }: SendRequest,
    put: (value: unknown) => Promise<T>,
  ): Promise<T> {
    const once = body instanceof ReadableStream;
    return this.#calls.run(call, { signal, once }, async (attempt: BindingAttempt) => {
      let sent = 0;
      const report = (bytes: number): void => {
        sent += bytes;
        if (bytes !== 0 && !attempt.signal.aborted) onProgress?.(bytes);
      };
      const sending = await bindingBody(body, length, attempt, report);
      try {
        const result = await put(sending.value);
        report(length - sent);
        return result;
      } catch (error) {
        report(-sent);
        sending.exact?.abandon(error);
        throw sending.exact?.failure ?? error;
      }
    });
  }
}
