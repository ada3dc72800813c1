/** An object of a fixture. */
export interface FixtureObject {
  readonly body: string | Uint8Array;
  readonly contentType?: string;
}

/** A sound private film: two video variants, an audio rendition, fragmented MP4, an AES-128 key, subtitles. */
export function soundMedia(prefix: string): Map<string, FixtureObject> {
  const segment = (bytes: number): FixtureObject => ({ body: new Uint8Array(bytes), contentType: 'video/iso.segment' });
  const playlist = (...lines: string[]): FixtureObject => ({
    body: `${['#EXTM3U', '#EXT-X-VERSION:7', ...lines].join('\n')}\n`,
    contentType: 'application/vnd.apple.mpegurl',
  });
  const variant = (bytes: number): [string, FixtureObject][] => [
    ['index.m3u8', playlist(...mediaLines('../key.bin'))],
    ['init.mp4', { body: new Uint8Array(700), contentType: 'video/mp4' }],
    ...[0, 1, 2].map((index): [string, FixtureObject] => [`seg-${index}.m4s`, segment(bytes)]),
  ];
  const objects = new Map<string, FixtureObject>([
    [
      'master.m3u8',
      playlist(
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aud",NAME="English",DEFAULT=YES,URI="audio/index.m3u8"',
        '#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="aud"',
        '720p/index.m3u8',
        '#EXT-X-STREAM-INF:BANDWIDTH=400000,CODECS="avc1.64001e,mp4a.40.2",RESOLUTION=640x360,AUDIO="aud"',
        '360p/index.m3u8',
      ),
    ],
    ['key.bin', { body: new Uint8Array(16), contentType: 'application/octet-stream' }],
  ]);
  for (const [folder, bytes] of [
    ['720p', 400_000],
    ['360p', 180_000],
    ['audio', 60_000],
  ] as const) {
    for (const [name, object] of variant(bytes)) objects.set(`${folder}/${name}`, object);
  }
  return new Map([...objects].map(([name, object]) => [prefix + name, object]));
}

function mediaLines(key: string): string[] {
  return [
    '#EXT-X-TARGETDURATION:4',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    `#EXT-X-KEY:METHOD=AES-128,URI="${key}"`,
    '#EXT-X-MAP:URI="init.mp4"',
    '#EXTINF:4.0,',
    'seg-0.m4s',
    '#EXTINF:4.0,',
    'seg-1.m4s',
    '#EXTINF:3.5,',
    'seg-2.m4s',
    '#EXT-X-ENDLIST',
  ];
}
