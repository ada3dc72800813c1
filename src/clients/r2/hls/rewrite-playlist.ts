import { CloudflareClientError } from '../../../errors.js';
import { attributesOf, type PlaylistAttribute } from './attribute-list.js';
import { PlaylistVariables, type PlaylistVariableValues } from './playlist-variables.js';

/**
 * The tag that a URI belongs to, as the playlist writes it, without `#`. A URI that stands on a line of its own belongs to the
 * `EXT-X-STREAM-INF` above it if there is one, and else to `EXTINF`, also where that tag is missing, as in a plain M3U list.
 */
export type PlaylistTag =
  | 'EXTINF'
  | 'EXT-X-CONTENT-STEERING'
  | 'EXT-X-DATERANGE'
  | 'EXT-X-I-FRAME-STREAM-INF'
  | 'EXT-X-IMAGE-STREAM-INF'
  | 'EXT-X-KEY'
  | 'EXT-X-MAP'
  | 'EXT-X-MEDIA'
  | 'EXT-X-PART'
  | 'EXT-X-PREFETCH'
  | 'EXT-X-PRELOAD-HINT'
  | 'EXT-X-RENDITION-REPORT'
  | 'EXT-X-SESSION-DATA'
  | 'EXT-X-SESSION-KEY'
  | 'EXT-X-STREAM-INF';

/** What `rewritePlaylist` knows beside the text. */
export interface RewritePlaylistOptions {
  /**
   * Values of the variables that `EXT-X-DEFINE` takes from elsewhere: by `IMPORT` from the multivariant playlist, by
   * `QUERYPARAM` from the URL that the playlist was asked for by.
   *
   * @default none: a URI with such a variable is given with its `{$name}` as it stands
   */
  readonly variables?: PlaylistVariableValues | undefined;
}

/** What becomes of a URI of a playlist. */
export type RewriteUri = (uri: string, tag: PlaylistTag) => string;

/** The tags of RFC 8216bis, of hls.js and of Roku's image playlists whose attributes are URIs. */
const URI_ATTRIBUTES = new Map<string, { readonly tag: PlaylistTag; readonly attributes: readonly string[] }>(
  (
    [
      ['EXT-X-CONTENT-STEERING', ['SERVER-URI']],
      ['EXT-X-DATERANGE', ['X-ASSET-URI', 'X-ASSET-LIST', 'X-URI']],
      ['EXT-X-I-FRAME-STREAM-INF', ['URI']],
      ['EXT-X-IMAGE-STREAM-INF', ['URI']],
      ['EXT-X-KEY', ['URI']],
      ['EXT-X-MAP', ['URI']],
      ['EXT-X-MEDIA', ['URI']],
      ['EXT-X-PART', ['URI']],
      ['EXT-X-PRELOAD-HINT', ['URI']],
      ['EXT-X-RENDITION-REPORT', ['URI']],
      ['EXT-X-SESSION-DATA', ['URI']],
      ['EXT-X-SESSION-KEY', ['URI']],
    ] as const
  ).map(([tag, attributes]) => [tag, { tag, attributes }]),
);

const LINE = /[^\r\n]+/g;
const END_OF_LINE = /[\r\n]/;

/**
 * Rewrites the URIs of an HLS playlist, media or multivariant, and nothing else: comments, unknown tags, byte ranges, a byte
 * order mark, either kind of line end and a missing last one come out as they went in. It does no I/O, keeps no state and
 * takes time in proportion to the text.
 *
 * Variables that the text itself defines (`EXT-X-DEFINE` with `NAME` and `VALUE`) are replaced before `rewrite` sees a URI; if
 * it returns what it was given, the line keeps its `{$name}`.
 *
 * @param text the playlist.
 * @param rewrite returns what shall stand in place of a URI; the URI itself leaves it alone. It is not called for an empty one.
 * @returns the playlist with its new URIs.
 * @throws {CloudflareClientError} `INVALID_VALUE` when `rewrite` returns what cannot stand there: an end of line, a quote in a
 * quoted value, nothing at all; `INVALID_PLAYLIST` when variables expand to more than 16 Mi characters.
 * @example
 * ```ts
 * const text = '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:4,\nsegment-0.m4s\n';
 * const moved = rewritePlaylist(text, (uri, tag) => (tag === 'EXT-X-KEY' ? uri : `https://cdn.example/${uri}`));
 * console.log(moved);
 * ```
 */
