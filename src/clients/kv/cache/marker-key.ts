import { CloudflareClientError } from '../../../errors.js';
import { checkKey, checkKeys, quote } from '../key.js';

/** What the keys of this package's own records in a cache begin with. */
const MARKER_PREFIX = 'cache-mark:';

/** What stands for the whole namespace where a tag could stand: no tag is empty. */
export const EVERYTHING = '';

/** The key of the marker of a tag, or of everything. */
export function markerKey(tag: string): string {
  return tag === EVERYTHING ? `${MARKER_PREFIX}clear` : `${MARKER_PREFIX}tag:${tag}`;
}

/** Whether a key is a record of this package's own, which no prefix deletes: without it, what it invalidated would be served again. */
export function isMarker(key: string): boolean {
  return key.startsWith(MARKER_PREFIX);
}

/**
 * Refuses what cannot be the key of an entry.
 *
 * @throws {CloudflareClientError} `INVALID_KEY`.
 */
export function checkCacheKey(key: unknown): asserts key is string {
  checkKey(key);
  if (isMarker(key)) refuse(key);
}

/**
 * The same for a list of keys.
 *
 * @returns the keys in the order given, each once.
 * @throws {CloudflareClientError} `INVALID_KEY`.
 */
export function checkCacheKeys(keys: unknown): string[] {
  const unique = checkKeys(keys);
  for (const key of unique) if (isMarker(key)) refuse(key);
  return unique;
}

function refuse(key: string): never {
  throw new CloudflareClientError(
    'INVALID_KEY',
    `Key ${quote(key)} is refused: "${MARKER_PREFIX}" is kept for invalidations.`,
  );
}
