import type { Cache } from '../clients/kv/cache.js';
import { CloudflareClientError } from '../errors.js';
import { findScope } from '../internal/request-scope.js';
import { CACHE_CLIENT } from '../tokens/index.js';

/**
 * Finds the cache of an instance: what the accessor answers, else `instance.cache`, else the `CACHE_CLIENT` of the
 * request scope that built the instance. Never the cache of another request.
 *
 * @param instance the object whose method is called.
 * @param method how messages call the method.
 * @param accessor the `cache` option of the decorator.
 * @throws {CloudflareClientError} `CACHE_NOT_FOUND` when there is none.
 */
export function findCache(instance: object, method: string, accessor?: (instance: never) => Cache | undefined): Cache {
  const given: unknown = accessor?.(instance as never);
  if (isCache(given)) return given;
  if (given !== undefined) throw notFound(method, 'its cache option answered with something that has no getOrSet');
  const own = (instance as { readonly cache?: unknown }).cache;
  return isCache(own) ? own : cacheOfScope(instance, method);
}

function isCache(value: unknown): value is Cache {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Cache>).getOrSet === 'function';
}

function cacheOfScope(instance: object, method: string): Cache {
  const scope = findScope(instance);
  if (scope === undefined) throw notFound(method, 'no request scope built this instance');
  if (scope === 'shared') {
    throw notFound(method, 'several request scopes share this instance, so none of their caches is its own');
  }
  try {
    return scope.resolve(CACHE_CLIENT);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw notFound(method, `its request scope has none. ${reason}`, { cause });
  }
}

function notFound(method: string, reason: string, options?: ErrorOptions): CloudflareClientError {
  return new CloudflareClientError(
    'CACHE_NOT_FOUND',
    `@Cached method ${method} found no cache: ${reason}. Hand a CacheClient to the constructor and keep it as this.cache, ` +
      'or name it with @Cached({ ttl, cache: (self) => ... }), or resolve the class from a scope of createContainer(provideCache()).',
    options,
  );
}
