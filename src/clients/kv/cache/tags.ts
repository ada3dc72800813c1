import { CloudflareClientError } from '../../../errors.js';
import { cacheTag } from './cache-tag.js';

/** How long KV keeps the marker of an invalidated tag, and so the longest that an entry with tags may live: 400 days, in seconds. */
export const MARKER_SECONDS = 34_560_000;

const MAX_TAGS = 32;

/**
 * Refuses what cannot be the tags of an entry.
 *
 * @param tags at most 32 well-formed strings that are not empty.
 * @returns the tags as they are stored, each once: what is longer than 128 UTF-8 bytes is shortened by `cacheTag`.
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the tag and the bound.
 */
export function checkTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags)) {
    throw new CloudflareClientError('INVALID_OPTION', `Tags of type ${typeof tags} are refused: give a list of names.`);
  }
  if (tags.length > MAX_TAGS) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `${tags.length} tags are refused: an entry has at most ${MAX_TAGS}.`,
    );
  }
  // Mostly there is one, and every call with tags pays.
  if (tags.length === 1) return [cacheTag(tags[0] as string)];
  return [...new Set((tags as string[]).map(cacheTag))];
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
