import type { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { report } from '../../internal/report.js';
import { readInBulk } from './bulk-read.js';
import type { CacheLookup } from './cache-entry.js';
import { decodeEntry, entryOptions, MISS } from './cache-entry.js';
import type { Cache } from './cache.js';
import type { DeletePrefixOptions, DeleteReport } from './delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from './delete-many.js';
import { Flight } from './flight.js';
import { checkKey, keyPrefix } from './key.js';
import { KVAccess } from './kv-access.js';
import type { KVEntryLike, KVNamespaceLike } from './kv-namespace.js';
import { checkTtl } from './ttl.js';
import { toJson } from './value.js';

const DEFAULT_TIMEOUT_MS = 2_000;

/** Options of `CacheClient`. */
export interface CacheClientOptions {
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** Where hits, misses, writes and failures are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /** `ctx.waitUntil`, bound: lets a write of `getOrSet` finish when the visitor goes away. It is awaited all the same. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
}

/**
 * A read-through cache on Workers KV, for any lifetime from one second. Values are plain JSON in KV, so `wrangler kv` shows
 * them; what JSON does not keep (a Date, a Map) comes back as JSON made it. A stored `null`, `false`, `0` or `''` is a hit.
 *
 * - Make one per request: its promises belong to the request that started them, and Workers lets another request wait for
 *   them for ever.
 * - Elsewhere a write or a delete can take 60 seconds and more to be seen, and a lookup that found nothing is remembered as
 *   long. A key takes one write per second. https://developers.cloudflare.com/kv/concepts/how-kv-works/
 * - Reads degrade: when KV fails or does not answer, that is a miss and a `client.error` event. Explicit writes and deletes
 *   that fail are thrown.
 *
 * @example
 * ```ts
 * const cache = new CacheClient(env.CACHE_KV);
 * const posts = await cache.getOrSet('cache:content:published', 300, () => db.findPublished());
 * await cache.deletePrefix('cache:content:');
 * ```
 */
export class CacheClient implements Cache {
  readonly #access: KVAccess;
  readonly #events: EventSink | undefined;
  readonly #now: () => number;
  readonly #waitUntil: ExecutionContextLike['waitUntil'] | undefined;
  readonly #flights = new Map<string, Flight>();

  constructor(namespace: KVNamespaceLike, options: CacheClientOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, events, now = Date.now, waitUntil } = options;
    this.#access = new KVAccess(namespace, { source: 'cache', timeoutMs, events });
    this.#events = events;
    this.#now = now;
    this.#waitUntil = waitUntil;
  }

  /**
   * Reads `key`, or calls `loader` on a miss and stores what it gives. It never fails because KV does: a read that fails is a
   * miss, a write that fails is a `client.error` event. Calls for one key that overlap share one read and one load, and each
   * gets an object of its own. What JSON cannot hold, `undefined` too, is returned and not stored (`cache.skip`).
   *
   * When it resolves, the value is stored or its failure reported. A load that began before `set` or a delete of its key is
   * not stored. The loader must not ask for its own key: it would wait for itself.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param ttlSeconds seconds, an integer from 1.
   * @param loader called at most once, with nothing, on a miss.
   * @returns the cached or the loaded value.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL` before the loader runs. The loader's own error as it is.
   */
  getOrSet<T>(key: string, ttlSeconds: number, loader: () => T | Promise<T>): Promise<T> {
    try {
      checkKey(key);
      checkTtl(ttlSeconds);
    } catch (error) {
      // Not an async function: a hit pays for every promise.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the checks throw errors of ours
      return Promise.reject(error);
    }
    const current = this.#flights.get(key);
    if (current !== undefined) return current.join() as Promise<T>;
    const flight = new Flight();
    this.#flights.set(key, flight);
    const leader = this.#lead(flight, key, ttlSeconds, loader);
    flight.leader = leader;
    return leader;
  }

  /**
   * Reads one value.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @returns the value, or `null` on a miss: absent, expired, corrupt, or KV failing. `lookup` tells these apart.
   * @throws {CloudflareClientError} `INVALID_KEY`.
   */
  async get<T>(key: string): Promise<T | null> {
    const found = await this.lookup<T>(key);
    return found.status === 'hit' ? found.value : null;
  }

  /**
   * Reads one value and says how that went, so that a stored `null` and a miss differ.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @returns a hit with the value and its age, or a miss with its reason.
   * @throws {CloudflareClientError} `INVALID_KEY`.
   */
  async lookup<T>(key: string): Promise<CacheLookup<T>> {
    checkKey(key);
    let found: CacheLookup<unknown>;
    try {
      found = decodeEntry(await this.#access.readEntry(key), this.#now());
    } catch (cause) {
      this.#access.reportFailure('read', key, cause);
      found = MISS.error;
    }
    if (this.#events !== undefined) reportLookup(this.#events, key, found);
    return found as CacheLookup<T>;
  }

  /**
   * Reads many values, 100 per operation.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @returns every asked key in the order asked, with `null` for a miss of any kind.
   * @throws {CloudflareClientError} `INVALID_KEY` before anything is read.
   */
  async getMany<T>(keys: Iterable<string>): Promise<Map<string, T | null>> {
    const unique = [...new Set(keys)];
    unique.forEach(checkKey);
    const access = this.#access;
    const entries = await readInBulk<KVEntryLike | string | null>(unique, {
      many: async (chunk) => access.readEntries(chunk),
      one: async (key) => access.readEntry(key),
      failed: (failedKeys, cause) => access.reportFailure('read', failedKeys[0] ?? '', cause),
    });
    const now = this.#now();
    const values = new Map<string, T | null>();
    for (const key of unique) {
      const entry = entries.get(key);
      const found = entry === undefined ? MISS.error : decodeEntry(entry, now);
      if (this.#events !== undefined) reportLookup(this.#events, key, found);
      values.set(key, found.status === 'hit' ? (found.value as T) : null);
    }
    return values;
  }

  /**
   * Stores one value. Above 100,000 bytes it is written and reported as `kv.large-value`.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param value what JSON can hold, at most 25 MiB; `undefined`, functions, bigints and cycles are refused.
   * @param ttlSeconds seconds, an integer from 1. KV itself drops the entry after 60 seconds or later.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_VALUE` before anything is written; `KV_WRITE_FAILED`,
   *   `KV_TIMEOUT`; `KV_RATE_LIMITED` when the key was written less than a second ago.
   */
  async set(key: string, value: unknown, ttlSeconds: number): Promise<void> {
    checkKey(key);
    checkTtl(ttlSeconds);
    const text = toJson(value);
    await this.#supersede(key);
    await this.#write(key, text, ttlSeconds);
  }

  /**
   * Deletes one key. A missing key is no failure. A `getOrSet` of this client that is loading it will not store what it loads.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#supersede(key);
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
    const unique = [...new Set(keys)];
    unique.forEach(checkKey);
    await Promise.all(unique.map((key) => this.#supersede(key)));
    return deleteKeys(this.#access, unique);
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
    const loading = [...this.#flights.keys()].filter((key) => key.startsWith(prefix));
    await Promise.all(loading.map((key) => this.#supersede(key)));
    return deleteByPrefix(this.#access, prefix);
  }

  async #lead<T>(flight: Flight, key: string, ttlSeconds: number, loader: () => T | Promise<T>): Promise<T> {
    try {
      let entry: KVEntryLike | undefined;
      try {
        entry = await this.#access.readEntry(key);
      } catch (cause) {
        this.#access.reportFailure('read', key, cause);
      }
      const found = entry === undefined ? MISS.error : decodeEntry(entry, this.#now());
      if (this.#events !== undefined) reportLookup(this.#events, key, found);
      if (found.status === 'hit') {
        flight.text = entry?.value ?? undefined;
        return found.value as T;
      }
      const value = await loader();
      await this.#keep(flight, key, ttlSeconds, value);
      return value;
    } finally {
      if (this.#flights.get(key) === flight) this.#flights.delete(key);
    }
  }

  /** Stores what a flight loaded, unless the key changed meanwhile. */
  async #keep(flight: Flight, key: string, ttlSeconds: number, value: unknown): Promise<void> {
    try {
      flight.text = toJson(value);
    } catch (error) {
      const reason = (error as CloudflareClientError).message;
      if (this.#events !== undefined) report(this.#events, { type: 'cache.skip', keyPrefix: keyPrefix(key), reason });
      return;
    }
    if (flight.isSuperseded) return;
    flight.writing = this.#writeOrReport(key, flight.text, ttlSeconds);
    await flight.writing;
  }

  async #writeOrReport(key: string, text: string, ttlSeconds: number): Promise<void> {
    const write = this.#write(key, text, ttlSeconds).catch((error: unknown) => {
      this.#access.reportFailure('write', key, error);
    });
    try {
      this.#waitUntil?.(write);
    } catch {
      // The request is over. The write was started and is awaited below; there is nobody left to tell.
    }
    await write;
  }

  async #write(key: string, text: string, ttlSeconds: number): Promise<void> {
    await this.#access.write(key, text, entryOptions(this.#now(), ttlSeconds));
    if (this.#events !== undefined) {
      report(this.#events, { type: 'cache.write', keyPrefix: keyPrefix(key), ttlSeconds });
    }
  }

  /** Parts with the flight of a key that changes now; a write that it began is let through first, so that it cannot land later. */
  async #supersede(key: string): Promise<void> {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.isSuperseded = true;
    this.#flights.delete(key);
    await flight.writing;
  }
}

function reportLookup(events: EventSink, key: string, found: CacheLookup<unknown>): void {
  const prefix = keyPrefix(key);
  if (found.status === 'hit') report(events, { type: 'cache.hit', keyPrefix: prefix, ageMs: found.ageMs ?? 0 });
  else report(events, { type: 'cache.miss', keyPrefix: prefix, reason: found.reason });
}
