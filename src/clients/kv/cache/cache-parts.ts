import { checkKVNamespace, KVAccess } from '../kv-access.js';
import type { KVNamespaceLike } from '../kv-namespace.js';
import { checkTimeout } from '../timeout.js';
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
  const { memory, memo = false, clearable = false, eventKeys = 'prefix', cacheTtlSeconds, budget } = options;
  const reporter = events === undefined ? undefined : new CacheReporter(events, eventKeys, now);
  const access = new KVAccess(namespace, { source: 'cache', timeoutMs, events, reporter, cacheTtlSeconds, budget });
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
