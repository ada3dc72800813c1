import type { R2Connection, R2Session } from '../s3/r2-connection.js';
import { failureName, failureStatus } from '../r2-error.js';

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
const NOT_CONFIRMED = { code: 'NotConfirmed', message: "The server's answer does not name this key." } as const;
const RETRYABLE_CODES: readonly string[] = [
  'InternalError',
  'OperationAborted',
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'TooManyRequests',
];
// XML, in which a bulk deletion names its keys, trims or changes these: the server would confirm and delete another key.
const NOT_FOR_XML = /^\s|\s$|[\p{Cc}\ufffe\uffff]/u;
const DOT_SEGMENT = /(?:^|\/)\.{1,2}(?:\/|$)/;

/** Deletes keys batch by batch and keeps the account of it. */
export class BulkDeletion {
  readonly #connection: R2Connection;
  readonly #bucket: string;
  readonly #failed: R2DeleteFailure[] = [];
  #deleted = 0;

  constructor(connection: R2Connection, bucket: string) {
    this.#connection = connection;
    this.#bucket = bucket;
  }

  /** What was done so far. */
  get result(): R2DeleteResult {
    return { deleted: this.#deleted, failed: this.#failed };
  }

  /** `verb` for a message, with what was done before. */
  operation(verb: string): string {
    return this.#deleted === 0 ? verb : `${verb} (after ${this.#deleted} were deleted)`;
  }

  /**
   * Deletes up to 1,000 keys; tries again, with a growing delay, those that the server failed on for the moment.
   *
   * @throws {CloudflareClientError} `R2_*` when a request as a whole fails; the message says how many were deleted before.
   */
  async delete(keys: readonly string[]): Promise<void> {
    await this.#deleteByXml(keys.filter((key) => !NOT_FOR_XML.test(key)));
    for (const key of keys.filter((each) => NOT_FOR_XML.test(each))) await this.#deleteByUrl(key);
  }

  async #deleteByXml(keys: readonly string[]): Promise<void> {
    const { maxAttempts, wait } = this.#connection.options;
    let pending = keys;
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      const failures = await this.#sendXml(pending);
      const again = attempt === maxAttempts ? [] : failures.filter(({ code }) => RETRYABLE_CODES.includes(code));
      this.#deleted += pending.length - failures.length;
      this.#failed.push(...failures.filter((failure) => !again.includes(failure)));
      pending = again.map(({ key }) => key);
      if (pending.length > 0) await wait(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }

  async #sendXml(keys: readonly string[]): Promise<R2DeleteFailure[]> {
    return this.#run(async ({ sdk, client }) => {
      // Not `Quiet`: an answer that says nothing (an empty one, a page of HTML) must not count as a deletion.
      const command = new sdk.DeleteObjectsCommand({
        Bucket: this.#bucket,
        Delete: { Objects: keys.map((Key) => ({ Key })) },
      });
      const { Deleted = [], Errors = [] } = await client.send(command, this.#connection.requestOptions);
      const deleted = new Set(Deleted.map(({ Key }) => Key));
      const errors = new Map(Errors.map((error) => [error.Key, error]));
      return keys.flatMap((key) => {
        const error = errors.get(key);
        if (error === undefined) return deleted.has(key) ? [] : [{ key, ...NOT_CONFIRMED }];
        return [{ key, code: error.Code ?? 'Unknown', message: error.Message ?? '' }];
      });
    });
  }

  async #deleteByUrl(key: string): Promise<void> {
    if (DOT_SEGMENT.test(key)) {
      this.#failed.push({ key, code: 'InvalidKey', message: 'Neither a URL nor XML can carry this key.' });
      return;
    }
    const failure = await this.#run(async ({ sdk, client }) => {
      const command = new sdk.DeleteObjectCommand({ Bucket: this.#bucket, Key: key });
      return client.send(command, this.#connection.requestOptions).then(
        () => null,
        (error: unknown) => refusalOf(key, error),
      );
    });
    if (failure === null) this.#deleted += 1;
    else this.#failed.push(failure);
  }

  #run<T>(work: (session: R2Session) => Promise<T>): Promise<T> {
    return this.#connection.run({ operation: this.operation('delete'), bucket: this.#bucket }, work);
  }
}

/** What the server said to one key; whatever concerns more than that key (no answer, no such bucket) is thrown on. */
function refusalOf(key: string, error: unknown): R2DeleteFailure {
  const code = failureName(error);
  if (failureStatus(error) === undefined || code === 'NoSuchBucket') throw error;
  return { key, code, message: error instanceof Error ? error.message : '' };
}
