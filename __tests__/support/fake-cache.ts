import type { GetOrSetOptions, Loader, Ttl } from '../../src/clients/kv/cache/cache-options.js';
import type { EvictableCache } from '../../src/clients/kv/cache/cache.js';
import type { EvictReport, EvictTarget } from '../../src/clients/kv/cache/evict.js';

interface RecordedCall {
  readonly key: string;
  readonly ttlSeconds: unknown;
  readonly options?: object;
}

/**
 * A cache that keeps values in a map and records what it was asked for. Loads of one key that overlap are shared, as
 * `CacheClient` shares them, forced ones too. It never expires anything, and heeds no option that only a clock can show.
 */
export class FakeCache implements EvictableCache {
  readonly values = new Map<string, string>();
  readonly calls: RecordedCall[] = [];
  readonly evictions: EvictTarget[] = [];
  readonly tags = new Map<string, readonly string[]>();
  readonly #loads = new Map<string, Promise<unknown>>();

  async getOrSet<T>(key: string, ttlSeconds: Ttl<T>, loader: Loader<T>, options?: GetOrSetOptions<T>): Promise<T> {
    this.calls.push({ key, ttlSeconds, ...(options && { options }) });
    const text = options?.forceFresh === true ? undefined : this.values.get(key);
    if (text !== undefined) return JSON.parse(text) as T;
    const running = this.#loads.get(key);
    if (running !== undefined) return running as Promise<T>;
    const load = this.#load(key, loader, options).finally(() => this.#loads.delete(key));
    this.#loads.set(key, load);
    return load;
  }

  async evict({ keys = [], prefix, tags = [] }: EvictTarget): Promise<EvictReport> {
    const target = { keys: [...keys], tags: [...tags], ...(prefix !== undefined && { prefix }) };
    this.evictions.push(target);
    const before = this.values.size;
    for (const key of [...this.values.keys()]) {
      const isTagged = this.tags.get(key)?.some((tag) => target.tags.includes(tag)) ?? false;
      const isPrefixed = prefix !== undefined && key.startsWith(prefix);
      if (target.keys.includes(key) || isPrefixed || isTagged) this.values.delete(key);
    }
    return { evicted: before - this.values.size, failed: [] };
  }

  get keys(): string[] {
    return this.calls.map(({ key }) => key);
  }

  async #load<T>(key: string, loader: Loader<T>, options: GetOrSetOptions<T> | undefined): Promise<T> {
    const value = await loader({ signal: new AbortController().signal });
    const json = JSON.stringify(value) as string | undefined;
    if (json === undefined || options?.cacheIf?.(value) === false) return value;
    this.values.set(key, json);
    const { tags = [] } = options ?? {};
    this.tags.set(key, typeof tags === 'function' ? tags(value) : tags);
    return value;
  }
}
