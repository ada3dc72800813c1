import type { GetOrSetOptions, Loader, Ttl } from './cache-options.js';
import type { EvictReport, EvictTarget } from './evict.js';

/** The smallest thing that read-through caching needs, and what `@Cached` asks for. `CacheClient` is one. */
export interface Cache {
  /**
   * Reads `key`, or calls `loader` and keeps what it gives.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param ttlSeconds seconds, at least 1, or what says them from the loaded value.
   * @param loader called on a miss.
   * @param options given only where the caller has any.
   * @returns the cached or the loaded value; rejects with the loader's own error.
   */
  getOrSet<T>(key: string, ttlSeconds: Ttl<T>, loader: Loader<T>, options?: GetOrSetOptions<T>): Promise<T>;
}

/** A cache that can also drop what it holds: what `@CacheEvict` and `.invalidate` ask for. `CacheClient` is one. */
export interface EvictableCache extends Cache {
  /** Drops keys, a prefix and tags. Never rejects because KV fails: what was not dropped is in the report. */
  evict(target: EvictTarget): Promise<EvictReport>;
}
