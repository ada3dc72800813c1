import type { Cache } from '../clients/kv/cache.js';
import { isWellFormed } from '../clients/kv/key.js';
import { checkTtl } from '../clients/kv/ttl.js';
import { CloudflareClientError, isCloudflareClientError } from '../errors.js';
import { markCachedMethods } from '../internal/request-scope.js';
import { cacheKey } from './cache-key.js';
import { canonicalArguments } from './canonical-arguments.js';
import { findCache } from './find-cache.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';
import { MethodIdentity, checkName } from './method-identity.js';

/** Options of {@link Cached}. `This` and `Args` are inferred from the decorated method. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface CachedOptions<This, Args extends any[]> {
  /** Seconds that a result stays valid: an integer from 1 to 2,147,483,647. */
  readonly ttl: number;
  /**
   * The `{feature}` of the key `cache:{feature}:{key}`, 1 to 256 bytes, unlike any other in the namespace. Give one where
   * class names are minified, where two classes have one name, or where a deployment must find the entries of the one before.
   * @default the class and the method: `ContentService.list`
   */
  readonly name?: string;
  /**
   * The `{key}` of the key, from the arguments of the call; `this` is the instance. Must tell apart all calls that give
   * different results: the user, where the result depends on the user.
   * @default the arguments in a canonical form
   */
  readonly key?: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Where the cache is. May read private members.
   * @default `this.cache`, else the `CACHE_CLIENT` of the request scope that built the instance
   */
  readonly cache?: NoInfer<(self: This) => Cache | undefined>;
}

/**
 * Caches what an async method returns: a hit is answered from the cache, a miss runs the method and stores its result
 * for `ttl` seconds. A cache that fails never fails the call, and the method's own error reaches the caller as it is and is
 * not stored; neither is `undefined`. Results are JSON: a `Date` comes back as a string.
 *
 * Sits on instance methods, as a legacy and as a TC39 decorator. Put it above other decorators, so that hits cost nothing
 * more. Calls on one instance with equal arguments share one key; what else the result depends on (a user, a tenant)
 * belongs into `key`.
 *
 * @param options the TTL in seconds, or {@link CachedOptions}.
 * @returns the decorator.
 * @throws {CloudflareClientError} at class definition: `INVALID_TTL`, `INVALID_OPTION`, and `INVALID_DECORATION` where it
 * does not sit on an instance method. A call rejects with `CACHE_NOT_FOUND` when the instance has no cache, and with
 * `INVALID_ARGUMENT` when an argument cannot be part of a key and no `key` is given.
 * @example
 * ```ts
 * @Injectable(CACHE_CLIENT, DATABASE)
 * class ContentService {
 *   constructor(readonly cache: CacheClient, readonly database: Database) {}
 *
 *   @Cached(300)
 *   async list(category: string): Promise<Content[]> {
 *     return this.database.list(category);
 *   }
 *
 *   @Cached({ ttl: 60, name: 'content', key: (id) => id })
 *   async get(id: string): Promise<Content | null> {
 *     return this.database.get(id);
 *   }
 * }
 * ```
 */
// `any` as default keeps a stored decorator reusable: const FiveMinutes = Cached(300).
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function Cached<This = any, Args extends any[] = any[]>(
  options: number | CachedOptions<This, Args>,
): AsyncMethodDecorator<This, Args> {
  const resolved = checkOptions(typeof options === 'number' ? { ttl: options } : options);
  return methodDecorator('@Cached', (decorated) => cachedMethod(decorated, resolved)) as AsyncMethodDecorator<
    This,
    Args
  >;
}

type AnyCachedOptions = CachedOptions<never, never[]>;

function cachedMethod(decorated: DecoratedMethod, options: AnyCachedOptions): DecoratedMethod['method'] {
  const { method, name } = decorated;
  const { ttl, cache: accessor } = options;
  const identity = new MethodIdentity(decorated, options.name, options.key !== undefined);
  markCachedMethods(decorated.owner);
  const keyOf = options.key as ((this: object, ...args: unknown[]) => unknown) | undefined;

  return function (this: unknown, ...args: unknown[]): Promise<unknown> {
    try {
      const instance = checkInstance(this, name);
      const cache = findCache(instance, name, accessor);
      const callKey =
        keyOf === undefined ? argumentsKey(args, instance, name) : givenKey(keyOf.apply(instance, args), name);
      const key = cacheKey(identity.featureOf(instance), callKey);
      const load = () => method.apply(instance, args);
      if (typeof key === 'string') return cache.getOrSet(key, ttl, load);
      return key.then((hashed) => cache.getOrSet(hashed, ttl, load));
    } catch (error) {
      // An async method rejects and never throws; whatever was thrown is passed on as it is.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      return Promise.reject(error);
    }
  };
}

function checkOptions(options: unknown): AnyCachedOptions {
  const { ttl, name, key, cache } = (options ?? {}) as Record<keyof AnyCachedOptions, unknown>;
  checkTtl(ttl);
  checkName(name);
  checkFunction('key', key);
  checkFunction('cache', cache);
  return options as AnyCachedOptions;
}

function checkFunction(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return;
  throw new CloudflareClientError('INVALID_OPTION', `@Cached: ${option} must be a function, got a ${typeof value}.`);
}

function checkInstance(instance: unknown, method: string): object {
  if (typeof instance === 'object' && instance !== null) return instance;
  throw new CloudflareClientError(
    'CACHE_NOT_FOUND',
    `@Cached method ${method} was called without its instance: call it on the object, or bind it.`,
  );
}

function argumentsKey(args: readonly unknown[], instance: object, method: string): string {
  try {
    return canonicalArguments(args);
  } catch (error) {
    if (!isCloudflareClientError(error)) throw error;
    throw new CloudflareClientError(
      'INVALID_ARGUMENT',
      `${instance.constructor.name}.${method}: ${error.message}. Give the decorator a key: @Cached({ ttl, key: (...args) => '...' }).`,
      { cause: error },
    );
  }
}

function givenKey(key: unknown, method: string): string {
  if (typeof key === 'string' && key !== '' && isWellFormed(key)) return key;
  const got = typeof key === 'string' ? JSON.stringify(key.slice(-20)) : `a ${typeof key}`;
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `@Cached method ${method}: key must return a non-empty string without half of a surrogate pair, got ${got}.`,
  );
}
