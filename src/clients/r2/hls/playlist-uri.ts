import { CloudflareClientError } from '../../../errors.js';
import { checkKey, MAX_KEY_BYTES, shown } from '../object-names.js';
import { isPlainSegment, mediaPrefixFor } from './media-prefix.js';

/** The playlist that a URI stands in. */
export interface PlaylistPlace {
  /** Key of the playlist. */
  readonly playlistKey: string;
  /**
   * The folder that no URI may leave, such as `{creatorId}/hls/{mediaId}/`.
   *
   * @default the folder that the playlist is in
   */
  readonly mediaPrefix?: string | undefined;
}

/** The object that a URI names. */
export interface PlaylistTarget {
  readonly key: string;
  /** The query of the URI with its `?`, as it was written; empty when it has none. */
  readonly query: string;
}

/** Characters that are within the bound on a key's bytes, whatever they are. */
const SURELY_SHORT = Math.floor(MAX_KEY_BYTES / 3);
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const CONTROL_CHARACTER = /\p{Cc}/u;
/** A name, or a path of some: what playlists are full of. With no segment that begins with a dot it needs no resolving. */
const PLAIN_PATH = /^[A-Za-z0-9_][A-Za-z0-9_./-]*$/;
const NOT_PLAIN = /\/[./]|\/$/;
const LONE_PERCENT = /%(?![0-9A-Fa-f]{2})/;

/**
 * Maps a URI of a playlist to the object that it names, as a player would that asked for the playlist under its key: `.` and
 * `..` are resolved, escapes are decoded, once, a leading `/` is the root of the bucket.
 *
 * What is not in the bucket is left to the caller: a URI with a scheme (`https:`, `skd:`, `data:`, `urn:`) or with a host
 * (`//cdn.example/a.ts`), and an empty one.
 *
 * @param uri as the playlist has it, its variables replaced.
 * @param place the playlist, and the folder that bounds it.
 * @returns `null` for what is not in the bucket.
 * @throws {CloudflareClientError} `INVALID_PLAYLIST` naming the URI: it leaves the media prefix or names no object, has a
 * backslash or control character, which URL parsers take for something else, an encoded `/`, a malformed escape, or a
 * variable that nothing defines. `INVALID_KEY`, `INVALID_PREFIX` for the place.
 */
export function resolvePlaylistUri(uri: string, place: PlaylistPlace): PlaylistTarget | null {
  return uriResolver(place.playlistKey, mediaPrefixFor(place.playlistKey, place.mediaPrefix))(uri);
}

/** `resolvePlaylistUri` for many URIs of a playlist whose place is checked. */
export function uriResolver(playlistKey: string, mediaPrefix: string): (uri: string) => PlaylistTarget | null {
  const folder = playlistKey.slice(0, playlistKey.lastIndexOf('/') + 1);
  return (uri) => {
    const key = folder + uri;
    const isPlain = PLAIN_PATH.test(uri) && !NOT_PLAIN.test(uri) && key.length <= SURELY_SHORT;
    return isPlain ? { key, query: '' } : resolveWithin(uri, playlistKey, mediaPrefix);
  };
}

function resolveWithin(uri: string, playlistKey: string, mediaPrefix: string): PlaylistTarget | null {
  if (CONTROL_CHARACTER.test(uri)) throw refused(uri, 'holds a control character');
  if (uri === '' || SCHEME.test(uri) || uri.startsWith('//')) return null;
  const { path, query } = partsOf(uri);
  if (path.includes('{$')) throw refused(uri, 'has a variable whose value is not known');
  const key = path === '' ? playlistKey : segmentsOf(uri, path, playlistKey).join('/');
  if (!key.startsWith(mediaPrefix)) throw refused(uri, `leaves the media prefix ${shown(mediaPrefix)}`);
  if (key.endsWith('/')) throw refused(uri, 'names a folder');
  checkKeyOf(uri, key);
  return { key, query };
}

function partsOf(uri: string): { readonly path: string; readonly query: string } {
  const hash = uri.indexOf('#');
  const reference = hash === -1 ? uri : uri.slice(0, hash);
  const mark = reference.indexOf('?');
  if (mark === -1) return { path: reference, query: '' };
  return { path: reference.slice(0, mark), query: reference.slice(mark) };
}

function segmentsOf(uri: string, path: string, playlistKey: string): string[] {
  const absolute = path.startsWith('/');
  const resolved = absolute ? [] : playlistKey.split('/').slice(0, -1);
  const segments = (absolute ? path.slice(1) : path).split('/');
  segments.forEach((raw, index) => {
    const segment = decoded(uri, raw);
    const last = index === segments.length - 1;
    if (segment === '..' && resolved.pop() === undefined) throw refused(uri, 'leaves the bucket');
    // A folder is named by what ends in `.`, `..` or nothing; the empty segment makes the key say so.
    if (segment === '..' || segment === '.') {
      if (last) resolved.push('');
    } else if (segment === '' && last) resolved.push('');
    else if (isPlainSegment(segment)) resolved.push(segment);
    else throw refused(uri, 'has a segment that is empty or holds a backslash, an encoded slash or control character');
  });
  return resolved;
}

/** Decoded once: what is encoded twice is a name with a `%` in it, as it is to S3. */
function decoded(uri: string, segment: string): string {
  if (!segment.includes('%')) return segment;
  if (LONE_PERCENT.test(segment)) throw refused(uri, 'has a malformed escape');
  try {
    return decodeURIComponent(segment);
  } catch {
    throw refused(uri, 'has escapes that are not UTF-8');
  }
}

function checkKeyOf(uri: string, key: string): void {
  try {
    checkKey(key);
  } catch (cause) {
    throw new CloudflareClientError('INVALID_PLAYLIST', `The URI ${shown(uri)} of the playlist names no key.`, {
      cause,
    });
  }
}

function refused(uri: string, why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_PLAYLIST', `The URI ${shown(uri)} of the playlist ${why}.`);
}
