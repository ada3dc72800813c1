import type { DeletePrefixOptions, DeleteReport } from '../delete-many.js';
import type { KVNamespaceLike } from '../kv-namespace.js';
import { checkTtl } from '../ttl.js';
import type { CacheLookup } from './cache-entry.js';
import type { CacheClientOptions, CacheSetOptions, GetOrSetOptions, Loader, Ttl } from './cache-options.js';
import type { CacheParts } from './cache-parts.js';
import { cacheParts, checkParts } from './cache-parts.js';
import type { CachePolicy } from './cache-policy.js';
import { callPolicy, clientPolicy, setPolicy, staleSeconds } from './cache-policy.js';
import type { EvictableCache } from './cache.js';
import type { Found } from './entry-finder.js';
import { newFlight } from './flight-board.js';
import { checkCacheKey, checkCacheKeys } from './marker-key.js';
import type { EvictReport, EvictTarget } from './evict.js';
import type { ManyLoader } from './read-through-many.js';
import { checkTaggedLife } from './tags.js';

/**
 * A read-through cache on Workers KV, for any lifetime from one second. Values are plain JSON in KV, so `wrangler kv` shows
 * them; what JSON would lose (a Date, a Map) is refused unless a codec holds it. A stored `null`, `false`, `0` or `''` is a hit.
 * docs/caching.md says which option is for which need.
 *
 * - Make one per request: its promises belong to the request that started them, and Workers lets another request wait for
 *   them for ever. What the requests of an isolate share (`memory`, `singleFlight: 'isolate'`) is made for that.
 * - Elsewhere a write, a delete or an invalidation can take 60 seconds and more to be seen, and a lookup that found nothing is
 *   remembered as long. A key takes one write per second. https://developers.cloudflare.com/kv/concepts/how-kv-works/
 * - Reads degrade: when KV fails or does not answer, that is a miss and a `cache.error` event. Explicit writes and deletes
 *   that fail are thrown.
 *
 * @example
 * ```ts
 * const cache = new CacheClient(env.CACHE_KV, { waitUntil: (work) => ctx.waitUntil(work), staleWhileRevalidate: 60 });
 * const posts = await cache.getOrSet('cache:content:published', 300, () => db.findPublished(), { tags: ['content'] });
 * await cache.invalidateTags(['content']);
 * ```
 */
export class CacheClient implements EvictableCache {
  readonly #policy: CachePolicy;
  readonly #namespace: KVNamespaceLike;
  readonly #options: CacheClientOptions;
  #made: CacheParts | undefined;

  constructor(namespace: KVNamespaceLike, options: CacheClientOptions = {}) {
    checkParts(namespace, options);
    this.#policy = clientPolicy(options);
    this.#namespace = namespace;
    this.#options = options;
  }

  /**
   * Reads `key`, or calls `loader` on a miss and stores what it gives. It never fails because KV does: a read that fails is a
   * miss, a write that fails is a `cache.error` event. Calls for one key that overlap share one read and one load, and each
   * gets an object of its own. What the codec cannot hold is returned and not stored (`cache.skip`).
   *
   * When it resolves, the value is stored or its failure reported (see `awaitWrites`). A load that began before `set`, a delete
   * or an invalidation of its key is not stored, or not served. The loader must not ask for its own key: it would wait for itself.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param ttlSeconds seconds, an integer from 1; or a function that says them from the loaded value.
   * @param loader called at most once, on a miss or for a refresh, with a `signal` that its hard timeout aborts.
   * @param options stale bounds, timeouts, tags and the like; those of the client where absent.
   * @returns the cached or the loaded value.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_OPTION` before the loader runs; `LOADER_TIMEOUT` when the loader
   *   exceeds `hardTimeoutMs` and no stale value may stand in. The loader's own error as it is.
   */
  getOrSet<T>(key: string, ttlSeconds: Ttl<T>, loader: Loader<T>, options?: GetOrSetOptions<T>): Promise<T> {
    try {
      checkCacheKey(key);
      if (typeof ttlSeconds !== 'function') checkTtl(ttlSeconds);
      const policy = options === undefined ? this.#policy : callPolicy(this.#policy, options);
      if (policy.tags !== undefined) checkTaggedLife(policy.tags, ttlSeconds, staleSeconds(policy));
      return this.#parts.readThrough.get({ key, ttl: ttlSeconds as Ttl<unknown>, loader, policy }) as Promise<T>;
    } catch (error) {
      // Not an async function: a hit pays for every promise.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the checks throw errors of ours
      return Promise.reject(error);
    }
  }

