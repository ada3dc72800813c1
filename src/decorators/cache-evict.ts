import type { Cache, EvictableCache } from '../clients/kv/cache/cache.js';
import type { EvictTarget } from '../clients/kv/cache/evict.js';
import { checkTags } from '../clients/kv/cache/tags.js';
import { checkDeletePrefix } from '../clients/kv/delete-many.js';
import { checkKeys } from '../clients/kv/key.js';
import { CloudflareClientError } from '../errors.js';
import { askBoolean, checkFunction, checkInstance } from './decorator-options.js';
import type { Call, InstanceFunction } from './decorator-options.js';
import { findEvictableCache } from './find-cache.js';
import type { CacheAccessor } from './find-cache.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';

/** Full cache keys, at once or as promises, as `cached(this).get.keyOf(id)` gives them. */
export type EvictedKeys = string | readonly (string | Promise<string>)[] | Promise<string | readonly string[]>;

/** Options of {@link CacheEvict}: at least one of `keys`, `prefix` and `tags`. `This` and `Args` are inferred from the decorated method. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface CacheEvictOptions<This, Args extends any[]> {
  /**
   * Full cache keys, each of 1 to 512 UTF-8 bytes, or what gives them from the arguments.
   * @default none
   */
  readonly keys?: readonly string[] | NoInfer<(this: This, ...args: Args) => EvictedKeys>;
  /**
   * What the keys start with, 1 to 512 UTF-8 bytes, or what gives it from the arguments. `cachePrefix(name, scope)` makes one. Costs a
   * listing, and a delete for each key.
   * @default none
   */
  readonly prefix?: string | NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Tags of the entries, or what gives them from the arguments. What is longer than 128 UTF-8 bytes becomes its `cacheTag`, as
   * the tags of `@Cached` do.
   * @default none
   */
  readonly tags?: readonly string[] | NoInfer<(this: This, ...args: Args) => readonly string[]>;
  /**
   * Whether a call drops anything.
   * @default always
   */
  readonly when?: NoInfer<(this: This, ...args: Args) => boolean>;
  /**
   * Whether to drop before the method runs, and so also when it fails. By default after it has succeeded: what is read while
   * it runs can be the old state, and would be stored again.
   * @default false
   */
  readonly before?: boolean;
  /**
   * Where the cache is. May read private members.
   * @default `this.cache`, else the `CACHE_CLIENT` of the request scope that built the instance
   */
  readonly cache?: NoInfer<(self: This) => Cache | undefined>;
}

