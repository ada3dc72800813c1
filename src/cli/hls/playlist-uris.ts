/** A URI of a playlist, and where it stands. */
export interface PlaylistUri {
  readonly uri: string;
  /** Name of the tag, such as `EXT-X-MAP`; `EXTINF` for a segment and `EXT-X-STREAM-INF` for a variant. */
  readonly tag: string;
  /** From 1. */
  readonly line: number;
}

/** Every URI of a playlist, in the order of its lines. */
export function playlistUris(text: string): PlaylistUri[] {
  const uris: PlaylistUri[] = [];
  let pending = 'EXTINF';
  text.split(/\r\n|\n|\r/).forEach((raw, index) => {
    const line = raw.replace(/^\uFEFF/, '').trim();
    const [, tag] = /^#(EXT[A-Z0-9-]*)/.exec(line) ?? [];
    if (tag === 'EXT-X-STREAM-INF') pending = tag;
    if (tag !== undefined) {
      const [, uri] = /[:,](?:URI|SERVER-URI)="([^"]*)"/.exec(line) ?? [];
      if (uri !== undefined) uris.push({ uri, tag, line: index + 1 });
    } else if (line !== '' && !line.startsWith('#')) {
      uris.push({ uri: line, tag: pending, line: index + 1 });
      pending = 'EXTINF';
    }
  });
  return uris;
}
