import type { CachePolicyOptions, GetOrSetOptions, Ttl } from '../clients/kv/cache/cache-options.js';
import { checkGetOrSetOptions } from '../clients/kv/cache/cache-policy.js';
import type { Cache } from '../clients/kv/cache/cache.js';
import { cacheTag } from '../clients/kv/cache/cache-tag.js';
import { checkTaggedLife, checkTags } from '../clients/kv/cache/tags.js';
import { isWellFormed } from '../clients/kv/key.js';
import { checkTtl } from '../clients/kv/ttl.js';
import { CloudflareClientError } from '../errors.js';
import type { KeyOptions } from './call-keys.js';
import { checkFunction } from './decorator-options.js';
import type { InstanceFunction } from './decorator-options.js';
import type { CacheAccessor } from './find-cache.js';
import type { KeyName } from './key-shape.js';
import { checkName } from './method-identity.js';

/**
 * What `@Cached` and `@CachePut` have in common: which entry a call means and how it is stored. `This`, `Args` and
 * `Result`, which is what the promise gives, are inferred from the decorated method.
 */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see AsyncMethod
export interface StoringOptions<This, Args extends any[], Result> extends Pick<
  CachePolicyOptions,
  'staleWhileRevalidate' | 'staleIfError' | 'negativeTtlSeconds' | 'ttlJitter' | 'awaitWrites' | 'codec'
> {
  /**
   * Seconds that a result stays valid: an integer from 1 to 2,147,483,647. Or what says them from the result, 0 for one that
   * is not to be kept.
   */
  readonly ttl: number | NoInfer<(value: Result) => number>;
  /**
   * The `{feature}` of the key `cache:{feature}:{key}`, 1 to 256 bytes, unlike any other in the namespace. Give one where
   * class names are minified, where two classes have one name, or where a deployment must find the entries of the one before.
   *
   * Of a method that subclasses inherit, a fixed name fits one class: the calls of a second one that uses it reject with
   * `INVALID_DECORATION`, those of the first then too. That is noticed per isolate; where each isolate sees another class,
   * they share entries unnoticed. So give a method of a base class a function that says the name for each class,
   * `name: (self) => self.table`; where all are to share their entries, `name: () => 'content'`. What overrides a method needs
   * another name than it, but for a `@CachePut` that overrides a `@CachePut`.
   * @default the class and the method: `ContentService.list`; of an inherited one also the class of the instance: `Base.list@Sub`
   */
  readonly name?: string | NoInfer<(self: This) => string>;
  /**
   * The `{key}` of the key, from the arguments of the call; `this` is the instance. Must tell apart all calls that give
   * different results.
   * @default the arguments in a canonical form
   */
  readonly key?: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Whose the result is: a user, a tenant. The key becomes `cache:{feature}:@{scope}:{key}`, so that nobody meets the entry of
   * another, and `deletePrefix(cachePrefix(name, scope))` drops all of one. 1 to 128 UTF-8 bytes, three for each `:` and `%`;
   * a call for which it gives nothing of that kind rejects with `INVALID_ARGUMENT`. Leave the cache out for these with `when`.
   * @default none: all callers share the entries
   */
  readonly scope?: NoInfer<(this: This, ...args: Args) => string>;
  /**
   * Whether the cache has a part in a call. With `false` the method runs, and nothing is read, stored or even looked for.
   * @default always
   */
  readonly when?: NoInfer<(this: This, ...args: Args) => boolean>;
  /**
   * Names under which the entry can be invalidated: a list, or what gives it from the arguments, so that tags are checked in
   * the read of the entry itself. At most 32 with those of `tagsOf`; one longer than 128 UTF-8 bytes becomes its `cacheTag`.
   * @default none
   */
  readonly tags?: readonly string[] | NoInfer<(this: This, ...args: Args) => readonly string[]>;
  /**
   * Further tags, which only the result tells. They cost a second read on each hit.
   * @default none
   */
  readonly tagsOf?: NoInfer<(value: Result) => readonly string[]>;
  /**
   * Whether a result is stored; it is returned either way.
   * @default always
   */
  readonly cacheIf?: NoInfer<(value: Result) => boolean>;
  /**
   * Where the cache is. May read private members.
   * @default `this.cache`, else the `CACHE_CLIENT` of the request scope that built the instance
   */
  readonly cache?: NoInfer<(self: This) => Cache | undefined>;
}

/** The options of a storing decorator, checked and split by who needs them. */
export interface StoringPlan extends KeyOptions {
  readonly ttl: Ttl<unknown>;
  readonly when: InstanceFunction | undefined;
  readonly forceFresh: InstanceFunction | undefined;
  readonly cache: CacheAccessor | undefined;
  /** What the cache is given; `undefined` where no option is for it, because a cache of one's own may take three arguments. */
  readonly fixed: GetOrSetOptions<unknown> | undefined;
  /** The same for a call that must load. */
  readonly fresh: GetOrSetOptions<unknown>;
  /** What the arguments of a call add to these; `undefined` where they add nothing. */
  readonly tagsOfCall: ((instance: object, args: unknown[]) => GetOrSetOptions<unknown>['tags']) | undefined;
}

