import { checkOptions } from '../check-options.js';
import { checkBucket, checkKey } from '../object-names.js';
import type { R2Internals } from '../r2-internals.js';
import type { ObjectHeaders } from '../store/object-store.js';
import { checkSignal, etagOption } from '../transfer/download-options.js';
import { objectHeaders, type R2ObjectHeaderOptions } from '../stored-headers.js';

/** Headers that a copy is stored with. What is not given is not set: nothing is taken from the source. */
export type R2CopyHeaders = R2ObjectHeaderOptions;

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
  return objectHeaders(key, checkOptions(headers, 'headers'));
}
