import { checkFunction, checkOptions } from '../check-options.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf } from '../r2-internals.js';
import type { PreparedPresign, R2SignedLife } from '../signing/presigner.js';
import { keyPath, mediaPrefixFor } from './media-prefix.js';
import { uriResolver, type PlaylistTarget } from './playlist-uri.js';
import type { PlaylistVariableValues } from './playlist-variables.js';
import { readPlaylist } from './read-playlist.js';
import { rewritePlaylist, type PlaylistTag } from './rewrite-playlist.js';

/** A URI of a playlist that is to be routed: the object that it names, and how the playlist names it. */
export interface PlaylistReference extends PlaylistTarget {
  /** The key escaped as the path of a URL, without a `/` before it: what a route's address is made of. */
  readonly path: string;
  /** The URI as the playlist has it, its variables replaced. */
  readonly uri: string;
  readonly tag: PlaylistTag;
}

/** Which playlist to sign, and what to sign it with. */
export interface SignPlaylistOptions extends R2SignedLife {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the playlist. That the viewer may have it is for the caller to check. */
  readonly key: string;
  /**
   * The folder that no URI of the playlist may leave, such as `{creatorId}/hls/{mediaId}/`. A variant in a folder of its own
   * that shares audio with others needs it.
   *
   * @default the folder that the playlist is in
   */
  readonly mediaPrefix?: string | undefined;
  /**
   * Where the app answers for another playlist, with `signPlaylist` again: variants, renditions, interstitials. It is signed
   * when a player asks for it, and not before.
   *
   * @default the URI stays as it is, which is right where the app's route ends in the key: `/hls/{key}`
   */
  readonly route?: ((playlist: PlaylistReference) => string) | undefined;
  /**
   * Where the app hands out a key of `EXT-X-KEY` or `EXT-X-SESSION-KEY`, after a check of its own.
   *
   * @default keys are signed as segments are
   */
  readonly keyRoute?: ((key: PlaylistReference) => string) | undefined;
  /** Values of the variables that the text does not hold, see `rewritePlaylist`. @default none */
  readonly variables?: PlaylistVariableValues | undefined;
  /** Gives the reading up: rejects with `R2_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** A playlist whose URIs a player can ask for, and what to answer it with: `new Response(text, { headers })`. */
export interface SignedPlaylist {
  readonly text: string;
  /** Content type, and `Cache-Control: private, no-store`: the text is as good as the content for as long as it works. */
  readonly headers: Readonly<Record<string, string>>;
  /** When its URLs stop working; a viewer who pauses for longer must ask for the playlist again. */
  readonly expiresAt: Date;
}

const KEY_TAGS: readonly PlaylistTag[] = ['EXT-X-KEY', 'EXT-X-SESSION-KEY'];
/** Players add parameters to these, which a signature does not allow; an absolute path is a service of the app's. */
const SERVICE_TAGS: readonly PlaylistTag[] = ['EXT-X-CONTENT-STEERING', 'EXT-X-DATERANGE'];
const PLAYLIST_TAGS: readonly PlaylistTag[] = [
  'EXT-X-STREAM-INF',
  'EXT-X-I-FRAME-STREAM-INF',
  'EXT-X-IMAGE-STREAM-INF',
  'EXT-X-MEDIA',
  'EXT-X-RENDITION-REPORT',
];
const PLAYLIST_NAME = /\.m3u8$/i;
const PLAYLIST_TYPE = 'application/vnd.apple.mpegurl';

/**
 * Reads a playlist and rewrites it so that a player can follow it without credentials: segments, parts, maps and keys become
 * presigned URLs of R2, playlists are routed to the app, which signs each when it is asked for. Whatever is elsewhere
 * (`https:`, `skd:`, `data:`) stays.
 *
 * With `roundExpiry` the same playlist has the same URLs for that long, so that a browser finds what it has cached.
 *
 * @returns the signed playlist; `null` when there is no object of that key.
 * @throws {CloudflareClientError} `INVALID_PLAYLIST` for a URI that leaves the media prefix, and for what is larger than 4 MiB, no UTF-8
 * or no playlist; `INVALID_KEY` for one outside of the prefix; `INVALID_OPTION`, `INVALID_PREFIX`, `INVALID_VALUE` for what a
 * route returned; `R2_*`
 * @example
 * ```ts
 * declare const r2: R2Client;
 * const playlist = await signPlaylist(r2, {
 *   bucket: 'codex-media-production',
 *   key: `${creatorId}/hls/${mediaId}/master.m3u8`,
 *   expiresIn: 4 * 3600,
 *   roundExpiry: 300,
 *   route: ({ path }) => `/api/hls/${path}`,
 * });
 * const response = playlist === null ? new Response(null, { status: 404 }) : new Response(playlist.text, playlist);
 * ```
 */
export async function signPlaylist(r2: R2Client, options: SignPlaylistOptions): Promise<SignedPlaylist | null> {
  const { bucket, key, mediaPrefix, expiresIn, roundExpiry, route, keyRoute, variables, signal } =
    checkOptions(options);
  const { presigner } = internalsOf(r2);
  const prefix = mediaPrefixFor(key, mediaPrefix);
  if (route !== undefined) checkFunction('route', route);
  if (keyRoute !== undefined) checkFunction('keyRoute', keyRoute);
  // Before anything is read: it refuses what cannot be signed.
  presigner.prepare({ method: 'GET', bucket, expiresIn, roundExpiry });
  const text = await readPlaylist(r2, { bucket, key, signal });
  if (text === null) return null;
  // After the reading, which may have taken its time: all URLs of a playlist have one date.
  const prepared = presigner.prepare({ method: 'GET', bucket, expiresIn, roundExpiry });
  const rewriter = new PlaylistSigner(prepared, { resolve: uriResolver(key, prefix), route, keyRoute });
  return {
    text: rewritePlaylist(text, (uri, tag) => rewriter.rewrite(uri, tag), { variables }),
    headers: { 'content-type': PLAYLIST_TYPE, 'cache-control': 'private, no-store' },
    expiresAt: prepared.expiresAt,
  };
}

interface SigningPlace extends Pick<SignPlaylistOptions, 'route' | 'keyRoute'> {
  readonly resolve: (uri: string) => PlaylistTarget | null;
}

class PlaylistSigner {
  readonly #prepared: PreparedPresign;
  readonly #place: SigningPlace;
  /** Playlists of byte ranges name one object a thousand times. */
  #last: { readonly key: string; readonly url: string } | undefined;

  constructor(prepared: PreparedPresign, place: SigningPlace) {
    this.#prepared = prepared;
    this.#place = place;
  }

  rewrite(uri: string, tag: PlaylistTag): string {
    const { resolve, route, keyRoute } = this.#place;
    const isService = SERVICE_TAGS.includes(tag);
    if (isService && uri.startsWith('/')) return uri;
    const target = resolve(uri);
    if (target === null) return uri;
    if (isService || PLAYLIST_TAGS.includes(tag) || PLAYLIST_NAME.test(target.key)) {
      return route === undefined ? uri : route(referenceTo(target, uri, tag));
    }
    if (keyRoute !== undefined && KEY_TAGS.includes(tag)) return keyRoute(referenceTo(target, uri, tag));
    return this.#sign(target.key);
  }

  #sign(key: string): string {
    if (this.#last?.key !== key) this.#last = { key, url: this.#prepared.sign(key) };
    return this.#last.url;
  }
}

function referenceTo(target: PlaylistTarget, uri: string, tag: PlaylistTag): PlaylistReference {
  return { ...target, path: keyPath(target.key), uri, tag };
}
