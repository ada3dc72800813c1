import type { CachePolicyOptions } from '../clients/kv/cache/cache-options.js';
import type { StandardSchema } from '../clients/kv/cache/standard-schema.js';
import { CachedCalls } from './cached-calls.js';
import { attachCalls, registerCalls } from './cached-methods.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';
import { planStoring } from './storing-options.js';
import type { StoringOptions, StoringPlan } from './storing-options.js';

/**
 * Options of {@link Cached}: all of `getOrSet`, and which entry a call means. `This`, `Args` and `Result`, which is what the
 * promise gives, are inferred from the decorated method.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod; stored options fit methods of any result
export interface CachedOptions<This, Args extends any[], Result = any>
  extends StoringOptions<This, Args, Result>, CachePolicyOptions {
  /**
   * Whether a call loads and stores even when the value is there. One that takes arguments needs a `key` that leaves out
   * those which only force; {@link cached} can `refresh` without any.
   * @default never
   */
  readonly forceFresh?: NoInfer<(this: This, ...args: Args) => boolean>;
  /**
   * Checks what is read from the cache; a mismatch is a miss. Loaded values are not checked. What the schema answers is returned.
   * @default none
   */
  readonly schema?: NoInfer<StandardSchema<Result>>;
}

/**
 * Caches what an async method returns: a hit is answered from the cache, a miss runs the method and stores its result
 * for `ttl` seconds. A cache that fails never fails the call, and the method's own error reaches the caller as it is and is
 * not stored; neither is what JSON would lose (`undefined`, a `Date`, a `Map`), unless a `codec` holds it.
 *
 * Sits on instance methods, as a legacy and as a TC39 decorator. Put it above other decorators, so that hits cost nothing
 * more. Calls on one instance with equal arguments share one key; what else the result depends on belongs into `key`, and
 * whose it is (a user, a tenant) into `scope`. {@link cached} gives the key of a call, invalidates and refreshes it.
 *
 * The method is not told when `hardTimeoutMs` gives it up: its signature is its own.
 *
 * @param options the TTL in seconds, or {@link CachedOptions}. The cache is given a fourth argument only where an option is for it.
 * @returns the decorator.
 * @throws {CloudflareClientError} at class definition: `INVALID_TTL`, `INVALID_OPTION`, and `INVALID_DECORATION` where it
 * does not sit on an instance method or would share its keys. A call rejects with `CACHE_NOT_FOUND` when the instance has no
 * cache, with `INVALID_DECORATION` when another class uses its fixed `name`, and with `INVALID_ARGUMENT` when an argument cannot be part of a key and no `key` is given, when `scope` gives none,
 * or when `when` or `forceFresh` gives no boolean; what these functions throw, it rejects with.
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
 *   @Cached({ ttl: 60, name: 'content', key: (id) => id, staleIfError: 3600, tags: (id) => [`content:${id}`] })
 *   async get(id: string): Promise<Content | null> {
 *     return this.database.get(id);
 *   }
 *
 *   @Cached({ ttl: 60, name: 'feed', scope: (userId) => userId ?? '', when: (userId) => userId !== null })
 *   async feed(userId: string | null): Promise<Content[]> {
 *     return this.database.list(userId ?? 'everyone');
 *   }
 * }
 * ```
 */
// `any` as default keeps a stored decorator reusable: const FiveMinutes = Cached(300).
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export function Cached<This = any, Args extends any[] = any[], Result = any>(
  options: number | CachedOptions<This, Args, Result>,
): AsyncMethodDecorator<This, Args, Result> {
  const plan = planStoring('@Cached', typeof options === 'number' ? { ttl: options } : options);
  return methodDecorator('@Cached', (decorated) => cachedMethod(decorated, plan));
}

function cachedMethod(decorated: DecoratedMethod, plan: StoringPlan): DecoratedMethod['method'] {
  const calls = new CachedCalls(decorated, plan);
  const wrapper = function (this: unknown, ...args: unknown[]): Promise<unknown> {
    return calls.call(this, args);
  };
  registerCalls(decorated, wrapper, calls);
  attachCalls(decorated, wrapper, calls);
  return wrapper;
}
