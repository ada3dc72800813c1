import type { ErrorCode } from '../../errors.js';
import { CloudflareClientError } from '../../errors.js';
import { checkKeys, checkPrefix, quote } from './key.js';
import type { KVAccess } from './kv-access.js';
import { toKVError } from './kv-error.js';
import { listPages } from './listing.js';
import { forEachParallel } from './parallel.js';

/** A key that could not be deleted. */
export interface DeleteFailure {
  readonly key: string;
  readonly code: ErrorCode;
  readonly error: CloudflareClientError;
}

/** What became of many keys. A key that did not exist counts as deleted: KV does not tell. */
export interface DeleteReport {
  readonly deleted: number;
  readonly failed: DeleteFailure[];
}

/** Options of `deletePrefix`. */
export interface DeletePrefixOptions {
  /**
   * Whether the empty prefix, and with it every key of the namespace, may be deleted.
   *
   * @default false
   */
  readonly allowEmptyPrefix?: boolean;
}

/** Checks every key before the first is deleted. One key that fails does not stop the others; nothing is retried. */
export async function deleteKeys(access: KVAccess, keys: Iterable<string>): Promise<DeleteReport> {
  return removeAll(access, checkKeys(keys));
}

/** Refuses a prefix that would delete more than was meant. */
export function checkDeletePrefix(prefix: unknown, options: DeletePrefixOptions = {}): asserts prefix is string {
  checkPrefix(prefix);
  if (prefix !== '' || options.allowEmptyPrefix === true) return;
  throw new CloudflareClientError(
    'INVALID_PREFIX',
    'The empty prefix would delete every key of the namespace; pass { allowEmptyPrefix: true } if that is meant.',
  );
}

/**
 * Deletes page by page, so that what an operation limit cuts off can be finished by the next call. KV's cursors are
 * positions in the order of keys: deleting behind one skips nothing.
 *
 * @param access where to delete.
 * @param prefix what the keys start with.
 * @param isSpared tells keys that are left alone.
 */
export async function deleteByPrefix(
  access: KVAccess,
  prefix: string,
  isSpared: (key: string) => boolean = () => false,
): Promise<DeleteReport> {
  const failed: DeleteFailure[] = [];
  let deleted = 0;
  try {
    for await (const page of listPages(access, prefix, Infinity)) {
      const names = page.map((entry) => entry.name).filter((name) => !isSpared(name));
      const report = await removeAll(access, names);
      deleted += report.deleted;
      failed.push(...report.failed);
    }
  } catch (cause) {
    const { code, message } = toKVError('list', quote(prefix), cause);
    throw new CloudflareClientError(code, `${message} ${deleted} keys were deleted before that.`, { cause });
  }
  return { deleted, failed };
}

async function removeAll(access: KVAccess, keys: readonly string[]): Promise<DeleteReport> {
  const failed: DeleteFailure[] = [];
  // A KV that hangs would hang for every key of the rest as well, a timeout each.
  let hang: CloudflareClientError | undefined;
  await forEachParallel(keys, async (key) => {
    try {
      if (hang !== undefined) throw hang;
      await access.remove(key);
    } catch (caught) {
      const error = access.failure('delete', key, caught);
      if (error.code === 'KV_TIMEOUT') hang = error;
      failed.push({ key, code: error.code, error });
    }
  });
  return { deleted: keys.length - failed.length, failed };
}
