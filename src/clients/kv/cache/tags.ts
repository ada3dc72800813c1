import { CloudflareClientError } from '../../../errors.js';
import { isWellFormed, quote, utf8Bytes } from '../key.js';

/** How long KV keeps the marker of an invalidated tag, and so the longest that an entry with tags may live: 400 days, in seconds. */
export const MARKER_SECONDS = 34_560_000;

const MAX_TAGS = 32;
const MAX_TAG_BYTES = 128;

/**
 * Refuses what cannot be the tags of an entry.
 *
 * @param tags at most 32 strings, each of 1 to 128 UTF-8 bytes.
 * @returns the tags, each once.
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the tag and the bound.
 */
export function checkTags(tags: unknown): readonly string[] {
  const fault = findFault(tags);
  if (fault !== null) throw new CloudflareClientError('INVALID_OPTION', fault);
  return [...new Set(tags as readonly string[])];
}

/**
 * Refuses tags on what lives longer than their markers do.
 *
 * @throws {CloudflareClientError} `INVALID_TTL`, naming the lifetime and the bound.
 */
export function checkTaggedLife(tags: unknown, ttlSeconds: unknown, staleSeconds: number): void {
  if (!Array.isArray(tags) || tags.length === 0 || typeof ttlSeconds !== 'number') return;
  const seconds = ttlSeconds + staleSeconds;
  if (seconds <= MARKER_SECONDS) return;
  throw new CloudflareClientError(
    'INVALID_TTL',
    `A TTL of ${ttlSeconds} s with stale bounds of ${staleSeconds} s is refused: an entry with tags lives at most ${MARKER_SECONDS} s.`,
  );
}

function findFault(tags: unknown): string | null {
  if (!Array.isArray(tags)) return `Tags of type ${typeof tags} are refused: give a list of names.`;
  if (tags.length > MAX_TAGS) return `${tags.length} tags are refused: an entry has at most ${MAX_TAGS}.`;
  for (const tag of tags as unknown[]) {
    if (typeof tag === 'string' && tag !== '' && isWellFormed(tag) && utf8Bytes(tag) <= MAX_TAG_BYTES) continue;
    return `Tag ${quote(tag)} is refused: give a well-formed string of 1 to ${MAX_TAG_BYTES} UTF-8 bytes.`;
  }
  return null;
}
