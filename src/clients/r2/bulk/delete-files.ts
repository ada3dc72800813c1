import { CloudflareClientError } from '../../../errors.js';
import { BulkDeletion, MAX_BATCH_KEYS, type R2DeleteResult } from './bulk-deletion.js';
import { listPages } from './list-files.js';
import { checkBucket, checkDeletableKey, checkKey, checkPrefix, invalidPrefix, shown } from '../object-names.js';
import type { R2Connection } from '../s3/r2-connection.js';

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

/** What the deletion of a prefix did. */
export interface R2DeletePrefixResult extends R2DeleteResult {
  /** How many objects have the prefix. */
  readonly matched: number;
  /** When true, nothing was deleted. */
  readonly dryRun: boolean;
}

/** Deletes one object; one that does not exist is not an error. */
export async function deleteFile(connection: R2Connection, options: R2DeleteOptions): Promise<void> {
  const { bucket, key } = options;
  checkBucket(bucket);
  checkKey(key);
  await connection.run({ operation: 'delete', bucket, key }, async ({ sdk, client }) => {
    await client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), connection.requestOptions);
  });
}

/** Deletes keys, a thousand a request. */
export async function deleteFiles(connection: R2Connection, options: R2DeleteFilesOptions): Promise<R2DeleteResult> {
  const { bucket, keys } = options;
  checkBucket(bucket);
  // A string would be taken for its characters, and each of them deleted.
  if (!Array.isArray(keys)) throw new CloudflareClientError('INVALID_OPTION', `keys ${shown(keys)} must be an array.`);
  for (const key of keys) checkDeletableKey(key);
  const deletion = new BulkDeletion(connection, bucket);
  const unique = [...new Set(keys)];
  for (let start = 0; start < unique.length; start += MAX_BATCH_KEYS) {
    await deletion.delete(unique.slice(start, start + MAX_BATCH_KEYS));
  }
  return deletion.result;
}

/** Deletes everything under a prefix, page by page. */
export async function deletePrefix(
  connection: R2Connection,
  options: R2DeletePrefixOptions,
): Promise<R2DeletePrefixResult> {
  const { bucket, prefix, dryRun = false } = options;
  checkBucket(bucket);
  checkDeletablePrefix(options);
  const deletion = new BulkDeletion(connection, bucket);
  let matched = 0;
  const operation = (): string => deletion.operation('list for deletion');
  for await (const page of listPages(connection, { bucket, prefix }, operation)) {
    matched += page.length;
    if (!dryRun) await deletion.delete(page.map((file) => file.key));
  }
  return { ...deletion.result, matched, dryRun };
}

function checkDeletablePrefix({ prefix, allowEmptyPrefix, allowUnterminatedPrefix }: R2DeletePrefixOptions): void {
  checkPrefix(prefix);
  if (prefix === '') {
    if (allowEmptyPrefix === true) return;
    throw invalidPrefix(prefix, 'would delete the whole bucket; `allowEmptyPrefix: true` says that it is meant');
  }
  if (prefix.endsWith('/') || allowUnterminatedPrefix === true) return;
  throw invalidPrefix(
    prefix,
    'does not end in `/`, so it would also delete what merely begins like it; `allowUnterminatedPrefix: true` says that it is meant',
  );
}
