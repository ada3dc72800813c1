import { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { readInBulk } from './bulk-read.js';
import type { DeletePrefixOptions, DeleteReport } from './delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from './delete-many.js';
import type { KVStats, KVStatsOptions } from './key-stats.js';
import { checkStatsOptions, collectStats } from './key-stats.js';
import { checkKey, checkKeys, checkPrefix, keyPrefix, quote } from './key.js';
import { KVAccess } from './kv-access.js';
import type { KVNamespaceLike } from './kv-namespace.js';
import type { OperationBudget } from './operation-budget.js';
import { listPages } from './listing.js';
import { checkNativeTtl } from './ttl.js';
import { checkMetadata, toJson } from './value.js';

const DEFAULT_TIMEOUT_MS = 10_000;

/** Options of `KVClient`. */
export interface KVClientOptions {
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number;
  /** Where large values and corrupt entries are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * How many KV operations may be made, shared with the other clients of the request.
   *
   * @default none with `new`; 1,000 per request scope
   */
  readonly budget?: OperationBudget | undefined;
  /**
   * The clock, in milliseconds since the epoch; `stats` tells with it what expires soon.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** Options of `KVClient.put`. */
export interface KVClientPutOptions {
  /** Seconds that the value is kept, an integer from 60 to 2,147,483,647: KV's own expiry takes no less. */
  readonly ttlSeconds: number;
  /** Kept beside the value and returned by `list`; at most 1,024 bytes of JSON. */
  readonly metadata?: unknown;
}

/** Options of `KVClient.list`. */
export interface KVClientListOptions {
  /**
   * Only keys that start with it, at most 512 UTF-8 bytes.
   *
   * @default ''
   */
  readonly prefix?: string;
  /**
   * Most keys in total, over all pages; an integer of at least 1.
   *
   * @default all of them
   */
  readonly limit?: number;
}

/** A key that `KVClient.list` found. */
export interface KVListEntry {
  readonly name: string;
  /** When KV drops it, in milliseconds since the epoch; absent for a key without expiry. */
  readonly expiresAt?: number;
  /** What was given to `put` beside the value, or `null`. */
  readonly metadata: unknown;
}

/**
 * Typed JSON values in a Workers KV namespace. Unlike `CacheClient`, it hides no failure: what KV could not do is thrown.
 *
 * KV is eventually consistent: a write or a delete can take 60 seconds and more to be seen elsewhere, a lookup that found
 * nothing is remembered as well, and a key takes one write per second.
 * https://developers.cloudflare.com/kv/concepts/how-kv-works/
 *
 * @example
 * ```ts
 * const kv = new KVClient(env.CACHE_KV);
 * await kv.put('flags:beta', { enabled: true }, { ttlSeconds: 3600 });
 * const flag = await kv.get<{ enabled: boolean }>('flags:beta');
 * ```
 */
export class KVClient {
  readonly #access: KVAccess;
  readonly #now: () => number;

  constructor(namespace: KVNamespaceLike, options: KVClientOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, events, budget, now = Date.now } = options;
    this.#access = new KVAccess(namespace, { source: 'kv', timeoutMs, events, budget });
    this.#now = now;
  }

  /**
   * Reads one value.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @returns the value, or `null` when the key is absent or expired (or holds a stored `null`).
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_READ_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`; `KV_CORRUPT_VALUE` when the
   *   value is not JSON.
   */
  async get<T>(key: string): Promise<T | null> {
    checkKey(key);
    let text: string | null;
    try {
      text = await this.#access.read(key);
    } catch (cause) {
      throw this.#access.failure('read', key, cause);
    }
    return text === null ? null : (parse(key, text) as T);
  }

  /**
   * Reads many values, 100 per operation. A value that is not JSON counts as missing and is reported as `client.error`.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @returns every asked key in the order asked, with `null` for a miss.
   * @throws {CloudflareClientError} `INVALID_KEY` before anything is read; `KV_READ_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async getMany<T>(keys: Iterable<string>): Promise<Map<string, T | null>> {
    const unique = checkKeys(keys);
    const access = this.#access;
    const texts = await readInBulk<string | null>(unique, {
      many: async (chunk) => access.readBulk(chunk),
      one: async (key) => access.read(key),
      failed: (failedKeys, cause) => {
        throw access.failure('read', failedKeys[0] ?? '', cause);
      },
    });
    return new Map(unique.map((key) => [key, this.#parseOrNull(key, texts.get(key) ?? null) as T | null]));
  }

  /**
   * Writes one value as JSON. Above 100,000 bytes it is written and reported as `kv.large-value`.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param value what JSON can hold, at most 25 MiB; `undefined`, functions, bigints and cycles are refused.
   * @param options the lifetime, always needed, and metadata.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_VALUE` before anything is written; `KV_WRITE_FAILED`,
   *   `KV_TIMEOUT`; `KV_RATE_LIMITED` when the key was written less than a second ago.
   */
  async put(key: string, value: unknown, options: KVClientPutOptions): Promise<void> {
    checkKey(key);
    const { ttlSeconds, metadata } = (options as KVClientPutOptions | undefined) ?? { ttlSeconds: undefined };
    checkNativeTtl(ttlSeconds);
    checkMetadata(metadata);
    const put = { expirationTtl: ttlSeconds };
    await this.#access.write(key, toJson(value), metadata === undefined ? put : { ...put, metadata });
  }

  /**
   * Deletes one key. A missing key is no failure.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#access.remove(key);
  }

  /**
   * Deletes many keys, six at a time. A key that fails does not stop the others and is not retried. KV has no bulk delete:
   * each key is one of the 1,000 operations that an invocation has.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @returns how many were deleted, and each that was not, with its error.
   * @throws {CloudflareClientError} `INVALID_KEY` before anything is deleted.
   */
  async deleteMany(keys: Iterable<string>): Promise<DeleteReport> {
    return deleteKeys(this.#access, keys);
  }

  /**
   * Deletes every key that starts with `prefix`, over all pages. A listing can lag up to 60 seconds behind writes made elsewhere.
   *
   * @param prefix at most 512 UTF-8 bytes; the empty one only with `allowEmptyPrefix`.
   * @returns how many were deleted, and each that was not, with its error.
   * @throws {CloudflareClientError} `INVALID_PREFIX` before anything is deleted; `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`
   *   when the listing failed, with a message that says how many keys were deleted before.
   */
  async deletePrefix(prefix: string, options?: DeletePrefixOptions): Promise<DeleteReport> {
    checkDeletePrefix(prefix, options);
    return deleteByPrefix(this.#access, prefix);
  }

  /**
   * Walks the keys in the order of their UTF-8 bytes. Pages are fetched as the loop reaches them.
   *
   * @returns an iterable over the keys; nothing is asked of KV before the first step.
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION` at once; `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`
   *   from the loop.
   */
  list(options: KVClientListOptions = {}): AsyncIterable<KVListEntry> {
    const { prefix = '', limit = Infinity } = options;
    checkPrefix(prefix);
    if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 1)) {
      throw new CloudflareClientError(
        'INVALID_OPTION',
        `Option limit ${limit} is refused: give an integer of at least 1.`,
      );
    }
    return listEntries(this.#access, prefix, limit);
  }

  /**
   * Counts keys by pattern over all pages: how many there are, what their metadata takes, how many expire soon. It reads no
   * values, and a listing can lag up to 60 seconds behind writes made elsewhere.
   *
   * @returns the counts; those of the pages that were read, with `isComplete: false`, where there are more than `maxPages` or the
   *   budget of operations is spent.
   * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION` before anything is read; `KV_LIST_FAILED`,
   *   `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async stats(options: KVStatsOptions = {}): Promise<KVStats> {
    return collectStats(this.#access, checkStatsOptions(options), this.#now());
  }

  #parseOrNull(key: string, text: string | null): unknown {
    if (text === null) return null;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      this.#access.reportFailure('read', key, corrupt(`a key under "${keyPrefix(key)}"`));
      return null;
    }
  }
}

async function* listEntries(access: KVAccess, prefix: string, limit: number): AsyncGenerator<KVListEntry> {
  try {
    for await (const page of listPages(access, prefix, limit)) {
      for (const { name, expiration, metadata = null } of page) {
        yield expiration === undefined ? { name, metadata } : { name, expiresAt: expiration * 1000, metadata };
      }
    }
  } catch (cause) {
    throw access.failure('list', prefix, cause);
  }
}

function parse(key: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw corrupt(`key ${quote(key)}`);
  }
}

/** Carries no cause: the engine's message quotes the value. */
function corrupt(subject: string): CloudflareClientError {
  return new CloudflareClientError('KV_CORRUPT_VALUE', `The value of ${subject} is not JSON.`);
}