type Tags = NonNullable<GetOrSetOptions<unknown>['tags']>;
type TagsOf = (value: unknown) => readonly string[];

/**
 * Checks the options of a storing decorator and splits them once, so that calls need not.
 *
 * @param decorator how messages call it: `@Cached`.
 * @param options as they were given.
 * @throws {CloudflareClientError} `INVALID_TTL` and `INVALID_OPTION`, at class definition.
 */
export function planStoring(decorator: string, options: unknown): StoringPlan {
  const given = (options ?? {}) as Record<string, unknown>;
  const { ttl, name, key, scope, when, forceFresh, cache, tags, tagsOf, ...policy } = given;
  const { codec } = policy;
  if (typeof ttl !== 'function') checkTtl(ttl);
  checkName(decorator, name);
  const valueTags = valueTagsOf(checkFunction(decorator, 'tagsOf', tagsOf) as TagsOf | undefined);
  const fixed = clientOptions(policy, typeof tags === 'function' ? valueTags : unite(tags, valueTags));
  // Here and not only by the client: @CachePut does not fail a call for what the client says.
  if (tags !== undefined || tagsOf !== undefined) checkTaggedLife(['any'], ttl, staleSeconds(fixed));
  return {
    ttl: ttl as Ttl<unknown>,
    name: name as KeyName | undefined,
    key: checkFunction(decorator, 'key', key),
    scope: checkFunction(decorator, 'scope', scope),
    codec,
    when: checkFunction(decorator, 'when', when),
    forceFresh: checkForceFresh(decorator, forceFresh, key),
    cache: checkFunction(decorator, 'cache', cache) as CacheAccessor | undefined,
    fixed,
    fresh: Object.freeze({ ...fixed, forceFresh: true }),
    tagsOfCall: typeof tags === 'function' ? tagsByArguments(tags as InstanceFunction, valueTags) : undefined,
  };
}

/** What the cache is given for one call. */
export function optionsOfCall(
  plan: StoringPlan,
  instance: object,
  args: unknown[],
  isFresh: boolean,
): GetOrSetOptions<unknown> | undefined {
  const { fixed, fresh, tagsOfCall } = plan;
  const base = isFresh ? fresh : fixed;
  if (tagsOfCall === undefined) return base;
  return { ...base, tags: tagsOfCall(instance, args) ?? [] };
}

function checkForceFresh(decorator: string, forceFresh: unknown, key: unknown): InstanceFunction | undefined {
  const asked = checkFunction(decorator, 'forceFresh', forceFresh);
  // One that asks only the instance is told nothing by arguments.
  if (asked === undefined || asked.length === 0 || key !== undefined) return asked;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${decorator}: forceFresh takes arguments, and without a key they are all part of the key: what it loads would not be found by a ` +
      'call without them. Give a key that leaves out what only forces, key: (id) => id, or call cached(service).method.refresh(...).',
  );
}

function clientOptions(policy: Record<string, unknown>, tags: unknown): GetOrSetOptions<unknown> | undefined {
  if (Object.hasOwn(policy, 'bypass')) {
    throw new CloudflareClientError('INVALID_OPTION', 'Option bypass is refused: give when: (...args) => boolean.');
  }
  const given = Object.entries({ ...policy, tags }).filter(([, value]) => value !== undefined);
  if (given.length === 0) return undefined;
  const options: object = Object.fromEntries(given);
  checkGetOrSetOptions(options);
  return Object.freeze(options);
}

function staleSeconds({ staleWhileRevalidate = 0, staleIfError = 0 }: GetOrSetOptions<unknown> = {}): number {
  return Math.max(staleWhileRevalidate, staleIfError);
}

/** All tags that do not depend on the arguments, as the client takes them. */
function unite(tags: unknown, tagsOf: TagsOf | undefined): unknown {
  if (tags === undefined || tagsOf === undefined) return tags ?? tagsOf;
  const known = checkTags(tags);
  return (value: unknown) => {
    const further: unknown = tagsOf(value);
    // What is no list is left for the client to refuse.
    return Array.isArray(further) ? [...known, ...(further as string[])] : further;
  };
}

function tagsByArguments(tags: InstanceFunction, tagsOf: TagsOf | undefined): NonNullable<StoringPlan['tagsOfCall']> {
  return (instance, args) => unite(checkTags(tags.apply(instance, args)), tagsOf) as Tags;
}

/** Shortens the tags of a result, in case that the cache does not: `@CacheEvict` shortens what it drops. */
function valueTagsOf(tagsOf: TagsOf | undefined): TagsOf | undefined {
  return tagsOf && ((value) => shortTags(tagsOf(value)) as readonly string[]);
}

// What cannot be a tag is left for the cache to refuse.
function shortTags(given: unknown): unknown {
  if (!Array.isArray(given)) return given;
  return (given as unknown[]).map((tag) =>
    typeof tag === 'string' && tag !== '' && isWellFormed(tag) ? cacheTag(tag) : tag,
  );
}
