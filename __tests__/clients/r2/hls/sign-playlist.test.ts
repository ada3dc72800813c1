import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { signPlaylist, type SignPlaylistOptions } from '../../../../src/clients/r2/hls/sign-playlist.js';
import { rewritePlaylist } from '../../../../src/clients/r2/hls/rewrite-playlist.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';
import { PLAYLISTS } from './playlists.js';

const BUCKET = 'hls-media';
const FOLDER = 'c1/hls/m1/';

let server: S3Server;
let r2: R2Client;
let now = Date.now();

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
  r2 = new R2Client(server.config, { now: () => now });
});

afterAll(() => server.stop());

async function store(name: string, body: string | Uint8Array): Promise<string> {
  const key = `${FOLDER}${name}`;
  await r2.uploadFile({ bucket: BUCKET, key, body });
  return key;
}

async function sign(key: string, options: Partial<SignPlaylistOptions> = {}): Promise<string> {
  const playlist = await signPlaylist(r2, { bucket: BUCKET, key, expiresIn: 600, mediaPrefix: FOLDER, ...options });
  return playlist!.text;
}

function urisOf(text: string): [string, string][] {
  const uris: [string, string][] = [];
  rewritePlaylist(text, (uri, tag) => {
    uris.push([tag, uri]);
    return uri;
  });
  return uris;
}

