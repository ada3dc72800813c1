import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import { checkInteger } from '../check-option.js';
import { checkPrefix, keyPrefix, quote, utf8Bytes } from './key.js';
import type { KVAccess } from './kv-access.js';
import type { KVListResultLike } from './kv-namespace.js';
import { nextCursor } from './listing.js';
import { MAX_TTL_SECONDS } from './ttl.js';

/** Most keys that KV puts on one page. https://developers.cloudflare.com/kv/api/list-keys/ */
const PAGE_KEYS = 1000;
const DEFAULT_PAGES = 100;
/** KV operations that an invocation of a Worker has. https://developers.cloudflare.com/kv/platform/limits/ */
const MAX_PAGES = 1000;
const DEFAULT_SOON_SECONDS = 3600;
const MAX_PATTERNS = 1000;
/** Under which the keys of all patterns after the first 1,000 are counted. */
const OTHER_PATTERNS = '(other)';

/** Options of `KVClient.stats`. */
export interface KVStatsOptions {
  /**
   * Only keys that start with it, at most 512 UTF-8 bytes.
   *
   * @default ''
   */
  readonly prefix?: string;
  /**
   * Most pages that are read, an integer from 1 to 1,000. A page holds up to 1,000 keys and takes one of the 1,000
   * operations that an invocation has.
   *
   * @default 100
   */
  readonly maxPages?: number;
  /**
   * Seconds from now within which a key expires soon, an integer from 1 to 2,147,483,647.
   *
   * @default 3600
   */
  readonly expiringWithinSeconds?: number;
  /**
   * The pattern that a key belongs to. Called once per key; what it throws is thrown by `stats`.
   *
   * @default `cache:{feature}:` for keys of that form, else the key up to and with its first `:`, else ''
   */
  readonly patternOf?: (name: string) => string;
}

/** How many keys there are of one kind. */
export interface KVPatternStats {
  readonly keys: number;
  /** What their metadata takes as JSON, in UTF-8 bytes. A listing does not tell the size of values. */
  readonly metadataBytes: number;
  /** How many expire within `expiringWithinSeconds`, with those that a lagging listing still shows after their end. */
  readonly expiringSoon: number;
}

/** What `KVClient.stats` found. */
export interface KVStats extends KVPatternStats {
  /** How many never expire. */
  readonly withoutExpiry: number;
  /** The same by pattern, in the order of first sight. Patterns after the first 1,000 are counted together, under `(other)`. */
  readonly patterns: ReadonlyMap<string, KVPatternStats>;
  /**
   * Whether every page was read; `false` when `maxPages` or the budget of operations ended it: all counts are then of the keys
   * seen so far, 0 when nothing could be read.
   */
  readonly isComplete: boolean;
}

type Checked = Required<KVStatsOptions>;
type ListedKey = KVListResultLike['keys'][number];
type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };

/**
 * Refuses options that `collectStats` cannot work with, and fills in the others.
 *
 * @throws {CloudflareClientError} `INVALID_PREFIX`, `INVALID_OPTION`, naming the value and the bound.
 */
export function checkStatsOptions(options: KVStatsOptions): Checked {
  const { prefix = '', maxPages = DEFAULT_PAGES } = options;
  const { expiringWithinSeconds = DEFAULT_SOON_SECONDS, patternOf = keyPrefix } = options;
  checkPrefix(prefix);
  checkInteger('maxPages', maxPages, 1, MAX_PAGES);
  checkInteger('expiringWithinSeconds', expiringWithinSeconds, 1, MAX_TTL_SECONDS);
  if (typeof patternOf !== 'function') {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `Option patternOf ${quote(patternOf)} is refused: give a function.`,
    );
  }
  return { prefix, maxPages, expiringWithinSeconds, patternOf };
}

/**
 * Counts keys, page by page. It holds one page and the patterns in memory.
 *
 * @param access where to list.
 * @param options as `checkStatsOptions` gives them.
 * @param nowMs the time that "soon" is told from, in milliseconds since the epoch.
 * @throws {CloudflareClientError} `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
 */
export async function collectStats(access: KVAccess, options: Checked, nowMs: number): Promise<KVStats> {
  const { prefix, maxPages, expiringWithinSeconds, patternOf } = options;
  const soonMs = nowMs + expiringWithinSeconds * 1000;
  const total = { ...emptyCount(), withoutExpiry: 0 };
  const patterns = new Map<string, Mutable<KVPatternStats>>();
  let cursor: string | undefined;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const page = await readPage(access, prefix, cursor);
    if (page === null) break;
    for (const key of page.keys) {
      addKey(total, key, soonMs);
      if (key.expiration === undefined) total.withoutExpiry += 1;
      addKey(countOf(patterns, patternOf(key.name)), key, soonMs);
    }
    cursor = nextCursor(page, cursor);
    if (cursor === undefined) return { ...total, patterns, isComplete: true };
  }
  return { ...total, patterns, isComplete: false };
}

/** `null` where the budget of operations is spent: what was counted until then is worth more than an error. */
async function readPage(
  access: KVAccess,
  prefix: string,
  cursor: string | undefined,
): Promise<KVListResultLike | null> {
  try {
    return await access.page(prefix, PAGE_KEYS, cursor);
  } catch (cause) {
    if (isCloudflareClientError(cause) && cause.code === 'KV_BUDGET_SPENT') return null;
    throw access.failure('list', prefix, cause);
  }
}

function countOf(patterns: Map<string, Mutable<KVPatternStats>>, pattern: string): Mutable<KVPatternStats> {
  const name = patterns.has(pattern) || patterns.size < MAX_PATTERNS ? pattern : OTHER_PATTERNS;
  const known = patterns.get(name);
  if (known !== undefined) return known;
  const count = emptyCount();
  patterns.set(name, count);
  return count;
}

function emptyCount(): Mutable<KVPatternStats> {
  return { keys: 0, metadataBytes: 0, expiringSoon: 0 };
}

function addKey(count: Mutable<KVPatternStats>, { expiration, metadata }: ListedKey, soonMs: number): void {
  count.keys += 1;
  if (metadata != null) count.metadataBytes += utf8Bytes(JSON.stringify(metadata));
  if (expiration !== undefined && expiration * 1000 <= soonMs) count.expiringSoon += 1;
}
