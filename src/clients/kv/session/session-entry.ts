import type { KVEntryLike } from '../kv-namespace.js';
import { readMetadata } from '../cache/cache-entry.js';
import type { CachedSession } from './session.js';
import { findSessionFault, issuedAtOf, pickSession } from './session.js';

/** Longest life of an entry, from when the session was read from the database. */
export const MAX_ENTRY_MS = 86_400_000;
/** How far ahead of this machine's clock a writer's may be. An entry from later than that tells of a clock that jumped. */
const MAX_CLOCK_SKEW_MS = 60_000;

/** An entry that was found. Times are in milliseconds since the epoch. */
export interface SessionEntry {
  readonly value: CachedSession;
  /** When the session was read from the database; 0 for what something else wrote. */
  readonly loadedAt: number;
  /** What ended before or then does not hold it any more. */
  readonly issuedAt: number;
  /** When it ends, used or not. */
  readonly endsAt: number;
}

/** Metadata beside an entry. `c` and `e` stand where earlier versions look for them. */
interface SessionMetadata {
  readonly v: 1;
  /** When the session was read from the database. */
  readonly c: number;
  /** When the entry ends. */
  readonly e: number;
  /** When the session was issued, where that is not `c`. */
  readonly i?: number;
}

/** An entry as it is to be stored. */
export interface NewSessionEntry {
  readonly text: string;
  readonly metadata: SessionMetadata;
  readonly issuedAt: number;
  readonly endsAt: number;
}

/** Makes the entry of a session that was read at `loadedAt`. */
export function makeEntry(given: CachedSession, loadedAt: number, isHashed: boolean): NewSessionEntry {
  const value = pickSession(given);
  const issuedAt = issuedAtOf(value, loadedAt);
  const endsAt = Math.min(Date.parse(value.session.expiresAt), loadedAt + MAX_ENTRY_MS);
  const metadata = { v: 1 as const, c: loadedAt, e: endsAt, ...(issuedAt !== loadedAt && { i: issuedAt }) };
  return { text: encode(value, isHashed), metadata, issuedAt, endsAt };
}

/**
 * Takes apart what KV answered. Whatever is not an entry for this very token is corrupt, never an error.
 *
 * @param stored what was found.
 * @param token what the visitor sent.
 * @param options whether entries hold no token, and the time.
 */
export function openSessionEntry(
  stored: KVEntryLike | string | null | undefined,
  token: string,
  { isHashed, now }: { readonly isHashed: boolean; readonly now: number },
): SessionEntry | 'absent' | 'corrupt' | 'expired' {
  // An empty value may be answered bare by a bulk read, and some doubles answer nothing at all for an absent key.
  if (typeof stored === 'string') return 'corrupt';
  const text = (stored as Partial<KVEntryLike> | null | undefined)?.value ?? null;
  if (text === null) return 'absent';
  const times = readTimes((stored as KVEntryLike).metadata, now);
  const value = decode(text, token, isHashed);
  if (times === null || value === null) return 'corrupt';
  const endsAt = Math.min(times.endsAt, Date.parse(value.session.expiresAt));
  return now >= endsAt ? 'expired' : { ...times, value, endsAt };
}

function readTimes(metadata: unknown, now: number): Pick<SessionEntry, 'loadedAt' | 'issuedAt' | 'endsAt'> | null {
  const record = readMetadata(metadata);
  // An entry without our metadata was written by something else, and counts as older than any revocation.
  if (record === null) return { loadedAt: 0, issuedAt: 0, endsAt: Infinity };
  if (record === 'corrupt' || record.c > now + MAX_CLOCK_SKEW_MS) return null;
  const { i: issuedAt = record.c }: { readonly i?: unknown } = metadata as { i?: unknown };
  if (!Number.isFinite(issuedAt)) return null;
  return { loadedAt: record.c, issuedAt: Math.min(issuedAt as number, record.c), endsAt: record.e };
}

function encode(value: CachedSession, isHashed: boolean): string {
  if (!isHashed) return JSON.stringify(value);
  const { token: _token, ...session } = value.session;
  return JSON.stringify({ session, user: value.user });
}

function decode(text: string, token: string, isHashed: boolean): CachedSession | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (isHashed && !restoreToken(value, token)) return null;
  return findSessionFault(value, token) === null ? pickSession(value as CachedSession) : null;
}

/** An entry under a hash holds no token: one that does was not written under it. */
function restoreToken(value: unknown, token: string): boolean {
  const session = (value as { session?: Record<string, unknown> | null } | null)?.session;
  if (typeof session !== 'object' || session === null || 'token' in session) return false;
  session['token'] = token;
  return true;
}
