import type { Miniflare } from 'miniflare';
import { HlsTokens } from '../../src/clients/r2/hls/hls-tokens.js';
import { R2Client } from '../../src/clients/r2/r2-client.js';
import { startS3Front, type S3Front } from '../support/s3-front.js';
import { startWorker } from '../support/worker.js';

const BUCKET = 'private-hls';
const FOLDER = 'c1/hls/m1/';
const MASTER = `${FOLDER}master.m3u8`;
const SECRETS = {
  HLS_SECRET: 'the secret of this test, 32 bytes and more',
  HLS_OLD_SECRET: 'the older secret, 32 bytes and more than that',
};

let server: S3Front;
let r2: R2Client;

beforeAll(async () => {
  server = await startS3Front({ buckets: [BUCKET] });
  r2 = new R2Client(server.config);
  await r2.uploadFile({ bucket: BUCKET, key: MASTER, body: '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/p.m3u8\n' });
});

afterAll(() => server.stop());

describe.each([
  ['2026-07-30', false],
  ['2023-05-18', true],
])('private HLS in a Worker of %s (minified: %s)', (compatibilityDate, minify) => {
  let url: URL;
  let miniflare: Miniflare;
  let name = 0;

  beforeAll(async () => {
    const { accountId, accessKeyId, secretAccessKey, endpoint } = server.config;
    ({ url, miniflare } = await startWorker('private-hls-worker.ts', {
      minify,
      compatibilityDate,
      bindings: {
        R2_ENDPOINT: endpoint,
        R2_ACCOUNT_ID: accountId,
        R2_ACCESS_KEY_ID: accessKeyId,
        R2_SECRET_ACCESS_KEY: secretAccessKey,
        BUCKET,
        ...SECRETS,
      },
    }));
  });

  afterAll(() => miniflare.dispose());
  beforeEach(() => server.reset());

  /** An object that no test before has read, so that no cache has it. */
  async function segment(content: string): Promise<string> {
    const key = `${FOLDER}v/${compatibilityDate}-${name++}.m4s`;
    await r2.uploadFile({ bucket: BUCKET, key, body: content });
    server.reset();
    return key;
  }

  async function issue(options: Record<string, string>): Promise<{ path: string; setCookie?: string }> {
    const query = new URLSearchParams({ kind: 'path', key: MASTER, expiresIn: '600', ...options });
    const answer = await fetch(new URL(`/issue?${query}`, url));
    return answer.json<{ path: string; setCookie?: string }>();
  }

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(new URL(path, url), { headers });

  /** Asks until the cache has it: what a Worker puts there, it finishes behind the answer's back. */
  async function untilCached(path: string): Promise<Response> {
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const response = await get(path);
      if (response.headers.get('cf-cache-status') === 'HIT') return response;
      await response.arrayBuffer();
    }
    throw new Error('never cached');
  }

  it('lets 50 viewers with tokens of their own in at once, and nobody else, all to the same content', async () => {
    const content = 'content '.repeat(20_000);
    const key = await segment(content);
    const paths = await Promise.all(
      Array.from({ length: 50 }, async (_, n) =>
        // Minutes apart: a second that passes meanwhile makes no two of them equal.
        (await issue({ expiresIn: String(600 + 60 * n) })).path.replace(MASTER, key),
      ),
    );
    expect(new Set(paths).size).toBe(50);
    const bad = paths.map((path, n) => {
      if (n % 3 === 0) return path.replace(/\/v\/(\d+)/, (_, at) => `/v/${Number(at) + 1}`);
      return n % 3 === 1 ? path.replace('c1/hls/m1', 'c1/hls/m2') : path.replace(/\/v\/[^/]+/, '/v');
    });
    const answers = await Promise.all([...paths, ...bad].map((path) => get(path)));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, (_, n) => (n < 50 ? 200 : 403)));
    expect(new Set(texts.slice(0, 50))).toEqual(new Set([content]));
    expect(new Set(texts.slice(50))).toEqual(new Set(['Forbidden']));
  });

  it('answers from the cache after the first, to other tokens too, and never to a request without one', async () => {
    const key = await segment('cached');
    const one = (await issue({})).path.replace(MASTER, key);
    const two = (await issue({ expiresIn: '90' })).path.replace(MASTER, key);
    await (await get(one)).arrayBuffer();
    await (await untilCached(one)).arrayBuffer();
    // Gone from the bucket: only the cache can know it now.
    await r2.deleteFile({ bucket: BUCKET, key });
    server.reset();
    const hit = await get(two);
    expect([hit.status, await hit.text(), hit.headers.get('cf-cache-status')]).toEqual([200, 'cached', 'HIT']);
    expect(hit.headers.get('cache-control')).toMatch(/^private, max-age=(90|89|88), immutable$/);
    const tokens = new HlsTokens({ secrets: [SECRETS.HLS_SECRET, SECRETS.HLS_OLD_SECRET] });
    for (const path of [`/v/${key}`, one.replace(/\.3\./, '.2.'), tokens.cachePath(BUCKET, key)]) {
      const refused = await get(path);
      expect([refused.status, refused.headers.get('cache-control'), await refused.text()]).toEqual([
        403,
        'no-store',
        'Forbidden',
      ]);
    }
    expect(server.count('GetObject')).toBe(0);
  });

  it('answers ranges, conditions and HEAD, from the bucket and from the cache', async () => {
    const key = await segment('0123456789');
    const path = (await issue({})).path.replace(MASTER, key);
    const ask = async (): Promise<unknown[]> => {
      const part = await get(path, { range: 'bytes=2-4' });
      const head = await fetch(new URL(path, url), { method: 'HEAD' });
      const etag = head.headers.get('etag')!;
      const beyond = await get(path, { range: 'bytes=10-' });
      return [
        [part.status, await part.text(), part.headers.get('content-range'), part.headers.get('content-length')],
        [head.status, head.headers.get('content-length'), head.headers.get('content-type')],
        (await get(path, { 'if-none-match': etag })).status,
        [beyond.status, beyond.headers.get('content-range')],
      ];
    };
    const expected = [[206, '234', 'bytes 2-4/10', '3'], [200, '10', 'video/iso.segment'], 304, [416, 'bytes */10']];
    expect(await ask()).toEqual(expected);
    const whole = await get(path);
    expect([whole.headers.get('content-length'), await whole.text()]).toEqual(['10', '0123456789']);
    const hit = await untilCached(path);
    expect([hit.headers.get('content-length'), await hit.text()]).toEqual(['10', '0123456789']);
    expect(await ask()).toEqual(expected);
  });

  it('refuses tokens of the past and of others, and accepts those of the older secret', async () => {
    const status = async (path: string, headers = {}): Promise<number> => (await get(path, headers)).status;
    const expired = await issue({ skewMs: '-600000' });
    expect(await status(expired.path)).toBe(403);
    expect(await status((await issue({ kind: 'old' })).path)).toBe(200);
    const bound = await issue({ viewer: 's1' });
    expect(await status(bound.path)).toBe(403);
    expect(await status(bound.path, { 'x-viewer': 's2' })).toBe(403);
    expect(await status(bound.path, { 'x-viewer': 's1' })).toBe(200);
    expect(await status((await issue({})).path, { 'x-viewer': 's1' })).toBe(403);
  });

  it('opens a folder by its cookie, and keeps what it opens private', async () => {
    const { path, setCookie } = await issue({ kind: 'cookie' });
    const cookie = setCookie!.split(';')[0]!;
    const response = await get(path, { cookie });
    expect([response.status, response.headers.get('cache-control')]).toEqual([200, 'private, max-age=2']);
    expect((await get(path)).status).toBe(403);
    expect((await get('/v/c1/hls/m2/master.m3u8', { cookie })).status).toBe(403);
  });

  it('signs a playlist whose segments the bucket then gives away, and not without the signature', async () => {
    const key = await segment('signed');
    const playlist = `${FOLDER}v/${compatibilityDate}.m3u8`;
    await r2.uploadFile({ bucket: BUCKET, key: playlist, body: `#EXTM3U\n#EXTINF:4,\n${key.split('/').pop()}\n` });
    const response = await get(`/signed/${playlist}`);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    const [, , link] = (await response.text()).split('\n');
    expect(await (await fetch(link!)).text()).toBe('signed');
    expect((await fetch(link!.split('?')[0]!)).status).toBeGreaterThanOrEqual(400);
    expect((await get(`/signed/${FOLDER}none.m3u8`)).status).toBe(404);
  });
});
