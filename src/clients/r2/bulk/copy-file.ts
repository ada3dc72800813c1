import { checkOptions } from '../check-options.js';
import { checkBucket, checkKey } from '../object-names.js';
import type { R2Internals } from '../r2-internals.js';
import type { ObjectHeaders, R2StorageClass } from '../store/object-store.js';
import { checkSignal, etagOption } from '../transfer/download-options.js';
import { objectHeaders } from '../transfer/upload-options.js';

/** Headers that a copy is stored with. What is not given is not set: nothing is taken from the source. */
export interface R2CopyHeaders {
  /**
   * `Content-Type` of the copy.
   *
   * @default what the extension of its key says, else `application/octet-stream`
   */
  readonly contentType?: string | undefined;
  /** `Cache-Control` of the copy. @default none */
  readonly cacheControl?: string | undefined;
  /** `Content-Disposition` of the copy. @default none */
  readonly contentDisposition?: string | undefined;
  /** `Content-Encoding` of the copy. @default none */
  readonly contentEncoding?: string | undefined;
  /** `Content-Language` of the copy. @default none */
  readonly contentLanguage?: string | undefined;
  /** Names and values of the caller's own, 8,192 bytes in all. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** What the copy costs to keep and to read. @default 'STANDARD' */
  readonly storageClass?: R2StorageClass | undefined;
}

/** What to copy where. */
export interface R2CopyOptions {
  /** Name of the bucket that gets the copy. */
  readonly bucket: string;
  /** Key of the object to copy. */
  readonly sourceKey: string;
  /** Key of the copy; an object of that key is replaced. */
  readonly key: string;
  /**
   * Name of the bucket to copy from.
   *
   * @default `bucket`
   */
  readonly sourceBucket?: string | undefined;
  /**
   * The entity tag that the source must have; with another one nothing is copied (`R2_PRECONDITION_FAILED`).
   *
   * @default any
   */
  readonly ifMatch?: string | undefined;
  /**
   * Replaces content type, headers and metadata, all of them.
   *
   * @default those of the source
   */
  readonly headers?: R2CopyHeaders | undefined;
  /**
   * Gives the copy up: it rejects with `R2_ABORTED`. The server may have made it all the same.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/** The copy. */
export interface R2CopyResult {
  readonly key: string;
  /** Without quotes and without `W/`. */
  readonly etag: string;
}

/** Copies an object: on the server over S3, through the Worker by a binding. */
export async function copyFile(r2: Pick<R2Internals, 'storeOf'>, options: R2CopyOptions): Promise<R2CopyResult> {
  const { bucket, sourceKey, key, sourceBucket = bucket, ifMatch, headers, signal } = options;
  checkBucket(bucket);
  checkBucket(sourceBucket, 'sourceBucket');
  checkKey(sourceKey, 'sourceKey');
  checkKey(key);
  checkSignal(signal);
  const { etag } = await r2.storeOf(bucket).copy({
    bucket,
    key,
    sourceBucket,
    sourceKey,
    signal,
    sourceEtag: etagOption('ifMatch', ifMatch),
    headers: headers === undefined ? undefined : toObjectHeaders(headers, key),
  });
  return { key, etag };
}

function toObjectHeaders(headers: R2CopyHeaders, key: string): ObjectHeaders {
  return objectHeaders({ ...checkOptions(headers, 'headers'), key });
}