  /**
   * Reads one value.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @returns the value, or `null` on a miss: absent, expired, invalidated, corrupt, or KV failing. `lookup` tells these apart.
   * @throws {CloudflareClientError} `INVALID_KEY`.
   */
  async get<T>(key: string): Promise<T | null> {
    checkCacheKey(key);
    const startedAt = this.#parts.context.now();
    const found = await this.#parts.finder.find(key, this.#policy);
    this.#report(key, found, startedAt);
    return found.status === 'fresh' ? (found.value as T) : null;
  }

  /**
   * Reads one value and says how that went, so that a stored `null` and a miss differ.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @returns a hit with the value and its age, the same as stale within the bounds of the client, or a miss with its reason.
   * @throws {CloudflareClientError} `INVALID_KEY`.
   */
  async lookup<T>(key: string): Promise<CacheLookup<T>> {
    checkCacheKey(key);
    const startedAt = this.#parts.context.now();
    const found = await this.#parts.finder.find(key, this.#policy);
    if (found.status === 'stale') this.#parts.context.reporter?.stale(key, found, 'lookup');
    else this.#report(key, found, startedAt);
    if (found.status === 'miss') return { ...found } as CacheLookup<T>;
    const status = found.status === 'fresh' ? 'hit' : 'stale';
    return { status, value: found.value as T, ageMs: found.ageMs };
  }

  /**
   * Reads many values, 100 per operation.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @returns every asked key in the order asked, with `null` for a miss of any kind.
   * @throws {CloudflareClientError} `INVALID_KEY` before anything is read.
   */
  async getMany<T>(keys: Iterable<string>): Promise<Map<string, T | null>> {
    const unique = checkCacheKeys(keys);
    const startedAt = this.#parts.context.now();
    const found = await this.#parts.finder.findMany(unique, this.#policy);
    const values = new Map<string, T | null>();
    for (const [key, entry] of found) this.#report(key, entry, startedAt);
    for (const key of unique) {
      const entry = found.get(key);
      values.set(key, entry?.status === 'fresh' ? (entry.value as T) : null);
    }
    return values;
  }

