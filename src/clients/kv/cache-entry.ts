import type { KVEntryLike } from './kv-namespace.js';
import { nativeTtl } from './ttl.js';

/** What this package keeps in KV metadata beside a value; the value itself stays plain JSON. */
export interface EntryMetadata {
  /** Version of this record. */
  readonly v: 1;
  /** When the entry was written, in milliseconds since the epoch. */
  readonly c: number;
  /** When it expires, in milliseconds since the epoch. KV's own expiry may come later: it knows no less than 60 s. */
  readonly e: number;
}

/** What an asked key turned out to be. */
export type CacheLookup<T> =
  | {
      readonly status: 'hit';
      readonly value: T;
      /** Milliseconds since the value was written, or `null` for a value that something else wrote. */
      readonly ageMs: number | null;
    }
  | {
      readonly status: 'miss';
      /** `absent`: nothing stored; `expired`: past its TTL; `corrupt`: not readable; `error`: KV failed or did not answer. */
      readonly reason: 'absent' | 'expired' | 'corrupt' | 'error';
    };

/** The options of a KV write for an entry that expires after `ttlSeconds`. */
export function entryOptions(now: number, ttlSeconds: number): { expirationTtl: number; metadata: EntryMetadata } {
  return { expirationTtl: nativeTtl(ttlSeconds), metadata: { v: 1, c: now, e: now + ttlSeconds * 1000 } };
}

/**
 * Reads metadata that came with a value.
 *
 * @returns the record; `null` when it is none of ours (nothing, or something else's); `'corrupt'` when it claims to be and is not.
 */
export function readMetadata(metadata: unknown): EntryMetadata | null | 'corrupt' {
  if (typeof metadata !== 'object' || metadata === null) return null;
  const { v, c, e } = metadata as Record<string, unknown>;
  if (v !== 1) return null;
  return Number.isFinite(c) && Number.isFinite(e) ? (metadata as EntryMetadata) : 'corrupt';
}

/** Judges what KV answered. A value without metadata of ours (`wrangler kv put`) is a hit of unknown age. */
export function decodeEntry(entry: KVEntryLike | string | null | undefined, now: number): CacheLookup<unknown> {
  // An empty value may be answered bare by a bulk read; it is no JSON, and so is corrupt below.
  const { value, metadata } = typeof entry === 'string' ? { value: entry, metadata: null } : (entry ?? ABSENT);
  if (value === null) return MISS.absent;
  const record = readMetadata(metadata);
  if (record === 'corrupt') return MISS.corrupt;
  if (record !== null && now >= record.e) return MISS.expired;
  try {
    return { status: 'hit', value: JSON.parse(value), ageMs: record === null ? null : Math.max(0, now - record.c) };
  } catch {
    return MISS.corrupt;
  }
}

const ABSENT: KVEntryLike = { value: null, metadata: null };

/** Every miss, made once. */
export const MISS = {
  absent: { status: 'miss', reason: 'absent' },
  expired: { status: 'miss', reason: 'expired' },
  corrupt: { status: 'miss', reason: 'corrupt' },
  error: { status: 'miss', reason: 'error' },
} as const;
