import { CloudflareClientError } from '../../../errors.js';
import { isWellFormed, quote, utf8Bytes } from '../key.js';
import { keyHash } from './key-hash.js';

const MAX_TAG_BYTES = 128;
// `~` and the 14 digits of the hash.
const HASH_BYTES = 15;

/**
 * The tag for any text. What is too long for one keeps its beginning, and a hash of all of it takes the place of the
 * rest: `{beginning}~{hash}`. The same text always gives the same tag, and a tag gives itself. The hash has 53 bits:
 * two texts that met in one tag would be invalidated together, and nothing worse.
 *
 * @param text what the tag stands for, such as `item:${id}` with an id of any length.
 * @returns a tag of 1 to 128 UTF-8 bytes; `text` itself where it is one.
 * @throws {CloudflareClientError} `INVALID_OPTION` for what no tag can stand for: no string, an empty one, or half of a
 * surrogate pair in it.
 * @example
 * ```ts
 * const tag = cacheTag(`item:${mediaId}`);
 * ```
 */
export function cacheTag(text: string): string {
  if (typeof text !== 'string' || text === '' || !isWellFormed(text)) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `Tag ${quote(text)} is refused: give a well-formed string of at least 1 character.`,
    );
  }
  if (utf8Bytes(text) <= MAX_TAG_BYTES) return text;
  return `${beginningOf(text, MAX_TAG_BYTES - HASH_BYTES)}~${keyHash(text)}`;
}

/** As many whole characters as fit. */
function beginningOf(text: string, maxBytes: number): string {
  let bytes = 0;
  let length = 0;
  for (const character of text) {
    bytes += utf8Bytes(character);
    if (bytes > maxBytes) break;
    length += character.length;
  }
  return text.slice(0, length);
}
