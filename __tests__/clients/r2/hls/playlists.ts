/** A playlist, and every URI that it names with its tag, in the order of the text. */
export interface PlaylistFixture {
  readonly name: string;
  readonly kind: 'multivariant' | 'media';
  readonly text: string;
  readonly uris: readonly (readonly [uri: string, tag: string])[];
}

const multivariant = [
  '#EXTM3U',
  '#EXT-X-VERSION:12',
  '#EXT-X-INDEPENDENT-SEGMENTS',
  '#EXT-X-CONTENT-STEERING:SERVER-URI="/steering?video=00012",PATHWAY-ID="CDN-A"',
  '#EXT-X-SESSION-DATA:DATA-ID="com.example.title",VALUE="not URI=\'x\', but text"',
  '#EXT-X-SESSION-DATA:DATA-ID="com.example.lyrics",URI="lyrics.json",LANGUAGE="en"',
  '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="keys/session.key",IV=0x00000000000000000000000000000001',
  '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a,b",NAME="URI=\'trap.m3u8\',English",DEFAULT=YES,URI="audio/en.m3u8",CHANNELS="2"',
  '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="subs",NAME="Deutsch",URI ="subs/de.m3u8"',
  '#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",INSTREAM-ID="CC1"',
  '# a comment with URI="comment.m3u8"',
  '#EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a,b",SUBTITLES="subs"',
  '#EXT-X-VENDOR:URI="vendor.m3u8"',
  '',
  '720p/playlist.m3u8',
  '#EXT-X-STREAM-INF:BANDWIDTH=640000,CODECS="avc1.4d401f,mp4a.40.2",AUDIO="a,b",SUBTITLES="subs"',
  'https://cdn.example/360p/playlist.m3u8?a=1,2',
  '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,CODECS="avc1.4d401f",URI="iframes/720p.m3u8",RESOLUTION=1280x720',
  '#EXT-X-IMAGE-STREAM-INF:BANDWIDTH=13000,RESOLUTION=320x180,CODECS="jpeg",URI="images/tiles.m3u8"',
  '',
].join('\n');

const fragmented = [
  '\uFEFF#EXTM3U',
  '#EXT-X-VERSION:7',
  '#EXT-X-TARGETDURATION:4',
  '#EXT-X-MEDIA-SEQUENCE:7',
  '#EXT-X-MAP:URI="main.mp4",BYTERANGE="720@0"',
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://asset-7",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"',
  '#EXT-X-KEY:METHOD=AES-128,URI="../keys/7.key?rotation=7",IV=0x0123456789ABCDEF0123456789ABCDEF',
  '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z',
  '#EXTINF:4.0,"URI="title.ts", a title',
  '#EXT-X-BYTERANGE:1000@720',
  'main.mp4',
  '#EXTINF:4.0,',
  '#EXT-X-BYTERANGE:1000',
  '  main.mp4\t',
  '#EXT-X-KEY:METHOD=NONE',
  '#EXT-X-DISCONTINUITY',
  '#EXT-X-BITRATE:800',
  '#EXT-X-GAP',
  '#EXTINF:3.2',
  'seg ment%20ü,1.m4s',
  '#EXT-X-ENDLIST',
].join('\r\n');

const lowLatency = [
  '#EXTM3U',
  '#EXT-X-VERSION:9',
  '#EXT-X-TARGETDURATION:4',
  '#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,CAN-SKIP-UNTIL=24.0',
  '#EXT-X-PART-INF:PART-TARGET=0.33334',
  '#EXT-X-MEDIA-SEQUENCE:266',
  '#EXT-X-SKIP:SKIPPED-SEGMENTS=3',
  '#EXT-X-DATERANGE:ID="ad,1",CLASS="com.apple.hls.interstitial",START-DATE="2026-01-01T00:00:08Z",X-ASSET-URI="ads/one.m3u8",X-RESTRICT="SKIP,JUMP"',
  '#EXT-X-DATERANGE:ID="ad2",CLASS="com.apple.hls.interstitial",START-DATE="2026-01-01T00:00:16Z",X-ASSET-LIST="ads/list.json?pod=2",X-COM-URI="vendor"',
  '#EXT-X-DATERANGE:ID="pre",CLASS="com.apple.hls.preload",START-DATE="2026-01-01T00:00:10Z",X-TARGET-ID="ad2",X-URI="ads/list.json?preload"',
  '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z',
  '#EXTINF:4.00008,',
  'segment-269.m4s',
  '#EXT-X-PART:DURATION=0.33334,URI="part-270.0.m4s",INDEPENDENT=YES',
  '#EXT-X-PART:DURATION=0.33334,URI="part-270.m4s",BYTERANGE="500@0"',
  '#EXTINF:4.00008,',
  'segment-270.m4s',
  '#EXT-X-PART:DURATION=0.33334,URI="part-271.0.m4s"',
  '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="part-271.1.m4s",BYTERANGE-START=0',
  '#EXT-X-RENDITION-REPORT:URI="../1M/live.m3u8?x=1",LAST-MSN=271,LAST-PART=1',
  '#EXT-X-PREFETCH:https://live.example/segment-272.m4s',
  '#EXT-X-PREFETCH:  segment-273.m4s ',
  '',
].join('\n');

