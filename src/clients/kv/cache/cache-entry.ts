import type { CacheMissReason } from '../../../events.js';
import { utf8Bytes } from '../key.js';
import type { KVEntryLike } from '../kv-namespace.js';
import { MAX_TTL_SECONDS, nativeTtl } from '../ttl.js';
import type { EncodedValue } from './cache-codec.js';

/** How far ahead of this machine's clock a writer's may be. An entry from later than that tells of a clock that jumped, and is dead. */
const MAX_CLOCK_SKEW_MS = 60_000;

/** What this package keeps in KV metadata beside a value; the value itself stays plain JSON. */
export interface EntryMetadata {
  /** Version of this record. */
  readonly v: 1;
  /** When the load of the value began, in milliseconds since the epoch: what was invalidated later does not hold it any more. */
  readonly c: number;
  /** When it stops being fresh, in milliseconds since the epoch. KV's own expiry comes later: it knows no less than 60 s, and stale bounds. */
  readonly e: number;
  /** Bytes that the value takes in UTF-8. */
  readonly b?: number;
  /** Milliseconds that the load took. */
  readonly d?: number;
  /** Its tags. */
  readonly g?: readonly string[];
  /** The format of its codec; absent for plain JSON. */
  readonly f?: string;
  /** Set for a negative result, which is never served stale. */
  readonly n?: 1;
}

/** What an asked key turned out to be. */
export type CacheLookup<T> =
  | {
      /** `stale`: past its TTL and within the stale bounds of the client. */
      readonly status: 'hit' | 'stale';
      readonly value: T;
      /** Milliseconds since the value was loaded, or `null` for a value that something else wrote. */
      readonly ageMs: number | null;
    }
  | {
      readonly status: 'miss';
      /** Why; see `CacheMissReason`. */
      readonly reason: Exclude<CacheMissReason, 'forced'>;
    };

/** An entry as it is to be stored. */
export interface NewEntry {
  readonly encoded: EncodedValue;
  /** When its load began, in milliseconds since the epoch. */
  readonly createdAt: number;
  /** Seconds that it is fresh, from now. */
  readonly ttlSeconds: number;
  /** Seconds that it is kept after that. */
  readonly staleSeconds: number;
  readonly loadMs: number;
  readonly tags: readonly string[];
  readonly isNegative: boolean;
}

/** The options of the KV write that stores `entry` now. */
export function entryOptions(now: number, entry: NewEntry): { expirationTtl: number; metadata: EntryMetadata } {
  const { createdAt, ttlSeconds, staleSeconds, loadMs, tags, encoded } = entry;
  const metadata = {
    v: 1 as const,
    c: createdAt,
    e: now + Math.round(ttlSeconds * 1000),
    b: utf8Bytes(encoded.text),
    ...(loadMs > 0 && { d: loadMs }),
    ...(tags.length > 0 && { g: tags }),
    ...(encoded.format !== '' && { f: encoded.format }),
    ...(entry.isNegative && { n: 1 as const }),
  };
  return { expirationTtl: Math.min(MAX_TTL_SECONDS, nativeTtl(ttlSeconds + staleSeconds)), metadata };
}

/**
 * Reads metadata that came with a value.
 *
 * @returns the record; `null` when it is none of ours (nothing, or something else's); `'corrupt'` when it claims to be and is not.
 */
export function readMetadata(metadata: unknown): EntryMetadata | null | 'corrupt' {
  if (typeof metadata !== 'object' || metadata === null) return null;
  if ((metadata as Partial<EntryMetadata>).v !== 1) return null;
  return isWhole(metadata) ? (metadata as EntryMetadata) : 'corrupt';
}

function isWhole({ c, e, b = 0, d = 0, f = '', g }: { [Field in keyof EntryMetadata]?: unknown }): boolean {
  const areNumbers = Number.isFinite(c) && Number.isFinite(e) && Number.isFinite(b) && Number.isFinite(d);
  return areNumbers && typeof f === 'string' && (g === undefined || isNames(g));
}

function isNames(value: unknown): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

/** An entry that was found, not decoded yet. */
export interface StoredEntry {
  readonly text: string;
  /** `null` for a value that something else wrote: it is fresh, of unknown age. */
  readonly record: EntryMetadata | null;
}

/** Takes apart what KV answered. */
export function openEntry(entry: KVEntryLike | string | null | undefined): StoredEntry | 'absent' | 'corrupt' {
  // An empty value may be answered bare by a bulk read (research/caching.md, section 9).
  if (typeof entry === 'string') return entry === '' ? 'corrupt' : { text: entry, record: null };
  if (entry == null || entry.value === null) return 'absent';
  const record = readMetadata(entry.metadata);
  return record === 'corrupt' ? 'corrupt' : { text: entry.value, record };
}

/** Milliseconds since an entry stopped being fresh: negative while it is, `Infinity` when it cannot be told. */
export function staleFor(record: EntryMetadata | null, now: number): number {
  if (record === null) return -Infinity;
  if (record.c > now + MAX_CLOCK_SKEW_MS) return Infinity;
  return now - record.e;
}
