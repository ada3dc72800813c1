import { CloudflareClientError } from '../../errors.js';
import { contentTypeForKey } from './content-types.js';
import { MAX_KEY_BYTES, checkKey, shown } from './object-names.js';

/** What belongs to one medium, or to one resource: the folder that it lies in, by its kind. */
const FOLDERS = {
  original: 'originals',
  hls: 'hls',
  audio: 'audio',
  thumbnail: 'thumbnails',
  resource: 'resources',
} as const;
/** What belongs to the creator as a whole: logos, banners. */
const ASSETS_FOLDER = 'assets';
const CONTROL_CHARACTER = /[\p{Cc}\ufffe\uffff]/u;
const LONE_SURROGATE = /\p{Surrogate}/u;
// URL parsers take `%2e` for a dot: pasted into a URL as it is, such a segment would climb as `..` does.
const DOTS = /^(?:\.|%2e){1,2}$/i;

/** R2 does so before it stores (https://developers.cloudflare.com/r2/reference/unicode-interoperability/): two ids would be one. */
const NOT_NORMAL = 'is not in Unicode’s normal form C, into which R2 brings keys: use normalize()';

/** What an object of the unified bucket is. */
export type MediaKind = keyof typeof FOLDERS | 'asset';

/** A key of the unified bucket, taken apart. */
export interface MediaKey {
  readonly kind: MediaKind;
  readonly creatorId: string;
  /** Id of the medium, or of the resource; `null` for an asset, which belongs to the creator. */
  readonly mediaId: string | null;
  /** What follows: `original.mp4`, `1080p/playlist.m3u8`. Never empty. */
  readonly path: string;
  /** The type that the object is to be stored with, by its extension; `uploadFile` sets the same by itself. */
  readonly contentType: string;
}

/**
 * Builds the keys of one creator. Every method throws `INVALID_KEY` for an id or a name that is empty, `.`, `..`, holds a
 * slash, a backslash, a control character or half of a surrogate pair, or is not in Unicode's normal form C (R2 would take it for
 * the one that is), and for a key of more than 1,024 UTF-8 bytes.
 */
export interface MediaKeys {
  readonly creatorId: string;
  /** What all keys of the creator begin with: `{creatorId}/`. */
  readonly prefix: string;
  /** `{creatorId}/originals/{mediaId}/original.mp4`, or another name in its place. */
  original(mediaId: string, name?: string): string;
  /** `{creatorId}/originals/{mediaId}/`. */
  originalPrefix(mediaId: string): string;
  /** `{creatorId}/hls/{mediaId}/master.m3u8`. */
  hlsMaster(mediaId: string): string;
  /** `{creatorId}/hls/{mediaId}/{rendition}/playlist.m3u8`; the rendition is one segment, such as `1080p`. */
  hlsPlaylist(mediaId: string, rendition: string): string;
  /** `{creatorId}/hls/{mediaId}/{path}`: a segment, a key, a subtitle. The path may have slashes: `1080p/segment-0.m4s`. */
  hlsFile(mediaId: string, path: string): string;
  /** `{creatorId}/hls/{mediaId}/`: all that a player may ask for, and what a token or a deletion is scoped to. */
  hlsPrefix(mediaId: string): string;
  /** `{creatorId}/audio/{mediaId}/audio.mp3`, or another name in its place. */
  audio(mediaId: string, name?: string): string;
  /** `{creatorId}/audio/{mediaId}/`. */
  audioPrefix(mediaId: string): string;
  /** `{creatorId}/thumbnails/{mediaId}/thumbnail.jpg`, or another name in its place. */
  thumbnail(mediaId: string, name?: string): string;
  /** `{creatorId}/thumbnails/{mediaId}/`. */
  thumbnailPrefix(mediaId: string): string;
  /** `{creatorId}/resources/{resourceId}/{name}`: a PDF, a workbook, any file to download. */
  resource(resourceId: string, name: string): string;
  /** `{creatorId}/resources/{resourceId}/`. */
  resourcePrefix(resourceId: string): string;
  /** `{creatorId}/assets/{path}`: logos and other media of the creator. The path may have slashes. */
  asset(path: string): string;
  /** `{creatorId}/assets/`. */
  readonly assetPrefix: string;
  /** The prefixes of all that a medium has (original, HLS, audio, thumbnails): what to delete with it. */
  mediaPrefixes(mediaId: string): readonly string[];
  /** Takes a key apart; `null` for one that is not of this creator or not of this layout. Never throws. */
  parse(key: string): MediaKey | null;
}

/**
 * The keys of one creator in the unified bucket, `{creatorId}/{folder}/{mediaId}/{path}`.
 *
 * @param creatorId one segment of a key: a UUID, a slug.
 * @returns the methods that build the keys. No two different sets of ids and names give the same key.
 * @throws {CloudflareClientError} `INVALID_KEY` for a creator id that is no segment.
 * @example
 * ```ts
 * const keys = mediaKeys(creatorId);
 * await r2.uploadFile({ bucket, key: keys.original(mediaId), body });
 * for (const prefix of keys.mediaPrefixes(mediaId)) await r2.deletePrefix({ bucket, prefix });
 * ```
 */