describe('signPlaylist', () => {
  it('signs segments, maps and keys so that the server lets them through', async () => {
    await store('720p/init.mp4', 'init');
    await store('720p/seg 0+é.m4s', 'segment');
    await store('keys/7.key', 'key');
    const key = await store(
      '720p/playlist.m3u8',
      '#EXTM3U\r\n#EXT-X-TARGETDURATION:4\r\n#EXT-X-MAP:URI="init.mp4"\r\n#EXT-X-KEY:METHOD=AES-128,URI="../keys/7.key?x=1"\r\n' +
        '#EXTINF:4,\r\nseg%200+%C3%A9.m4s#t',
    );
    const playlist = await signPlaylist(r2, { bucket: BUCKET, key, expiresIn: 600, mediaPrefix: FOLDER });
    const contents = [];
    for (const [, url] of urisOf(playlist!.text)) contents.push(await (await fetch(url)).text());
    expect(contents).toEqual(['init', 'key', 'segment']);
    const [[, url]] = urisOf(playlist!.text) as [[string, string]];
    expect((await fetch(url.split('?')[0]!)).status).toBeGreaterThanOrEqual(400);
    expect((await fetch(url.replace('X-Amz-Expires=600', 'X-Amz-Expires=601'))).status).toBe(403);
    expect(playlist!.headers).toEqual({
      'content-type': 'application/vnd.apple.mpegurl',
      'cache-control': 'private, no-store',
    });
    expect(playlist!.expiresAt.getTime()).toBe(Math.floor(now / 1000) * 1000 + 600_000);
  });

  it('routes playlists, signs the rest, and leaves what is elsewhere', async () => {
    for (const [index, { text }] of PLAYLISTS.entries()) {
      const key = await store(`all/${index}.m3u8`, text);
      const signed = await sign(key, {
        route: ({ key: target, query, tag }) => `/route/${tag}/${target}${query}`,
        keyRoute: ({ key: target, uri }) => `/keys/${target}?of=${encodeURIComponent(uri)}`,
      });
      const shapes = urisOf(signed).map(([tag, uri]) => `${tag} ${uri.replace(/\?X-Amz-.*/, '?signed')}`);
      expect(shapes.map((shape) => shape.replace(server.endpoint, 'S3'))).toMatchSnapshot();
    }
  });

  it('tells a route the path of a key, in which nothing is taken for a query or fragment', async () => {
    const key = `${FOLDER}odd.m3u8`;
    await r2.uploadFile({
      bucket: BUCKET,
      key,
      body: '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nHD%20%231%3F/100%25.m3u8\n',
    });
    const playlist = await signPlaylist(r2, {
      bucket: BUCKET,
      key,
      expiresIn: 60,
      route: ({ path }) => `/api/hls/${path}`,
    });
    expect(playlist?.text.split('\n')[2]).toBe(`/api/hls/${FOLDER}HD%20%231%3F/100%25.m3u8`);
  });

  it('leaves playlists as they are when there is no route', async () => {
    const key = await store('master.m3u8', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/playlist.m3u8?v=1\n');
    expect(await sign(key)).toBe('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/playlist.m3u8?v=1\n');
  });

  it('gives the same text, byte for byte, within a multiple of roundExpiry', async () => {
    const key = await store('720p/round.m3u8', '#EXTM3U\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts\n');
    const start = Math.ceil(Date.now() / 300_000) * 300_000;
    const texts = [];
    try {
      for (const offset of [0, 1_000, 299_999, 300_000]) {
        now = start + offset;
        // The server's own clock is the real one; the playlist is read by another client.
        texts.push((await signWithClock(key)).text);
      }
    } finally {
      now = Date.now();
    }
    expect(new Set(texts.slice(0, 3)).size).toBe(1);
    expect(texts[3]).not.toBe(texts[0]);
  });

  async function signWithClock(key: string) {
    const playlist = await signPlaylist(r2, {
      bucket: BUCKET,
      key,
      expiresIn: 600,
      roundExpiry: 300,
      mediaPrefix: FOLDER,
    });
    return playlist!;
  }

  it('signs an object of byte ranges once', async () => {
    const lines = Array.from({ length: 50 }, (_, n) => `#EXTINF:4,\n#EXT-X-BYTERANGE:100@${n * 100}\nmain.mp4`);
    const key = await store(
      '720p/ranges.m3u8',
      `#EXTM3U\n#EXT-X-MAP:URI="main.mp4",BYTERANGE="50@0"\n${lines.join('\n')}\n`,
    );
    const signed = await sign(key);
    expect(new Set(urisOf(signed).map(([, uri]) => uri)).size).toBe(1);
    expect(signed.match(/#EXT-X-BYTERANGE:.*/g)).toEqual(lines.map((line) => line.split('\n')[1]));
  });

  it.each([
    [
      'a URI that leaves the media prefix',
      '#EXTM3U\n#EXTINF:1,\n../../m2/a.ts\n',
      '"../../m2/a.ts" of the playlist leaves the media prefix',
    ],
    [
      'a key of another folder',
      '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="/c1/hls/m2/k"\n',
      '"/c1/hls/m2/k" of the playlist leaves',
    ],
    [
      'a variant of another folder',
      '#EXTM3U\n#EXT-X-STREAM-INF:B=1\n../../x.m3u8\n',
      '"../../x.m3u8" of the playlist leaves',
    ],
    [
      'a variable that nobody knows',
      '#EXTM3U\n#EXT-X-DEFINE:IMPORT="x"\n#EXTINF:1,\n{$x}/a.ts\n',
      'has a variable whose value',
    ],
    ['text that is no playlist', '<html>', 'does not begin with #EXTM3U'],
    ['a playlist of another format', '#EXTM3U8\n', 'does not begin with #EXTM3U'],
    ['what is not UTF-8', new Uint8Array([35, 69, 88, 84, 77, 51, 85, 10, 255]), 'is not UTF-8'],
    ['what is too large', `#EXTM3U\n${'#'.repeat(4 * 1024 * 1024)}`, 'is larger than 4194304 bytes'],
  ])('refuses %s', async (_name, body, message) => {
    const key = await store('720p/bad.m3u8', body);
    await expect(sign(key)).rejects.toMatchObject({
      code: 'INVALID_PLAYLIST',
      message: expect.stringContaining(message) as string,
    });
  });

  it('signs with the variables that the caller knows', async () => {
    const key = await store('720p/var.m3u8', '#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM="v"\n#EXTINF:1,\n{$v}/a.ts?t={$v}\n');
    expect(await sign(key, { variables: { v: 'hd' } })).toContain(`/${FOLDER}720p/hd/a.ts?X-Amz-`);
  });

  it('answers null for a playlist that is not there', async () => {
    await expect(signPlaylist(r2, { bucket: BUCKET, key: `${FOLDER}none.m3u8`, expiresIn: 60 })).resolves.toBeNull();
  });

  it('refuses what it cannot sign before it reads anything', async () => {
    const refusal = (options: Partial<SignPlaylistOptions>): Promise<unknown> =>
      sign(`${FOLDER}never-read.m3u8`, options).then(
        () => 'signed',
        (error: unknown) => (error as { code: unknown }).code,
      );
    expect(await refusal({ expiresIn: 0 })).toBe('INVALID_OPTION');
    expect(await refusal({ expiresIn: 604_801 })).toBe('INVALID_OPTION');
    expect(await refusal({ roundExpiry: 604_800 })).toBe('INVALID_OPTION');
    expect(await refusal({ mediaPrefix: 'c1/hls/m2/' })).toBe('INVALID_KEY');
    expect(await refusal({ mediaPrefix: '' })).toBe('INVALID_PREFIX');
    expect(await refusal({ bucket: 'No Bucket' })).toBe('INVALID_OPTION');
    expect(await refusal({ route: 'x' as never })).toBe('INVALID_OPTION');
    expect(await refusal({ keyRoute: 'x' as never })).toBe('INVALID_OPTION');
    await expect(
      signPlaylist({ mock: true } as unknown as R2Client, { bucket: BUCKET, key: 'a/b', expiresIn: 1 }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
