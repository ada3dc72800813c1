import type { EvictReport } from '../clients/kv/cache/evict.js';
import { CloudflareClientError } from '../errors.js';
import type { CachedCalls } from './cached-calls.js';
import { chainOf, ofClass } from './method-decorator.js';
import type { DecoratedMethod } from './method-decorator.js';

/** What decoration with `@Cached` adds to a method. The arguments are those of the call that is meant. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface CachedMethod<Args extends any[], Result> {
  /**
   * The full key of the entry, whether it is there or not, and whatever `when` says.
   *
   * @throws {CloudflareClientError} `INVALID_ARGUMENT` where the call would reject with it.
   */
  keyOf(...args: Args): Promise<string>;
  /**
   * Drops the entry.
   *
   * @returns what became of it; a KV that fails is in the report.
   * @throws {CloudflareClientError} `CACHE_NOT_FOUND`, also for a cache without `evict`, and as `keyOf`.
   */
  invalidate(...args: Args): Promise<EvictReport>;
  /**
   * Runs the method and stores what it gives, whatever the cache holds. Where `when` says no, it only runs.
   *
   * @returns what the method gave.
   * @throws {CloudflareClientError} what the call itself would reject with.
   */
  refresh(...args: Args): Promise<Result>;
}

/** {@link CachedMethod} of a method type; of an overloaded method, for its last overload. `undefined` of what returns no promise. */
export type CachedMethodOf<Member> = Member extends (...args: infer Args) => Promise<infer Result>
  ? CachedMethod<Args, Result>
  : undefined;

/** What {@link cached} gives, by the names of the public methods. */
// Members are not filtered by `as`: the compiler could not resolve cached(this) inside the class then.
export type CachedMethods<Service> = { readonly [Name in keyof Service]: CachedMethodOf<Service[Name]> };

/**
 * Gives access to what `@Cached` added to the methods of a service: `keyOf`, `invalidate` and `refresh`, typed like the
 * method itself. Of an overridden method it means the one that a call would run.
 *
 * @param service an instance of a class with cached methods.
 * @returns an object with the cached methods. Taking one that is not cached throws `INVALID_DECORATION`.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` when `service` is no instance.
 * @example
 * ```ts
 * class ContentService {
 *   constructor(readonly cache: CacheClient, readonly database: Database) {}
 *
 *   @Cached(300)
 *   async list(category: string): Promise<Content[]> {
 *     return this.database.list(category);
 *   }
 * }
 *
 * const contentService = new ContentService(cache, database);
 * await cached(contentService).list.invalidate('news');
 * const fresh: Content[] = await cached(contentService).list.refresh('news');
 * ```
 */
export function cached<Service extends object>(service: Service): CachedMethods<Service> {
  if (typeof service !== 'object' || (service as object | null) === null) {
    throw new CloudflareClientError(
      'INVALID_ARGUMENT',
      'cached(service) takes an instance of a class with @Cached methods.',
    );
  }
  const methods: object = new Proxy(
    {},
    { get: (none, name): unknown => (isMember(service, name) ? methodOf(service, name) : Reflect.get(none, name)) },
  );
  // What the mapped type lists is what the proxy finds by name.
  return methods as CachedMethods<Service>;
}

const callsOfWrapper = new WeakMap<object, CachedCalls>();
const callsOfClass = new WeakMap<object, Map<string | symbol, CachedCalls>>();

/** Remembers a cached method, so that {@link cached} finds it also under a decorator of somebody else. */
export function registerCalls({ owner, property }: DecoratedMethod, wrapper: object, calls: CachedCalls): void {
  callsOfWrapper.set(wrapper, calls);
  callsOfClass.set(owner, (callsOfClass.get(owner) ?? new Map<string | symbol, CachedCalls>()).set(property, calls));
}

/** Puts `keyOf`, `invalidate` and `refresh` on the decorated function, where `.call(service, ...)` reaches them. */
export function attachCalls({ name, decorator }: DecoratedMethod, wrapper: object, calls: CachedCalls): void {
  for (const operation of ['keyOf', 'invalidate', 'refresh'] as const) {
    const value = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      if (typeof this === 'object' && this !== null) return calls[operation](this, args);
      throw new CloudflareClientError(
        'CACHE_NOT_FOUND',
        `${decorator} method ${name}: ${operation} was called without the instance, which a function does not know. ` +
          `Call cached(service).${name}.${operation}(...).`,
      );
    };
    Object.defineProperty(wrapper, operation, { value, configurable: true, writable: true });
  }
}

function isMember(service: object, property: string | symbol): boolean {
  // Not what every object has: consoles and matchers read that.
  return property in service && !(property in Object.prototype);
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- typed by the caller
function methodOf(service: object, property: string | symbol): CachedMethod<any[], unknown> {
  const calls = findCalls(service, property);
  if (calls === undefined) throw notCached(service, property);
  return {
    keyOf: (...args: unknown[]) => calls.keyOf(service, args),
    invalidate: (...args: unknown[]) => calls.invalidate(service, args),
    refresh: (...args: unknown[]) => calls.refresh(service, args),
  };
}

/** The cached method that the nearest level of the class has under `property`. */
function findCalls(service: object, property: string | symbol): CachedCalls | undefined {
  // From the class on: a method that was bound or spied upon on the instance is still the method.
  const prototype = Object.getPrototypeOf(service) as object | null;
  const level = prototype && chainOf(prototype).find((candidate) => Object.hasOwn(candidate, property));
  if (level == null) return undefined;
  const own: unknown = Object.getOwnPropertyDescriptor(level, property)?.value;
  // By the function as well: some compilers of TC39 decorators tell them nothing about their class.
  const byWrapper = typeof own === 'function' ? callsOfWrapper.get(own) : undefined;
  return byWrapper ?? ofClass(callsOfClass, level)?.get(property);
}

function notCached(service: object, property: string | symbol): CloudflareClientError {
  return new CloudflareClientError(
    'INVALID_DECORATION',
    `${service.constructor.name}.${String(property)} is not cached: it carries no @Cached. A mock carries none either: in a test, build the real class with a ` +
      'CacheClient on a MemoryKVNamespace, or with a cache whose evict and getOrSet you spy on.',
  );
}
