import { CloudflareClientError } from '../../../errors.js';
import type { ResolvedR2Options } from '../r2-config.js';
import type { ObjectStore } from '../store/object-store.js';

/** A key that is still there, and what the server said to it. */
export interface R2DeleteFailure {
  readonly key: string;
  /**
   * The server's own code: `AccessDenied`, `ObjectLockedByBucketPolicy`, `InternalError`. Ours are `NotConfirmed` for a key
   * that the answer does not name, and `InvalidKey` for one that no request can name.
   */
  readonly code: string;
  readonly message: string;
}

/** What a bulk deletion did. */
export interface R2DeleteResult {
  /** How many keys the server confirmed; it confirms a key that did not exist, too. */
  readonly deleted: number;
  readonly failed: readonly R2DeleteFailure[];
}

/** Bound of S3 and R2 on one DeleteObjects. */
export const MAX_BATCH_KEYS = 1000;

const FIRST_DELAY_MS = 200;
const RETRYABLE_CODES: readonly string[] = [
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'TooManyRequests',
];
// XML, in which a bulk deletion over S3 names its keys, cannot carry these: each takes a request of its own.
const ALONE = /^\s|\s$|[\p{Cc}\ufffe\uffff]/u;

/** Which bucket to delete from, and how often to try. */
export interface BulkDeletionTarget {
  readonly store: ObjectStore;
  readonly options: ResolvedR2Options;
  readonly bucket: string;
  readonly signal?: AbortSignal | undefined;
}

/** Deletes keys batch by batch, several batches at a time if the caller wants, and keeps the account of it. */
export class BulkDeletion {
  readonly #target: BulkDeletionTarget;
  readonly #failed: R2DeleteFailure[] = [];
  #deleted = 0;

  constructor(target: BulkDeletionTarget) {
    this.#target = target;
  }

  /** What was done so far. */
  get result(): R2DeleteResult {
    return { deleted: this.#deleted, failed: this.#failed };
  }

  /**
   * Deletes up to 1,000 keys; tries again, with a growing delay, those that the server failed on for the moment.
   *
   * @throws {CloudflareClientError} `R2_*` when a request as a whole fails; see `explain`.
   */
  async delete(keys: readonly string[]): Promise<void> {
    await this.#deleteBatch(keys.filter((key) => !ALONE.test(key)));
    // One by one, so that each is counted before the next may fail.
    for (const key of keys.filter((each) => ALONE.test(each))) await this.#deleteBatch([key]);
  }

  /** `error` with what was done before; to be asked for when nothing is on its way any more. */
  explain(error: unknown, verb: string): unknown {
    if (!(error instanceof CloudflareClientError)) return error;
    const done = this.#deleted === 0 ? '' : ` (after ${this.#deleted} were deleted)`;
    const message = error.message.replace(/^R2 (?:delete|list)(?= of )/, `R2 ${verb}${done}`);
    return new CloudflareClientError(error.code, message, { cause: error.cause });
  }

  async #deleteBatch(keys: readonly string[]): Promise<void> {
    const { store, bucket, signal } = this.#target;
    const { maxAttempts, wait } = this.#target.options;
    let pending = keys;
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      const failures = await store.deleteMany({ bucket, keys: pending, signal });
      const again = attempt === maxAttempts ? [] : failures.filter(({ code }) => RETRYABLE_CODES.includes(code));
      this.#deleted += pending.length - failures.length;
      this.#failed.push(...failures.filter((failure) => !again.includes(failure)));
      pending = again.map(({ key }) => key);
      if (pending.length > 0) await wait(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }
}
