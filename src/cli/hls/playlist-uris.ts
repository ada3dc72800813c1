import { rewritePlaylist, type PlaylistTag } from '../../clients/r2/hls/rewrite-playlist.js';

/** A URI of a playlist, and where it stands. */
export interface PlaylistUri {
  /** Its variables replaced. */
  readonly uri: string;
  readonly tag: PlaylistTag;
  /** From 1. */
  readonly line: number;
}

/** Every URI of a playlist, in the order of its lines: those that `rewritePlaylist` would rewrite. */
export function playlistUris(text: string): PlaylistUri[] {
  let mark = 'codex-uri:';
  while (text.includes(mark)) mark += ':';
  const uris: { uri: string; tag: PlaylistTag }[] = [];
  // A number in place of each URI: the lines of the result then say which stands where.
  const marked = rewritePlaylist(text, (uri, tag) => `${mark}${uris.push({ uri, tag }) - 1};`);
  const place = new RegExp(`${mark}(\\d+);`, 'g');
  return marked.split(/\r\n|\n|\r/).flatMap((line, index) => {
    return [...line.matchAll(place)].flatMap(([, number]) => {
      const found = uris[Number(number)];
      return found === undefined ? [] : [{ ...found, line: index + 1 }];
    });
  });
}
