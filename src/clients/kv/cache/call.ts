import type { CacheContext } from './cache-context.js';
import type { Loader, Ttl } from './cache-options.js';
import type { CachePolicy } from './cache-policy.js';
import type { EntryFinder } from './entry-finder.js';
import type { EntryWriter } from './entry-writer.js';
import type { Underway } from './underway.js';

/** One `getOrSet`. */
export interface Call {
  readonly key: string;
  readonly ttl: Ttl<unknown>;
  readonly loader: Loader<unknown>;
  readonly policy: CachePolicy;
}

/** The parts that a read-through works with. */
export interface ReadThroughParts {
  readonly context: CacheContext;
  readonly finder: EntryFinder;
  readonly writer: EntryWriter;
  readonly underway: Underway;
}
