import type { R2Connection, R2Session } from './r2-connection.js';

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

  /**
   * Deletes up to 1,000 keys; tries again, with a growing delay, those that the server failed on for the moment.
   *
   * @throws {CloudflareClientError} `R2_*` when a request as a whole fails; the message says how many were deleted before.
   */
  async delete(keys: readonly string[]): Promise<void> {
    const { maxAttempts, wait } = this.#connection.options;
    let pending = keys;
    for (let attempt = 1; pending.length > 0; attempt += 1) {
      const failures = await this.#deleteOnce(pending);
      const again = attempt === maxAttempts ? [] : failures.filter(({ code }) => RETRYABLE_CODES.includes(code));
      this.#deleted += pending.length - failures.length;
      this.#failed.push(...failures.filter((failure) => !again.includes(failure)));
      pending = again.map(({ key }) => key);
      if (pending.length > 0) await wait(FIRST_DELAY_MS * 2 ** (attempt - 1));
    }
  }

  async #deleteOnce(keys: readonly string[]): Promise<R2DeleteFailure[]> {
    const operation = this.#deleted === 0 ? 'delete' : `delete (after ${this.#deleted} were deleted)`;
    const call = { operation, bucket: this.#bucket };
    return this.#connection.run(call, async (session) => {
      const failures = await this.#deleteByXml(
        session,
        keys.filter((key) => !NOT_FOR_XML.test(key)),
      );
      for (const key of keys.filter((each) => NOT_FOR_XML.test(each))) {
        const failure = await this.#deleteByUrl(session, key);
        if (failure !== null) failures.push(failure);
      }
      return failures;
    });
  }

  async #deleteByXml({ sdk, client }: R2Session, keys: readonly string[]): Promise<R2DeleteFailure[]> {
    if (keys.length === 0) return [];
    const command = new sdk.DeleteObjectsCommand({
      Bucket: this.#bucket,
      Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
    });
    const answer = await client.send(command, this.#connection.requestOptions);
    return (answer.Errors ?? []).map(({ Key = '', Code = 'Unknown', Message = '' }) => ({
      key: Key,
      code: Code,
      message: Message,
    }));
  }

  async #deleteByUrl({ sdk, client }: R2Session, key: string): Promise<R2DeleteFailure | null> {
    if (DOT_SEGMENT.test(key)) {
      return { key, code: 'InvalidKey', message: 'Neither a URL nor XML can carry this key.' };
    }
    await client.send(new sdk.DeleteObjectCommand({ Bucket: this.#bucket, Key: key }), this.#connection.requestOptions);
    return null;
  }
}