const variables = [
  '#EXTM3U',
  '#EXT-X-TARGETDURATION:4',
  '#EXT-X-DEFINE:NAME="folder",VALUE="720p"',
  '#EXT-X-DEFINE:NAME="base",VALUE="v/{$folder}"',
  '#EXT-X-MAP:URI="{$base}/init.mp4"',
  '#EXTINF:4,{$base}',
  '{$base}/segment-0.m4s',
  '#EXTINF:4,',
  '{$folder}/{$folder}.m4s',
  '',
].join('\n');

/** One of each kind; together they hold every tag that carries a URI. */
export const PLAYLISTS: readonly PlaylistFixture[] = [
  {
    name: 'a multivariant playlist',
    kind: 'multivariant',
    text: multivariant,
    uris: [
      ['/steering?video=00012', 'EXT-X-CONTENT-STEERING'],
      ['lyrics.json', 'EXT-X-SESSION-DATA'],
      ['keys/session.key', 'EXT-X-SESSION-KEY'],
      ['audio/en.m3u8', 'EXT-X-MEDIA'],
      ['subs/de.m3u8', 'EXT-X-MEDIA'],
      ['720p/playlist.m3u8', 'EXT-X-STREAM-INF'],
      ['https://cdn.example/360p/playlist.m3u8?a=1,2', 'EXT-X-STREAM-INF'],
      ['iframes/720p.m3u8', 'EXT-X-I-FRAME-STREAM-INF'],
      ['images/tiles.m3u8', 'EXT-X-IMAGE-STREAM-INF'],
    ],
  },
  {
    name: 'a media playlist of byte ranges, with keys, a byte order mark and CRLF',
    kind: 'media',
    text: fragmented,
    uris: [
      ['main.mp4', 'EXT-X-MAP'],
      ['skd://asset-7', 'EXT-X-KEY'],
      ['../keys/7.key?rotation=7', 'EXT-X-KEY'],
      ['main.mp4', 'EXTINF'],
      ['main.mp4', 'EXTINF'],
      ['seg ment%20ü,1.m4s', 'EXTINF'],
    ],
  },
  {
    name: 'a low-latency playlist with interstitials and prefetches',
    kind: 'media',
    text: lowLatency,
    uris: [
      ['ads/one.m3u8', 'EXT-X-DATERANGE'],
      ['ads/list.json?pod=2', 'EXT-X-DATERANGE'],
      ['ads/list.json?preload', 'EXT-X-DATERANGE'],
      ['segment-269.m4s', 'EXTINF'],
      ['part-270.0.m4s', 'EXT-X-PART'],
      ['part-270.m4s', 'EXT-X-PART'],
      ['segment-270.m4s', 'EXTINF'],
      ['part-271.0.m4s', 'EXT-X-PART'],
      ['part-271.1.m4s', 'EXT-X-PRELOAD-HINT'],
      ['../1M/live.m3u8?x=1', 'EXT-X-RENDITION-REPORT'],
      ['https://live.example/segment-272.m4s', 'EXT-X-PREFETCH'],
      ['segment-273.m4s', 'EXT-X-PREFETCH'],
    ],
  },
  {
    name: 'a playlist with variables',
    kind: 'media',
    text: variables,
    uris: [
      ['v/720p/init.mp4', 'EXT-X-MAP'],
      ['v/720p/segment-0.m4s', 'EXTINF'],
      ['720p/720p.m4s', 'EXTINF'],
    ],
  },
];
