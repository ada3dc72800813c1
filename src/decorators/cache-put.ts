import type { GetOrSetOptions } from '../clients/kv/cache/cache-options.js';
import type { Cache } from '../clients/kv/cache/cache.js';
import { CloudflareClientError } from '../errors.js';
import { CallKeys } from './call-keys.js';
import { askBoolean, checkInstance } from './decorator-options.js';
import { findCache } from './find-cache.js';
import { methodDecorator } from './method-decorator.js';
import type { AsyncMethodDecorator, DecoratedMethod } from './method-decorator.js';
import { optionsOfCall, planStoring } from './storing-options.js';
import type { StoringOptions, StoringPlan } from './storing-options.js';

/** Options of {@link CachePut}. `This`, `Args` and `Result`, which is what the promise gives, are inferred from the decorated method. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface CachePutOptions<This, Args extends any[], Result = any> extends StoringOptions<This, Args, Result> {
  /** The `name` of the `@Cached` method whose entry is replaced, on the instance that the call is made on. */
  readonly name: string | NoInfer<(self: This) => string>;
  /** The `{key}` of the entry, as the `key` of the `@Cached` method gives it; from the arguments, before the method runs. */
  readonly key: NoInfer<(this: This, ...args: Args) => string>;
}

/**
 * Runs an async method always, and stores what it gave as the entry of the `@Cached` method that has the same `name`, `key` and
 * `scope`: what changes a thing leaves the new one in the cache. Give it the bounds and the `codec` of that method too.
 *
 * What the method gives reaches the caller unchanged, and as late as the entry is stored. A cache that fails never fails
 * the call: a `CacheClient` reports it as an event, the failure of another cache goes unseen. The method's own error passes
 * as it is and stores nothing. What is not wired rejects before the method runs.
 *
 * @param options name, key and TTL in seconds are required. The cache is asked for `getOrSet` with `forceFresh: true`, which a cache of
 * your own must heed.
 * @returns the decorator, legacy and TC39 in one, for instance methods.
 * @throws {CloudflareClientError} at class definition: `INVALID_TTL`, `INVALID_OPTION`, and `INVALID_DECORATION` where it does not sit on
 * an instance method, or where a method of that name has no `key` or another `codec`. A call rejects, before the method runs, as one of `@Cached` does.
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
 *   @CachePut({ ttl: 300, name: 'content', key: (id) => id })
 *   async update(id: string, changes: Partial<Content>): Promise<Content> {
 *     return { ...changes, id };
 *   }
 * }
 * ```
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see Cached
export function CachePut<This = any, Args extends any[] = any[], Result = any>(
  options: CachePutOptions<This, Args, Result>,
): AsyncMethodDecorator<This, Args, Result> {
  const plan = planPut(options);
  return methodDecorator('@CachePut', (decorated) => puttingMethod(decorated, plan));
}

function planPut(options: unknown): StoringPlan {
  const plan = planStoring('@CachePut', options);
  if (plan.name === undefined || plan.key === undefined) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `@CachePut: ${plan.name === undefined ? 'name' : 'key'} is missing. Give the name and the key of the @Cached method whose entry it replaces.`,
    );
  }
  // In a load that is shared with other requests, the value of this one could be lost.
  return { ...plan, fresh: Object.freeze({ ...plan.fresh, singleFlight: 'request' }) };
}

function puttingMethod(decorated: DecoratedMethod, plan: StoringPlan): DecoratedMethod['method'] {
  const keys = new CallKeys(decorated, plan);
  return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
    const instance = checkInstance(this, decorated);
    const { when, ttl } = plan;
    const run = () => decorated.method.apply(instance, args);
    if (when !== undefined && !askBoolean('when', when, decorated, { instance, args })) return run();
    const cache = findCache(instance, decorated, plan.cache);
    const key = await keys.of(instance, args);
    const options = optionsOfCall(plan, instance, args, true);
    // Before the cache and not as its loader: calls for one key share a load, and each of these must run.
    const value = await run();
    await store(cache, key, { ttl, value, options });
    return value;
  };
}

interface Put {
  readonly ttl: StoringPlan['ttl'];
  readonly value: unknown;
  readonly options: GetOrSetOptions<unknown> | undefined;
}

async function store(cache: Cache, key: string, { ttl, value, options }: Put): Promise<void> {
  try {
    await cache.getOrSet(key, ttl, () => value, options);
  } catch {
    // What was changed is changed, whether or not the cache knows.
  }
}
