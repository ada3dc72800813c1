import { readInBulk } from '../clients/kv/bulk-read.js';
import type { DeleteFailure } from '../clients/kv/delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from '../clients/kv/delete-many.js';
import { checkKey, checkKeys, checkPrefix } from '../clients/kv/key.js';
import type { KVAccess } from '../clients/kv/kv-access.js';
import type { KVEntryLike, KVListResultLike } from '../clients/kv/kv-namespace.js';
import { listPages } from '../clients/kv/listing.js';
import { forEachParallel } from '../clients/kv/parallel.js';
import { CloudflareClientError } from '../errors.js';
import type { ReadErrors } from './adapter-options.js';
import { entryOptions, isExpired } from './expiry.js';

/** How an `ExpiringTexts` is set up. */
export interface ExpiringTextsOptions {
  readonly now: () => number;
  readonly readErrors: ReadErrors;
  /** Told of every read that failed, before the caller is. */
  readonly onReadError?: (error: CloudflareClientError) => void;
}

/** A text to be written. */
export interface TextEntry {
  readonly key: string;
  readonly text: string;
  /** Milliseconds since the epoch; `undefined` for a text that is kept. */
  readonly expiresAt: number | undefined;
}

/**
 * Texts in a KV namespace that expire on time, also before the 60 seconds that KV knows. Reading an expired one does not
 * delete it: the delete could hit what was written meanwhile, and KV drops it by itself.
 */
export class ExpiringTexts {
  readonly #access: KVAccess;
  readonly #now: () => number;
  readonly #readErrors: ReadErrors;
  readonly #onReadError: ((error: CloudflareClientError) => void) | undefined;

  constructor(access: KVAccess, { now, readErrors, onReadError }: ExpiringTextsOptions) {
    if (!['miss', 'throw'].includes(readErrors)) {
      const message = `Option readErrors ${JSON.stringify(readErrors)} is refused: give 'miss' or 'throw'.`;
      throw new CloudflareClientError('INVALID_OPTION', message);
    }
    this.#access = access;
    this.#now = now;
    this.#readErrors = readErrors;
    this.#onReadError = onReadError;
  }

  /** The text under `key`, or `null` when it is absent or expired. */
  async read(key: string): Promise<string | null> {
    checkKey(key);
    try {
      return this.#textOf(await this.#access.readEntry(key));
    } catch (cause) {
      this.#failRead(key, cause);
      return null;
    }
  }

  /** As `read`, 100 keys per operation. The map holds the keys that have a text. */
  async readMany(keys: Iterable<string>): Promise<Map<string, string>> {
    const unique = checkKeys(keys);
    const access = this.#access;
    const entries = await readInBulk<KVEntryLike | null>(unique, {
      many: async (chunk) => withoutBareTexts(await access.readEntries(chunk)),
      one: async (key) => access.readEntry(key),
      failed: (failedKeys, cause) => this.#failRead(failedKeys[0] ?? '', cause),
    });
    const texts = new Map<string, string>();
    for (const key of unique) {
      const text = this.#textOf(entries.get(key) ?? null);
      if (text !== null) texts.set(key, text);
    }
    return texts;
  }

  /** Writes one text. Whatever it throws is a coded error. */
  async write({ key, text, expiresAt }: TextEntry): Promise<void> {
    checkKey(key);
    await this.#access.write(key, text, entryOptions(this.#now(), expiresAt));
  }

  /**
   * Writes many texts, six at a time; of two with one key the last. One that fails does not stop the others.
   *
   * @returns the error of each key that could not be written.
   */
  async writeMany(entries: readonly TextEntry[]): Promise<Map<string, CloudflareClientError>> {
    const byKey = new Map(entries.map((entry) => [entry.key, entry]));
    checkKeys(byKey.keys());
    const failed = new Map<string, CloudflareClientError>();
    // A KV that hangs would hang for every key of the rest as well, a timeout each.
    let hang: unknown;
    await forEachParallel([...byKey.values()], async (entry) => {
      try {
        if (hang !== undefined) throw this.#access.failure('write', entry.key, hang);
        await this.write(entry);
      } catch (caught) {
        const error = caught as CloudflareClientError;
        if (error.code === 'KV_TIMEOUT') hang = error.cause;
        failed.set(entry.key, error);
      }
    });
    return failed;
  }

  /** Deletes one key; a missing one is no failure. */
  async remove(key: string): Promise<void> {
    checkKey(key);
    await this.#access.remove(key);
  }

  /** Deletes many keys, six at a time, and throws the first failure when all were tried. */
  async removeMany(keys: Iterable<string>): Promise<void> {
    const { deleted, failed } = await deleteKeys(this.#access, keys);
    throwFailures(deleted, failed);
  }

  /** Deletes every key under `prefix`, page by page and six at a time, and throws the first failure when all were tried. */
  async removeAll(prefix: string, allowEmptyPrefix: boolean): Promise<void> {
    checkDeletePrefix(prefix, { allowEmptyPrefix });
    const { deleted, failed } = await deleteByPrefix(this.#access, prefix);
    throwFailures(deleted, failed);
  }

  /** Walks what KV lists under `prefix`, a page at a time and without what is expired. At most `limit` are asked of KV. */
  async *pages(prefix: string, limit = Infinity): AsyncGenerator<KVListResultLike['keys']> {
    checkPrefix(prefix);
    try {
      for await (const page of listPages(this.#access, prefix, limit)) {
        yield page.filter(({ metadata }) => !isExpired(metadata, this.#now()));
      }
    } catch (cause) {
      throw this.#access.failure('list', prefix, cause);
    }
  }

  #textOf(entry: KVEntryLike | null): string | null {
    return entry === null || isExpired(entry.metadata, this.#now()) ? null : entry.value;
  }

  #failRead(key: string, cause: unknown): void {
    const error = this.#access.failure('read', key, cause);
    this.#onReadError?.(error);
    if (this.#readErrors === 'throw') throw error;
    this.#access.reportFailure('read', key, cause);
  }
}

/** Leaves out what came without its metadata, and with it without its expiry (research/caching.md, 9): it is then read by itself. */
function withoutBareTexts(answer: Map<string, KVEntryLike | string | null>): Map<string, KVEntryLike | null> {
  return new Map([...answer].filter((entry): entry is [string, KVEntryLike | null] => typeof entry[1] !== 'string'));
}

function throwFailures(deleted: number, failed: readonly DeleteFailure[]): void {
  const first = failed[0];
  if (first === undefined) return;
  const message = `${failed.length} of ${deleted + failed.length} keys were not deleted. The first: ${first.error.message}`;
  throw new CloudflareClientError(first.code, message, { cause: first.error });
}