/**
 * Drops entries of the cache when an async method succeeds, or before it runs. All parts go into one `cache.evict`.
 *
 * Eviction never changes what comes of the method: a KV that fails is an event of the `CacheClient`, the failure of another
 * cache goes unseen. So that nothing wrong stays unseen either, the cache is found and the functions are asked before
 * the method runs: a call that could not evict rejects, and the method has not run.
 *
 * @param options what to drop and when.
 * @returns the decorator, legacy and TC39 in one, for instance methods. It can sit above and below the others.
 * @throws {CloudflareClientError} at class definition: `INVALID_OPTION`, `INVALID_KEY`, `INVALID_PREFIX`, and `INVALID_DECORATION` where it
 * does not sit on an instance method. A call rejects before the method runs: with `CACHE_NOT_FOUND` when there is no cache or it has no `evict`, with
 * `INVALID_KEY`, `INVALID_PREFIX` or `INVALID_OPTION` when a function gives no such thing, with `INVALID_ARGUMENT` when `when` gives no
 * boolean, and with what a function throws.
 * @example
 * ```ts
 * class ContentService {
 *   constructor(readonly cache: CacheClient, readonly database: Database) {}
 *
 *   @Cached({ ttl: 300, name: 'content', key: (id) => id })
 *   async get(id: string): Promise<Content | null> {
 *     return this.database.get(id);
 *   }
 *
 *   @CacheEvict({
 *     keys(id) {
 *       return cached(this).get.keyOf(id);
 *     },
 *     tags: ['content-list'],
 *   })
 *   async remove(id: string): Promise<void> {
 *     await this.database.get(id);
 *   }
 * }
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see Cached
export function CacheEvict<This = any, Args extends any[] = any[]>(
  options: CacheEvictOptions<This, Args>,
): AsyncMethodDecorator<This, Args> {
  const plan = planEviction(options);
  return methodDecorator('@CacheEvict', (decorated) => evictingMethod(decorated, plan));
}

interface EvictionPlan {
  readonly targetOf: (call: Call) => Promise<EvictTarget>;
  readonly when: InstanceFunction | undefined;
  readonly isBefore: boolean;
  readonly cache: CacheAccessor | undefined;
}

function planEviction(options: unknown): EvictionPlan {
  const { keys, prefix, tags, when, before, cache } = (options ?? {}) as Record<string, unknown>;
  if (keys === undefined && prefix === undefined && tags === undefined) {
    throw new CloudflareClientError('INVALID_OPTION', '@CacheEvict: nothing to drop. Give keys, prefix or tags.');
  }
  if (before !== undefined && typeof before !== 'boolean') {
    throw new CloudflareClientError('INVALID_OPTION', `@CacheEvict: before must be a boolean, got a ${typeof before}.`);
  }
  return {
    targetOf: targetOf(part(keys, evictedKeys), part(prefix, evictedPrefix), part(tags, evictedTags)),
    when: checkFunction('@CacheEvict', 'when', when),
    isBefore: before === true,
    cache: checkFunction('@CacheEvict', 'cache', cache) as CacheAccessor | undefined,
  };
}

function evictingMethod(decorated: DecoratedMethod, plan: EvictionPlan): DecoratedMethod['method'] {
  const { when, isBefore, targetOf: findTarget } = plan;
  return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const instance = checkInstance(this, decorated);
    const run = () => decorated.method.apply(instance, args);
    if (when !== undefined && !askBoolean('when', when, decorated, { instance, args })) return run();
    const cache = findEvictableCache(instance, decorated, plan.cache);
    const target = await findTarget({ instance, args });
    if (isBefore) await evict(cache, target);
    const result = await run();
    if (!isBefore) await evict(cache, target);
    return result;
  };
}

async function evict(cache: EvictableCache, target: EvictTarget): Promise<void> {
  if (Object.keys(target).length === 0) return;
  try {
    await cache.evict(target);
  } catch {
    // What the method does is done, whether or not the cache knows.
  }
}

type Part<Value> = (call: Call) => Value | Promise<Value>;

/** A part of the target: checked at once where it is fixed, else as soon as the arguments are known. */
function part<Value>(option: unknown, check: (given: unknown) => Value): Part<Value> | undefined {
  if (option === undefined) return undefined;
  if (typeof option === 'function') {
    return async ({ instance, args }) => {
      const given: unknown = await (option as InstanceFunction).apply(instance, args);
      return check(Array.isArray(given) ? await Promise.all(given) : given);
    };
  }
  const fixed = check(option);
  return () => fixed;
}

function targetOf(
  keys: Part<readonly string[]> | undefined,
  prefix: Part<string> | undefined,
  tags: Part<readonly string[]> | undefined,
): EvictionPlan['targetOf'] {
  return async (call) => {
    const [allKeys, start, allTags] = await Promise.all([keys?.(call) ?? [], prefix?.(call), tags?.(call) ?? []]);
    return {
      ...(allKeys.length > 0 && { keys: allKeys }),
      ...(start !== undefined && { prefix: start }),
      ...(allTags.length > 0 && { tags: allTags }),
    };
  };
}

function evictedKeys(given: unknown): readonly string[] {
  return checkKeys(typeof given === 'string' ? [given] : given);
}

function evictedPrefix(given: unknown): string {
  checkDeletePrefix(given);
  return given;
}

function evictedTags(given: unknown): readonly string[] {
  if (!Array.isArray(given)) return checkTags(given);
  // One by one: an entry has a bound of tags, an eviction has none.
  return [...new Set((given as unknown[]).flatMap((tag) => checkTags([tag])))];
}
