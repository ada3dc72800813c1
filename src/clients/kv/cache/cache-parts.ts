import { checkKVNamespace, KVAccess } from '../kv-access.js';
import type { KVNamespaceLike } from '../kv-namespace.js';
import { checkTimeout } from '../timeout.js';
import { CacheContext } from './cache-context.js';
import type { CacheClientOptions } from './cache-options.js';
import { CacheReporter } from './cache-reporter.js';
import type { ReadThroughParts } from './call.js';
import { EntryFinder } from './entry-finder.js';
import { EntryWriter } from './entry-writer.js';
import { Invalidation } from './invalidation.js';
import { Markers } from './markers.js';
import { ReadThroughMany } from './read-through-many.js';
import { ReadThrough } from './read-through.js';
import { Tiers } from './tiers.js';
import { Underway } from './underway.js';

const DEFAULT_TIMEOUT_MS = 2_000;

/** What a `CacheClient` is made of. What only some calls need is made by the first of them: most requests read one key, and find it. */
export class CacheParts implements ReadThroughParts {
  readonly context: CacheContext;
  readonly finder: EntryFinder;
  readonly underway: Underway;
  readonly readThrough: ReadThrough;
  readonly #tiers: Tiers;
  readonly #markers: Markers;
  #writer: EntryWriter | undefined;
  #readThroughMany: ReadThroughMany | undefined;
  #invalidation: Invalidation | undefined;

  constructor(context: CacheContext, { memo = false, clearable = false }: CacheClientOptions) {
    this.context = context;
    this.#tiers = new Tiers(context, memo);
    this.#markers = new Markers(context, clearable);
    this.finder = new EntryFinder(context, this.#tiers, this.#markers, clearable);
    this.underway = new Underway(context, this.#tiers);
    this.readThrough = new ReadThrough(this);
  }

  /** What stores values. */
  get writer(): EntryWriter {
    return (this.#writer ??= new EntryWriter(this.context, this.#tiers));
  }

  /** The rules of `getOrSetMany`. */
  get readThroughMany(): ReadThroughMany {
    return (this.#readThroughMany ??= new ReadThroughMany(this));
  }

  /** What drops entries. */
  get invalidation(): Invalidation {
    return (this.#invalidation ??= new Invalidation(this.context, this.#markers, this.underway));
  }
}

/**
 * Refuses what no client can be made of, besides the options that its policy checks.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 */
export function checkParts(namespace: KVNamespaceLike, { timeoutMs }: CacheClientOptions): void {
  checkKVNamespace(namespace);
  if (timeoutMs !== undefined) checkTimeout(timeoutMs);
}

/** Puts a client together, on first use: many a request makes one and never asks it. */
export function cacheParts(namespace: KVNamespaceLike, options: CacheClientOptions): CacheParts {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, events, now = Date.now, random = Math.random, waitUntil } = options;
  const { memory, eventKeys = 'prefix', cacheTtlSeconds, budget } = options;
  const reporter = events === undefined ? undefined : new CacheReporter(events, eventKeys, now);
  const access = new KVAccess(namespace, { source: 'cache', timeoutMs, events, reporter, cacheTtlSeconds, budget });
  return new CacheParts(new CacheContext({ namespace, access, reporter, now, random, waitUntil, memory }), options);
}
