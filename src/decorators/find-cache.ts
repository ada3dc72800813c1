import type { Cache, EvictableCache } from '../clients/kv/cache/cache.js';
import { CloudflareClientError } from '../errors.js';
import { CACHE_CLIENT } from '../tokens/index.js';
import { findClient } from './find-client.js';
import type { ClientAccessor, ClientKind } from './find-client.js';
import type { DecoratedMethod } from './method-decorator.js';

/** The `cache` option of a decorator. */
export type CacheAccessor = ClientAccessor<Cache>;

const CACHE: ClientKind<Cache> = {
  code: 'CACHE_NOT_FOUND',
  noun: 'cache',
  className: 'CacheClient',
  provider: 'provideCache',
  token: CACHE_CLIENT,
  property: 'cache',
  method: 'getOrSet',
};

/**
 * Finds the cache of an instance, as {@link findClient} says.
 *
 * @throws {CloudflareClientError} `CACHE_NOT_FOUND` when there is none.
 */
export function findCache(instance: object, decorated: DecoratedMethod, accessor?: CacheAccessor): Cache {
  return findClient(CACHE, instance, decorated, accessor);
}

/**
 * Finds the cache of an instance as {@link findCache} does, where entries are to be dropped from it.
 *
 * @throws {CloudflareClientError} `CACHE_NOT_FOUND` when there is none, and when it has no `evict`.
 */
export function findEvictableCache(
  instance: object,
  decorated: DecoratedMethod,
  accessor?: CacheAccessor,
): EvictableCache {
  const cache = findCache(instance, decorated, accessor);
  if (typeof (cache as Partial<EvictableCache>).evict === 'function') return cache as EvictableCache;
  throw new CloudflareClientError(
    'CACHE_NOT_FOUND',
    `${decorated.decorator} method ${decorated.name} found a cache that cannot drop entries: it has no evict. ` +
      'Use a CacheClient, or give your cache an evict({ keys, prefix, tags }).',
  );
}