export function rewritePlaylist(text: string, rewrite: RewriteUri, options: RewritePlaylistOptions = {}): string {
  const lines = new LineRewriter(rewrite, new PlaylistVariables(options.variables ?? {}));
  return text.replaceAll(LINE, (line) => lines.rewrite(line));
}

class LineRewriter {
  readonly #rewrite: RewriteUri;
  readonly #variables: PlaylistVariables;
  /** What a URI on the next line of its own belongs to. */
  #lineTag: PlaylistTag = 'EXTINF';

  constructor(rewrite: RewriteUri, variables: PlaylistVariables) {
    this.#rewrite = rewrite;
    this.#variables = variables;
  }

  rewrite(line: string): string {
    // White space before a tag, a byte order mark among it, is passed over as players do.
    const start = line.length - line.trimStart().length;
    if (start === line.length) return line;
    if (line[start] === '#') return line.startsWith('#EXT', start) ? this.#tagLine(line, start) : line;
    const uri = line.slice(start).trimEnd();
    const rewritten = this.#uri(uri, this.#lineTag, isLineUri);
    this.#lineTag = 'EXTINF';
    return line.slice(0, start) + rewritten + line.slice(start + uri.length);
  }

  #tagLine(line: string, start: number): string {
    const colon = line.indexOf(':', start);
    if (colon === -1) return line;
    const name = line.slice(start + 1, colon);
    if (name === 'EXTINF' || name === 'EXT-X-STREAM-INF') {
      this.#lineTag = name;
      return line;
    }
    if (name === 'EXT-X-DEFINE') {
      this.#variables.define(line, colon + 1);
      return line;
    }
    if (name === 'EXT-X-PREFETCH') return this.#prefetch(line, colon + 1);
    const known = URI_ATTRIBUTES.get(name);
    if (known === undefined) return line;
    const spans = attributesOf(line, colon + 1).filter((attribute) => known.attributes.includes(attribute.name));
    return this.#spans(line, spans, known.tag);
  }

  /** Low-latency HLS as it was before Apple's: the URI is all that the tag has. */
  #prefetch(line: string, from: number): string {
    const value = line.slice(from);
    const start = from + value.length - value.trimStart().length;
    return this.#spans(line, [{ name: '', start, end: line.trimEnd().length, quoted: false }], 'EXT-X-PREFETCH');
  }

  #spans(line: string, spans: readonly PlaylistAttribute[], tag: PlaylistTag): string {
    let rewritten = '';
    let done = 0;
    for (const { start, end, quoted } of spans) {
      if (start >= end) continue;
      rewritten += line.slice(done, start);
      rewritten += this.#uri(line.slice(start, end), tag, quoted ? isQuotedUri : isBareUri);
      done = end;
    }
    return rewritten + line.slice(done);
  }

  #uri(written: string, tag: PlaylistTag, fits: (uri: string) => boolean): string {
    const uri = this.#variables.expand(written);
    const rewritten: unknown = this.#rewrite(uri, tag);
    if (rewritten === uri) return written;
    if (typeof rewritten === 'string' && !END_OF_LINE.test(rewritten) && fits(rewritten)) return rewritten;
    // The value may be signed, so it is not shown.
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `What a URI of ${tag} was rewritten to cannot stand in a playlist.`,
    );
  }
}

function isLineUri(uri: string): boolean {
  const text = uri.trimStart();
  return text !== '' && !text.startsWith('#');
}

function isQuotedUri(uri: string): boolean {
  return !uri.includes('"');
}

function isBareUri(uri: string): boolean {
  return uri.trim() !== '' && !/[",]/.test(uri);
}
