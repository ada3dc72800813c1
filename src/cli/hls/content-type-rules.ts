const PLAYLIST_TYPES: readonly string[] = [
  'application/vnd.apple.mpegurl',
  'application/x-mpegurl',
  'audio/mpegurl',
  'audio/x-mpegurl',
];

/** Types that players and their browsers take for an extension, the best one first. */
const TYPES_BY_EXTENSION: Readonly<Record<string, readonly string[]>> = {
  m3u8: PLAYLIST_TYPES,
  m3u: PLAYLIST_TYPES,
  ts: ['video/mp2t'],
  m4s: ['video/iso.segment', 'video/mp4', 'audio/mp4', 'audio/iso.segment'],
  mp4: ['video/mp4', 'audio/mp4', 'video/iso.segment', 'audio/iso.segment', 'application/mp4'],
  m4v: ['video/mp4', 'video/x-m4v', 'video/iso.segment'],
  m4a: ['audio/mp4', 'audio/x-m4a', 'audio/iso.segment'],
  cmfv: ['video/mp4', 'video/iso.segment'],
  cmfa: ['audio/mp4', 'audio/iso.segment'],
  cmft: ['application/mp4', 'text/vtt'],
  aac: ['audio/aac', 'audio/aacp', 'audio/x-aac'],
  mp3: ['audio/mpeg', 'audio/mp3'],
  ac3: ['audio/ac3'],
  ec3: ['audio/eac3'],
  vtt: ['text/vtt'],
  webvtt: ['text/vtt'],
  key: ['application/octet-stream', 'binary/octet-stream', 'application/pgp-keys'],
  json: ['application/json'],
  jpg: ['image/jpeg'],
  jpeg: ['image/jpeg'],
  png: ['image/png'],
  webp: ['image/webp'],
};

/**
 * What the content type of an object should have been, going by the extension of its key.
 *
 * @returns `null` when the type is right, or when the extension says nothing.
 */
export function betterContentType(key: string, contentType: string): string | null {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.') + 1).toLowerCase() : '';
  const types = Object.hasOwn(TYPES_BY_EXTENSION, extension) ? TYPES_BY_EXTENSION[extension] : undefined;
  const [best] = types ?? [];
  const essence = contentType.replace(/;.*$/s, '').trim().toLowerCase();
  if (types === undefined || best === undefined || types.includes(essence)) return null;
  return best;
}
