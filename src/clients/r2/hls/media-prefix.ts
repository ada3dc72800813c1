import { CloudflareClientError } from '../../../errors.js';
import { checkKey, checkPrefix, invalidPrefix, shown } from '../object-names.js';

/** Folders that a media prefix can be deep: the depth of a prefix is part of a token. */
export const MAX_PREFIX_DEPTH = 32;

/**
 * The folder of one piece of media, such as `{creatorId}/hls/{mediaId}/`, with one `/` at its end.
 *
 * @param prefix with or without that `/`.
 * @throws {CloudflareClientError} `INVALID_PREFIX` for what is no folder that a URL can name: empty, with an empty segment, `.`,
 * `..`, a backslash or a control character, or deeper than 32.
 */
export function mediaPrefixOf(prefix: string): string {
  checkPrefix(prefix);
  const folder = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  const segments = folder.split('/');
  if (segments.some((segment) => !isPlainSegment(segment))) {
    throw invalidPrefix(prefix, 'is not the folder of a piece of media, such as "{creatorId}/hls/{mediaId}/"');
  }
  if (segments.length > MAX_PREFIX_DEPTH) throw invalidPrefix(prefix, `is deeper than ${MAX_PREFIX_DEPTH} folders`);
  return `${folder}/`;
}

/**
 * The folder that the URIs of a playlist must stay in: the one given, or that of the playlist itself.
 *
 * @throws {CloudflareClientError} `INVALID_KEY` for a playlist outside the folder, `INVALID_PREFIX`
 */
export function mediaPrefixFor(key: string, prefix: string | undefined): string {
  checkKey(key);
  const folder = mediaPrefixOf(prefix ?? key.slice(0, Math.max(0, key.lastIndexOf('/'))));
  if (key.startsWith(folder) && key.length > folder.length) return folder;
  throw new CloudflareClientError('INVALID_KEY', `key ${shown(key)} is not within the media prefix ${shown(folder)}.`);
}

/** Whether a decoded path segment means the same to a URL parser, to S3 and to a reader. */
export function isPlainSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && !/[/\\\p{Cc}]/u.test(segment);
}

/** A key as the path of a URL, `/` between its segments. */
export function keyPath(key: string): string {
  return key.split('/').map(encodeURIComponent).join('/');
}
