/** The smallest thing that read-through caching needs, and what `@Cached` asks for. `CacheClient` is one. */
export interface Cache {
  /**
   * Reads `key`, or calls `loader` and keeps what it gives for `ttlSeconds`.
   *
   * @param key 1 to 512 UTF-8 bytes.
   * @param ttlSeconds seconds, at least 1.
   * @param loader called on a miss.
   * @returns the cached or the loaded value; rejects with the loader's own error.
   */
  getOrSet<T>(key: string, ttlSeconds: number, loader: () => T | Promise<T>): Promise<T>;
}
