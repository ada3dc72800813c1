import { CloudflareClientError } from '../../errors.js';
import { listPages } from './list-files.js';
import { checkBucket, checkDeletableKey, checkPrefix, invalidPrefix } from './object-names.js';
import type { R2Connection, R2Session } from './r2-connection.js';

/** Which object to delete. */
export interface R2DeleteOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
}

/** Which objects to delete. */
export interface R2DeleteFilesOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Any number of keys; one given twice counts once. */
  readonly keys: readonly string[];
}

/** Which part of a bucket to delete. */
export interface R2DeletePrefixOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** What the keys begin with; ends in `/`, because `creator1` would also delete `creator10/...`. */
  readonly prefix: string;
  /**
   * Counts what would be deleted, and deletes nothing.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /**
   * Takes a prefix that does not end in `/`.
   *
   * @default false
   */
  readonly allowUnterminatedPrefix?: boolean | undefined;
  /**
   * Takes the empty prefix: every object of the bucket is deleted.
   *
   * @default false
   */
  readonly allowEmptyPrefix?: boolean | undefined;
}

/** A key that is still there, and what the server said to it. */
export interface R2DeleteFailure {
  readonly key: string;
  /** The server's own code: `AccessDenied`, `ObjectLockedByBucketPolicy`, `InternalError`. */
  readonly code: string;
  readonly message: string;
}

/** What a bulk deletion did. */
export interface R2DeleteResult {
  /** How many keys the server confirmed; it confirms a key that did not exist, too. */
  readonly deleted: number;
  readonly failed: readonly R2DeleteFailure[];
}

/** What the deletion of a prefix did. */
export interface R2DeletePrefixResult extends R2DeleteResult {
  /** How many objects have the prefix. */
  readonly matched: number;
  /** When true, nothing was deleted. */
  readonly dryRun: boolean;
}

/** Bound of S3 and R2 on one DeleteObjects. */
const MAX_BATCH_KEYS = 1000;
const FIRST_DELAY_MS = 200;
const RETRYABLE_CODES: readonly string[] = [
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'TooManyRequests',
];
// XML, in which a bulk deletion names its keys, drops or changes these; servers then confirm and delete something else.
const NOT_FOR_XML = /^\s|\s$|[\p{Cc}\ufffe\uffff]/u;

/** Deletes one object; one that does not exist is not an error. */
export async function deleteFile(connection: R2Connection, options: R2DeleteOptions): Promise<void> {
  const { bucket, key } = options;
  checkBucket(bucket);
  checkAddressable(key);
  await connection.run({ operation: 'delete', bucket, key }, async ({ sdk, client }) => {
    await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), connection.requestOptions);
  });
}

/** Deletes keys, a thousand a request. */
export async function deleteFiles(connection: R2Connection, options: R2DeleteFilesOptions): Promise<R2DeleteResult> {
  const { bucket, keys } = options;
  checkBucket(bucket);
  for (const key of keys) checkDeletableKey(key);
  const deletion = new Deletion(connection, bucket);
  const unique = [...new Set(keys)];
  for (let start = 0; start < unique.length; start += MAX_BATCH_KEYS) {
    await deletion.delete(unique.slice(start, start + MAX_BATCH_KEYS));
  }
  return { deleted: deletion.deleted, failed: deletion.failed };
}

/** Deletes everything under a prefix, page by page. */
export async function deletePrefix(
  connection: R2Connection,
  options: R2DeletePrefixOptions,
): Promise<R2DeletePrefixResult> {
  const { bucket, prefix, dryRun = false } = options;
  checkBucket(bucket);
  checkDeletablePrefix(options);
  const deletion = new Deletion(connection, bucket);
  let matched = 0;
  for await (const page of listPages(connection, { bucket, prefix }, 'list for deletion')) {
    matched += page.length;
    if (!dryRun) await deletion.delete(page.map((file) => file.key));
  }
  return { deleted: deletion.deleted, failed: deletion.failed, matched, dryRun };
}
