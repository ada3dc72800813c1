import type { Cache, EvictableCache } from '../clients/kv/cache/cache.js';
import { CloudflareClientError } from '../errors.js';
import { findScope } from '../internal/request-scope.js';
import { CACHE_CLIENT } from '../tokens/index.js';
import type { DecoratedMethod } from './method-decorator.js';

/** The `cache` option of a decorator. */
export type CacheAccessor = (instance: never) => Cache | undefined;

/**
 * Finds the cache of an instance: what the accessor answers, else `instance.cache`, else the `CACHE_CLIENT` of the
 * request scope that built the instance. Never the cache of another request.
 *
 * @param instance the object whose method is called.
 * @param decorated the method, for messages.
 * @param accessor the `cache` option of the decorator.
 * @throws {CloudflareClientError} `CACHE_NOT_FOUND` when there is none.
 */
export function findCache(instance: object, decorated: DecoratedMethod, accessor?: CacheAccessor): Cache {
  const given: unknown = accessor?.(instance as never);
  if (isCache(given)) return given;
  if (given !== undefined) throw notFound(decorated, 'its cache option answered with something that has no getOrSet');
  const own = (instance as { readonly cache?: unknown }).cache;
  return isCache(own) ? own : cacheOfScope(instance, decorated);
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

function isCache(value: unknown): value is Cache {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Cache>).getOrSet === 'function';
}

function cacheOfScope(instance: object, decorated: DecoratedMethod): Cache {
  const scope = findScope(instance);
  if (scope === undefined) throw notFound(decorated, 'no request scope built this instance');
  if (scope === 'shared') {
    throw notFound(decorated, 'several request scopes share this instance, so none of their caches is its own');
  }
  try {
    return scope.resolve(CACHE_CLIENT);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw notFound(decorated, `its request scope has none. ${reason}`, { cause });
  }
}

function notFound({ decorator, name }: DecoratedMethod, reason: string, options?: ErrorOptions): CloudflareClientError {
  return new CloudflareClientError(
    'CACHE_NOT_FOUND',
    `${decorator} method ${name} found no cache: ${reason}. Hand a CacheClient to the constructor and keep it as this.cache, ` +
      `or name it with ${decorator}({ cache: (self) => ... }), or resolve the class from a scope of createContainer(provideCache()).`,
    options,
  );
}