  /**
   * Reads many values, 100 per operation, and calls `loader` once for all that are missing. As in `getOrSet`, KV never
   * makes it fail, and what changes during the load is not overwritten. Each loaded value is one write; those of keys that
   * were written less than a second ago are refused by KV and reported. Its loads are not shared with other calls.
   *
   * @param keys each of 1 to 512 UTF-8 bytes; duplicates collapse.
   * @param ttlSeconds seconds, an integer from 1; or a function that says them from each loaded value.
   * @param loader called at most once for what is missing, and once for what is refreshed, with the keys in the order asked; answers
   *   with their values by key.
   * @param options as for `getOrSet`; `tags` go on every entry, and a stale value stands in only when every missing key has one.
   * @returns every asked key in the order asked, with `null` for what the loader did not answer.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_OPTION` before anything is read; `INVALID_VALUE` when the
   *   loader does not answer with a Map; `LOADER_TIMEOUT`. The loader's own error as it is, and then nothing is stored.
   */
  async getOrSetMany<T>(
    keys: Iterable<string>,
    ttlSeconds: Ttl<T>,
    loader: ManyLoader<T>,
    options?: GetOrSetOptions<T>,
  ): Promise<Map<string, T | null>> {
    const unique = checkCacheKeys(keys);
    if (typeof ttlSeconds !== 'function') checkTtl(ttlSeconds);
    const policy = options === undefined ? this.#policy : callPolicy(this.#policy, options);
    if (policy.tags !== undefined) checkTaggedLife(policy.tags, ttlSeconds, staleSeconds(policy));
    const call = { keys: unique, ttl: ttlSeconds as Ttl<unknown>, loader, policy };
    return (await this.#parts.readThroughMany.get(call)) as Map<string, T | null>;
  }

  /**
   * Stores one value. Above 100,000 bytes it is written and reported as `kv.large-value`.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param value what the codec can hold, at most 25 MiB; plain JSON refuses `undefined`, bigints, Dates, Maps, cycles and the like.
   * @param ttlSeconds seconds, an integer from 1. KV itself drops the entry after 60 seconds or later.
   * @param options tags, stale bounds and codec; those of the client where absent.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_VALUE`, `INVALID_OPTION` before anything is written;
   *   `KV_WRITE_FAILED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`; `KV_RATE_LIMITED` when the key was written less than a second ago.
   */
  async set(key: string, value: unknown, ttlSeconds: number, options?: CacheSetOptions): Promise<void> {
    checkCacheKey(key);
    checkTtl(ttlSeconds);
    const policy = options === undefined ? this.#policy : setPolicy(this.#policy, options);
    const tags = (policy.tags ?? []) as readonly string[];
    checkTaggedLife(tags, ttlSeconds, staleSeconds(policy));
    const { context, underway, writer } = this.#parts;
    const createdAt = context.isolate.order.load(context.now());
    const encoded = await writer.encode(key, value, policy.codec);
    await underway.supersede(key);
    const flight = newFlight(context, policy);
    underway.enter(key, flight);
    const entry = {
      encoded,
      createdAt,
      ttlSeconds,
      staleSeconds: staleSeconds(policy),
      loadMs: 0,
      tags,
      isNegative: false,
    };
    const storing = writer.store(key, entry, flight);
    flight.writing = storing.catch(() => underway.changed(key));
    try {
      await storing;
    } finally {
      underway.leave(key, flight);
      // What began meanwhile may have read the value before.
      underway.part(key);
    }
  }

  /**
   * Deletes one key. A missing key is no failure. A `getOrSet` of this isolate that is loading it will not store what it loads.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`.
   */
  async delete(key: string): Promise<void> {
    return this.#parts.invalidation.key(key);
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
    return this.#parts.invalidation.keys(keys);
  }

  /**
   * Deletes every key that starts with `prefix`, over all pages. A listing can lag up to 60 seconds behind writes made elsewhere.
   *
   * @param prefix at most 512 UTF-8 bytes; the empty one only with `allowEmptyPrefix`.
   * @returns how many were deleted, and each that was not, with its error.
   * @throws {CloudflareClientError} `INVALID_PREFIX` before anything is deleted; `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`,
   *   `KV_BUDGET_SPENT` when the listing failed, with a message that says how many keys were deleted before.
   */
  async deletePrefix(prefix: string, options?: DeletePrefixOptions): Promise<DeleteReport> {
    return this.#parts.invalidation.prefix(prefix, options);
  }

  /**
   * Invalidates every entry that carries one of the tags, whatever its key: one write per tag, and nothing is searched for.
   * An entry is invalid from then on if its load began before. Elsewhere that is seen within 60 seconds or somewhat more; a
   * memory tier of another isolate serves on for its own TTL.
   *
   * @param tags as they were given to `getOrSet` or `set`.
   * @throws {CloudflareClientError} `INVALID_OPTION` before anything is written; `KV_WRITE_FAILED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`;
   *   `KV_RATE_LIMITED` for a tag that was invalidated less than a second ago, which must be done again.
   */
  async invalidateTags(tags: Iterable<string>): Promise<void> {
    return this.#parts.invalidation.tags(tags);
  }

  /**
   * Invalidates every entry of the namespace with one write. Needs the option `clearable`. Seen elsewhere as `invalidateTags` is.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` without `clearable`; `KV_WRITE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`.
   */
  async clear(): Promise<void> {
    return this.#parts.invalidation.clear();
  }

  /**
   * Drops keys, a prefix and tags. Unlike the others it does not throw what KV fails at: it reports that, by event too.
   *
   * @param target at least one of `keys`, `prefix`, `tags`.
   * @returns how many keys and tags were dropped, and what was not, with its error.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_PREFIX`, `INVALID_OPTION` before anything is dropped.
   */
  async evict(target: EvictTarget): Promise<EvictReport> {
    return this.#parts.invalidation.evict(target);
  }

  /** Made on first use. */
  get #parts(): CacheParts {
    return (this.#made ??= cacheParts(this.#namespace, this.#options));
  }

  #report(key: string, found: Found, startedAt: number): void {
    const { reporter } = this.#parts.context;
    if (reporter === undefined) return;
    if (found.status === 'fresh') reporter.hit(key, found, startedAt);
    else reporter.miss(key, found.status === 'miss' ? found.reason : 'expired', startedAt);
  }
}
