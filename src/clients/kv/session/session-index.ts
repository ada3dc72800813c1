import { CloudflareClientError } from '../../../errors.js';
import { findKeyFault, utf8Bytes } from '../key.js';
import { listPages } from '../listing.js';
import type { SessionContext } from './session-context.js';
import type { NewSessionEntry } from './session-entry.js';
import { indexPrefix } from './session-keys.js';
import type { CachedSession } from './session.js';

const ID = /^[0-9a-f]{64}$/;
const MAX_AGENT_LENGTH = 256;
const MAX_METADATA_BYTES = 1024;

/** What stands in the list of a user about one session. It is KV metadata, so that a listing shows it without a read. */
export interface IndexRecord {
  readonly v: 1;
  /** The id of the session. */
  readonly id: string;
  /** When it was issued, in milliseconds since the epoch. */
  readonly i: number;
  /** When its entry ends. */
  readonly e: number;
  readonly ip?: string;
  readonly ua?: string;
}

/** A session in the list of its user. */
export interface IndexEntry {
  /** What the session goes by. */
  readonly id: string;
  readonly record: IndexRecord;
}

/**
 * The key and the metadata under which a session is listed: a key of its own for each, so that sessions that begin at once do not overwrite one
 * another. What is too long for metadata is left out.
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` when the id of the user is too long for a key, or that of the session for metadata.
 */
export function indexEntryOf(
  { session }: CachedSession,
  id: string,
  { issuedAt, endsAt }: NewSessionEntry,
): { readonly key: string; readonly metadata: IndexRecord } {
  const key = indexPrefix(session.userId) + id;
  if (findKeyFault(key) !== null) throw unlistable('user.id');
  const base = { v: 1 as const, id: session.id, i: issuedAt, e: endsAt };
  const { ipAddress: ip, userAgent } = session;
  const ua = userAgent?.slice(0, MAX_AGENT_LENGTH);
  const shapes = [{ ...base, ...(ip !== undefined && { ip }), ...(ua !== undefined && { ua }) }, base];
  const metadata = shapes.find((shape) => utf8Bytes(JSON.stringify(shape)) <= MAX_METADATA_BYTES);
  if (metadata === undefined) throw unlistable('session.id');
  return { key, metadata };
}

/**
 * Follows all pages of a user's list.
 *
 * @throws what the platform threw, or CloudflareClientError `KV_TIMEOUT`, `KV_LIST_FAILED`.
 */
export async function readIndex({ access }: SessionContext, userId: string): Promise<IndexEntry[]> {
  const prefix = indexPrefix(userId);
  const entries: IndexEntry[] = [];
  for await (const page of listPages(access, prefix, Infinity)) {
    for (const { name, metadata } of page) {
      const id = name.slice(prefix.length);
      // A user whose id begins with this one and a colon has keys with this prefix as well.
      if (ID.test(id) && isRecord(metadata)) entries.push({ id, record: metadata });
    }
  }
  return entries;
}

function isRecord(metadata: unknown): metadata is IndexRecord {
  const { v, id, i, e, ip = '', ua = '' } = (metadata ?? {}) as { [Field in keyof IndexRecord]?: unknown };
  const areTexts = [id, ip, ua].every((text) => typeof text === 'string');
  return v === 1 && areTexts && isTime(i) && isTime(e);
}

/** Whether a date can be made of it. */
function isTime(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= 8.64e15;
}

function unlistable(field: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_VALUE', `${field} is too long to be listed: the session was not cached.`);
}
