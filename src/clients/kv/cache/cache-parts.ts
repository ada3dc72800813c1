import { KVAccess } from '../kv-access.js';
import type { KVNamespaceLike } from '../kv-namespace.js';
import { CacheContext } from './cache-context.js';
import type { CacheClientOptions } from './cache-options.js';
import { CacheReporter } from './cache-reporter.js';
import { EntryFinder } from './entry-finder.js';
import { EntryWriter } from './entry-writer.js';
import { Invalidation } from './invalidation.js';
import { Markers } from './markers.js';
import { ReadThroughMany } from './read-through-many.js';
import { ReadThrough } from './read-through.js';
import { Tiers } from './tiers.js';
import { Underway } from './underway.js';

const DEFAULT_TIMEOUT_MS = 2_000;

/** What a `CacheClient` is made of. */
export interface CacheParts {
  readonly context: CacheContext;
  readonly finder: EntryFinder;
  readonly writer: EntryWriter;
  readonly underway: Underway;
  readonly readThrough: ReadThrough;
  readonly readThroughMany: ReadThroughMany;
  readonly invalidation: Invalidation;
}

/** What a client has from the start. */
export interface CacheBase {
  readonly namespace: KVNamespaceLike;
  readonly access: KVAccess;
  readonly reporter: CacheReporter | undefined;
  readonly options: CacheClientOptions;
}

/**
 * What a client has from the start: little, because many a request makes one and never asks it.
 *
 * @param namespace the binding.
 * @param options checked already, but for what `KVAccess` checks.
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 */
export function cacheBase(namespace: KVNamespaceLike, options: CacheClientOptions): CacheBase {
  const {
    timeoutMs = DEFAULT_TIMEOUT_MS,
    events,
    now = Date.now,
    eventKeys = 'prefix',
    cacheTtlSeconds,
    budget,
  } = options;
  const reporter = events === undefined ? undefined : new CacheReporter(events, eventKeys, now);
  const access = new KVAccess(namespace, { source: 'cache', timeoutMs, events, reporter, cacheTtlSeconds, budget });
  return { namespace, access, reporter, options };
}

/** Puts the rest of a client together. */
export function cacheParts({ namespace, access, reporter, options }: CacheBase): CacheParts {
  const { now = Date.now, random = Math.random, waitUntil, memory, memo = false, clearable = false } = options;
  const context = new CacheContext({ namespace, access, reporter, now, random, waitUntil, memory });
  const tiers = new Tiers(context, memo);
  const markers = new Markers(context, clearable);
  const finder = new EntryFinder(context, tiers, markers, clearable);
  const writer = new EntryWriter(context, tiers);
  const underway = new Underway(context, tiers);
  const shared = { context, finder, writer, underway };
  return {
    ...shared,
    readThrough: new ReadThrough(shared),
    readThroughMany: new ReadThroughMany(shared),
    invalidation: new Invalidation(context, markers, underway),
  };
}
