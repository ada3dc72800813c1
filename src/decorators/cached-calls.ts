import type { EvictReport } from '../clients/kv/cache/evict.js';
import { CallKeys } from './call-keys.js';
import { askBoolean, checkInstance } from './decorator-options.js';
import { findCache, findEvictableCache } from './find-cache.js';
import type { DecoratedMethod } from './method-decorator.js';
import { optionsOfCall } from './storing-options.js';
import type { StoringPlan } from './storing-options.js';

/** What can be done with the calls of one cached method. `self` is whatever the call had for `this`. */
export class CachedCalls {
  readonly #decorated: DecoratedMethod;
  readonly #plan: StoringPlan;
  readonly #keys: CallKeys;

  constructor(decorated: DecoratedMethod, plan: StoringPlan) {
    this.#decorated = decorated;
    this.#plan = plan;
    this.#keys = new CallKeys(decorated, plan);
  }

  /** Answers a call from the cache, or runs the method and stores what it gives. */
  call(self: unknown, args: unknown[]): Promise<unknown> {
    try {
      return this.#read(checkInstance(self, this.#decorated), args, false);
    } catch (error) {
      // An async method rejects and never throws; whatever was thrown is passed on as it is. Not an async function: a hit
      // pays for every promise.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      return Promise.reject(error);
    }
  }

  /** Runs the method and stores what it gives, whatever the cache holds. */
  async refresh(self: unknown, args: unknown[]): Promise<unknown> {
    return this.#read(checkInstance(self, this.#decorated), args, true);
  }

  /** The key of a call. */
  async keyOf(self: unknown, args: unknown[]): Promise<string> {
    return this.#keys.of(checkInstance(self, this.#decorated), args);
  }

  /** Drops the entry of a call. */
  async invalidate(self: unknown, args: unknown[]): Promise<EvictReport> {
    const instance = checkInstance(self, this.#decorated);
    const cache = findEvictableCache(instance, this.#decorated, this.#plan.cache);
    return cache.evict({ keys: [await this.#keys.of(instance, args)] });
  }

  #read(instance: object, args: unknown[], isForced: boolean): Promise<unknown> {
    const { when, forceFresh, ttl } = this.#plan;
    const load = () => this.#decorated.method.apply(instance, args);
    if (when !== undefined && !askBoolean('when', when, this.#decorated, { instance, args })) return load();
    const cache = findCache(instance, this.#decorated, this.#plan.cache);
    const key = this.#keys.of(instance, args);
    const isFresh =
      isForced ||
      (forceFresh !== undefined && askBoolean('forceFresh', forceFresh, this.#decorated, { instance, args }));
    const options = optionsOfCall(this.#plan, instance, args, isFresh);
    const read = (found: string) =>
      options === undefined ? cache.getOrSet(found, ttl, load) : cache.getOrSet(found, ttl, load, options);
    return typeof key === 'string' ? read(key) : key.then(read);
  }
}