export function mediaKeys(creatorId: string): MediaKeys {
  checkSegment(creatorId, 'creatorId');
  const prefixOf = (kind: keyof typeof FOLDERS, id: string, name = 'mediaId'): string =>
    `${creatorId}/${FOLDERS[kind]}/${checkSegment(id, name)}/`;
  const assetPrefix = `${creatorId}/${ASSETS_FOLDER}/`;
  const hlsFile = (mediaId: string, path: string): string => join(prefixOf('hls', mediaId), checkPath(path));
  return {
    creatorId,
    prefix: `${creatorId}/`,
    original: (mediaId, name = 'original.mp4') => join(prefixOf('original', mediaId), checkSegment(name, 'name')),
    originalPrefix: (mediaId) => prefixOf('original', mediaId),
    hlsMaster: (mediaId) => hlsFile(mediaId, 'master.m3u8'),
    hlsPlaylist: (mediaId, rendition) => hlsFile(mediaId, `${checkSegment(rendition, 'rendition')}/playlist.m3u8`),
    hlsFile,
    hlsPrefix: (mediaId) => prefixOf('hls', mediaId),
    audio: (mediaId, name = 'audio.mp3') => join(prefixOf('audio', mediaId), checkSegment(name, 'name')),
    audioPrefix: (mediaId) => prefixOf('audio', mediaId),
    thumbnail: (mediaId, name = 'thumbnail.jpg') => join(prefixOf('thumbnail', mediaId), checkSegment(name, 'name')),
    thumbnailPrefix: (mediaId) => prefixOf('thumbnail', mediaId),
    resource: (id, name) => join(prefixOf('resource', id, 'resourceId'), checkSegment(name, 'name')),
    resourcePrefix: (id) => prefixOf('resource', id, 'resourceId'),
    asset: (path) => join(assetPrefix, checkPath(path)),
    assetPrefix,
    mediaPrefixes: (mediaId) =>
      (['original', 'hls', 'audio', 'thumbnail'] as const).map((kind) => prefixOf(kind, mediaId)),
    parse(key) {
      const parsed = parseMediaKey(key);
      return parsed?.creatorId === creatorId ? parsed : null;
    },
  };
}

/**
 * Takes a key of the unified bucket apart.
 *
 * @param key any key, such as one of a listing or of an event.
 * @returns its parts in normal form C, or `null` when it is not of this layout, or has a segment that `mediaKeys` would refuse. Never throws.
 */
export function parseMediaKey(key: string): MediaKey | null {
  if (typeof key !== 'string' || new TextEncoder().encode(key).byteLength > MAX_KEY_BYTES) return null;
  // R2 lists a key as it was written last, and knows it by this form alone.
  const segments = key.normalize().split('/');
  if (segments.some((segment) => defectOf(segment) !== undefined)) return null;
  const [creatorId = '', folder, ...rest] = segments;
  const kind = kindOf(folder);
  const mediaId = kind === 'asset' ? null : rest.shift();
  if (kind === undefined || mediaId === undefined || rest.length === 0) return null;
  // Only HLS and assets have folders of their own.
  if (rest.length > 1 && kind !== 'hls' && kind !== 'asset') return null;
  return { kind, creatorId, mediaId, path: rest.join('/'), contentType: contentTypeForKey(key) };
}

function kindOf(folder: string | undefined): MediaKind | undefined {
  if (folder === ASSETS_FOLDER) return 'asset';
  return (Object.keys(FOLDERS) as (keyof typeof FOLDERS)[]).find((kind) => FOLDERS[kind] === folder);
}

function join(prefix: string, path: string): string {
  const key = `${prefix}${path}`;
  checkKey(key);
  return key;
}

function checkPath(path: string): string {
  if (typeof path !== 'string') return checkSegment(path, 'path');
  for (const segment of path.split('/')) checkSegment(segment, 'path', path);
  return path;
}

function checkSegment(segment: string, name: string, whole: unknown = segment): string {
  const defect = defectOf(segment);
  if (defect === undefined) return segment;
  const where = whole === segment ? '' : ` has a segment that`;
  throw new CloudflareClientError('INVALID_KEY', `${name} ${shown(whole)}${where} ${defect}.`);
}

/** What makes a text no segment of a key; `undefined` when it is one. */
function defectOf(segment: unknown): string | undefined {
  if (typeof segment !== 'string') return 'is not a string';
  if (segment === '') return 'is empty';
  if (segment.length > MAX_KEY_BYTES) return `is longer than the ${MAX_KEY_BYTES} bytes of a key`;
  if (DOTS.test(segment)) return 'is `.` or `..`, which climbs out of its folder';
  if (segment.includes('/')) return 'holds a slash';
  if (segment.includes('\\')) return 'holds a backslash, which some take for a slash';
  if (CONTROL_CHARACTER.test(segment)) return 'holds a control character';
  if (LONE_SURROGATE.test(segment)) return 'holds half of a surrogate pair';
  return segment === segment.normalize() ? undefined : NOT_NORMAL;
}
