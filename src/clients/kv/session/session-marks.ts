import type { KVEntryLike } from '../kv-namespace.js';
import { readInBulk } from '../bulk-read.js';
import type { BulkSource } from '../bulk-read.js';
import type { SessionContext } from './session-context.js';
import type { SessionNames } from './session-keys.js';
import { endedKey, revokedKey, seenKey } from './session-keys.js';

/**
 * Seconds that a mark is kept: what was read from the database up to 24 hours after it is held by it for as long as it can be cached, another
 * 24 hours. With a minute for what was under way.
 */
export const MARK_TTL_SECONDS = 2 * 86_400 + 60;

/** What is known about the end of a session. Times are in milliseconds since the epoch, and 0 where there is nothing. */
export interface SessionEnds {
  /** Its user's sessions that were issued up to then are ended. */
  readonly revokedBefore: number;
  /** When it was ended itself. */
  readonly endedAt: number;
}

/** What KV says about a session besides its entry. */
export interface SessionMarks extends SessionEnds {
  /** When it was last noted that the session is in use, in milliseconds since the epoch; 0 when it was not. */
  readonly seenAt: number;
}

/** The keys of what there may be about a session. */
export function markKeys({ ids }: SessionNames, userId: string, isSliding: boolean): string[] {
  return [revokedKey(userId), ...ids.map(endedKey), ...(isSliding ? ids.map(seenKey) : [])];
}

/** Makes marks of what stands under `markKeys`. A mark that cannot be read could say anything. */
export function openMarks(
  { ids }: SessionNames,
  userId: string,
  textOf: (key: string) => string | null,
): SessionMarks | 'corrupt' {
  const latest = (keys: string[]): number => Math.max(0, ...keys.map((key) => openMark(textOf(key))));
  const marks = { revokedBefore: latest([revokedKey(userId)]), endedAt: latest(ids.map(endedKey)) };
  const seenAt = latest(ids.map(seenKey));
  return Number.isNaN(marks.revokedBefore + marks.endedAt + seenAt) ? 'corrupt' : { ...marks, seenAt };
}

/** Reads what there is about a session, in one operation. A failure is reported. */
export async function readMarks(
  context: SessionContext,
  names: SessionNames,
  userId: string,
): Promise<SessionMarks | 'corrupt' | 'error'> {
  const keys = markKeys(names, userId, context.options.sliding !== undefined);
  const texts = await readAll(context, keys, {
    many: (some) => context.access.readBulk(some),
    one: (key) => context.access.read(key),
  });
  return texts === null ? 'error' : openMarks(names, userId, (key) => texts.get(key) ?? null);
}

/** Reads keys in one operation: all of them, or `null`, and the failure is reported. */
export async function readAll<V>(
  { access }: SessionContext,
  keys: readonly string[],
  source: Pick<BulkSource<V>, 'many' | 'one'>,
): Promise<Map<string, V> | null> {
  const failures: unknown[] = [];
  const failed = ([key = '']: readonly string[], error: unknown): void => {
    if (failures.push(error) === 1) access.reportFailure('read', key, error);
  };
  const found = await readInBulk(keys, { ...source, failed });
  return failures.length > 0 ? null : found;
}

/** The text of what a bulk read answered for a key. */
export function textOfEntry(entry: KVEntryLike | string | null | undefined): string | null {
  return typeof entry === 'string' ? entry : (entry?.value ?? null);
}

/** Until when what was issued counts as ended, of all that is known; -1 when it never does. */
export function endedUpTo(known: readonly (SessionEnds | null)[], clockSkewMs: number): number {
  const latest = Math.max(...known.map((ends) => Math.max(ends?.revokedBefore ?? 0, ends?.endedAt ?? 0)));
  return latest === 0 ? -1 : latest + clockSkewMs;
}

/** The time in a mark; 0 for none, `NaN` for what is no time. */
export function openMark(text: string | null): number {
  if (text === null) return 0;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
}
