import { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { CacheEntries } from './cache-entries.js';
import type { CacheLookup } from './cache-entry.js';
import type { Cache } from './cache.js';
import type { DeletePrefixOptions, DeleteReport } from './delete-many.js';
import { checkDeletePrefix, deleteByPrefix, deleteKeys } from './delete-many.js';
import { Flight } from './flight.js';
import { checkKey, checkKeys } from './key.js';
import type { KVEntryLike, KVNamespaceLike } from './kv-namespace.js';
import { forEachParallel } from './parallel.js';
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
  readonly #entries: CacheEntries;
  readonly #flights = new Map<string, Flight>();
  readonly #batches = new Set<ReadonlyMap<string, Flight>>();

  constructor(namespace: KVNamespaceLike, options: CacheClientOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, events, now = Date.now, waitUntil } = options;
    this.#entries = new CacheEntries(namespace, { timeoutMs, events, now, waitUntil });
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
    let entry: KVEntryLike | undefined;
    try {
      entry = await this.#entries.access.readEntry(key);
    } catch (cause) {
      this.#entries.access.reportFailure('read', key, cause);
    }
    return this.#entries.judge(key, entry) as CacheLookup<T>;
  }

  /**
   * Reads many values, 100 per operation.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @returns every asked key in the order asked, with `null` for a miss of any kind.
   * @throws {CloudflareClientError} `INVALID_KEY` before anything is read.
   */
  async getMany<T>(keys: Iterable<string>): Promise<Map<string, T | null>> {
    const unique = checkKeys(keys);
    const lookups = await this.#entries.findMany(unique);
    return new Map(unique.map((key) => [key, valueOf(lookups.get(key)) as T | null]));
  }

  /**
   * Reads many values, 100 per operation, and calls `loader` once for all that are missing. As in `getOrSet`, KV never
   * makes it fail, and what changes during the load is not overwritten. Each loaded value is one write; those of keys that
   * were written less than a second ago are refused by KV and reported.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @param ttlSeconds seconds, an integer from 1.
   * @param loader called at most once, with the missing keys in the order asked; answers with their values by key.
   * @returns every asked key in the order asked, with `null` for what the loader did not answer.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL` before anything is read; `INVALID_VALUE` when the loader does
   *   not answer with a Map. The loader's own error as it is, and then nothing is stored.
   */
  async getOrSetMany<T>(
    keys: Iterable<string>,
    ttlSeconds: number,
    loader: (missing: string[]) => ReadonlyMap<string, T> | Promise<ReadonlyMap<string, T>>,
  ): Promise<Map<string, T | null>> {
    const unique = checkKeys(keys);
    checkTtl(ttlSeconds);
    const batch = new Map(unique.map((key) => [key, new Flight()]));
    this.#batches.add(batch);
    try {
      const lookups = await this.#entries.findMany(unique);
      const missing = unique.filter((key) => lookups.get(key)?.status !== 'hit');
      const loaded = missing.length === 0 ? new Map<string, T>() : checkLoaded(await loader(missing));
      let isHanging = false;
      await forEachParallel(missing, async (key) => {
        const flight = batch.get(key);
        // A KV that hangs would hang for every write of the rest as well, a timeout each.
        if (flight === undefined || !loaded.has(key) || isHanging) return;
        const code = await this.#entries.keep(flight, key, ttlSeconds, loaded.get(key));
        if (code === 'KV_TIMEOUT') isHanging = true;
      });
      const values = new Map(unique.map((key) => [key, valueOf(lookups.get(key)) as T | null]));
      for (const key of missing) values.set(key, loaded.get(key) ?? null);
      return values;
    } finally {
      this.#batches.delete(batch);
    }
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
    await this.#entries.write(key, text, ttlSeconds);
  }

  /**
   * Deletes one key. A missing key is no failure. A `getOrSet` of this client that is loading it will not store what it loads.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async delete(key: string): Promise<void> {
    checkKey(key);
    await this.#supersede(key);
    await this.#entries.access.remove(key);
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
    const unique = checkKeys(keys);
    await Promise.all(unique.map((key) => this.#supersede(key)));
    return deleteKeys(this.#entries.access, unique);
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
    const underWay = [this.#flights, ...this.#batches].flatMap((flights) => [...flights.keys()]);
    const loading = underWay.filter((key) => key.startsWith(prefix));
    await Promise.all(loading.map((key) => this.#supersede(key)));
    return deleteByPrefix(this.#entries.access, prefix);
  }

  async #lead<T>(flight: Flight, key: string, ttlSeconds: number, loader: () => T | Promise<T>): Promise<T> {
    try {
      let entry: KVEntryLike | undefined;
      try {
        entry = await this.#entries.access.readEntry(key);
      } catch (cause) {
        this.#entries.access.reportFailure('read', key, cause);
      }
      const found = this.#entries.judge(key, entry);
      if (found.status === 'hit') {
        flight.text = entry?.value ?? undefined;
        return found.value as T;
      }
      const value = await loader();
      await this.#entries.keep(flight, key, ttlSeconds, value);
      return value;
    } finally {
      // A superseded flight is out of the map already, and another may be in its place.
      if (!flight.isSuperseded) this.#flights.delete(key);
    }
  }

  /** Parts with the loads of a key that changes now; a write that one began is let through first, so that it cannot land later. */
  async #supersede(key: string): Promise<void> {
    const flights = [this.#flights, ...this.#batches].map((underWay) => underWay.get(key));
    this.#flights.delete(key);
    for (const flight of flights) if (flight !== undefined) flight.isSuperseded = true;
    await Promise.all(flights.map(async (flight) => flight?.writing));
  }
}

function valueOf(found: CacheLookup<unknown> | undefined): unknown {
  return found?.status === 'hit' ? found.value : null;
}

function checkLoaded<T>(loaded: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const { get, has } = (loaded as Partial<ReadonlyMap<string, T>> | null) ?? {};
  if (typeof get === 'function' && typeof has === 'function') return loaded;
  throw new CloudflareClientError(
    'INVALID_VALUE',
    'The loader of getOrSetMany must answer with a Map of values by key.',
  );
}
