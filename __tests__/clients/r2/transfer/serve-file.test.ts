import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { serveFile, type R2ServeOptions } from '../../../../src/clients/r2/transfer/serve-file.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const bucket = 'serve-test';
const key = 'a/video.mp4';
const content = '0123456789';

let server: S3Server;
let r2: R2Client;
let etag: string;
let lastModified: string;

beforeAll(async () => {
  server = await startS3Server({ buckets: [bucket] });
  r2 = new R2Client(server.config);
  await r2.uploadFile({ bucket, key, body: content, cacheControl: 'private, max-age=60' });
  await r2.uploadFile({ bucket, key: 'empty', body: '' });
  const info = await r2.headFile({ bucket, key });
  etag = `"${info!.etag}"`;
  lastModified = info!.lastModified.toUTCString();
});

afterAll(() => server.stop());

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

function serve(asked: Asked = {}, options: Partial<R2ServeOptions> = {}): Promise<Response> {
  return serveFile(r2, { bucket, key, ...options }, new Request('http://app.example/x', asked));
}

const ways: readonly (readonly [string, (asked: Asked) => Promise<Response>])[] = [
  ['serveFile', serve],
  [
    'toResponse',
    async (asked) => (await r2.downloadFile({ bucket, key }))!.toResponse(new Request('http://app.example/x', asked)),
  ],
];

const later = (): string => new Date(Date.parse(lastModified) + 60_000).toUTCString();
const asctime = (date: string): string => date.replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, '$1 $3 $2 $5 $4');
const earlier = (): string => new Date(Date.parse(lastModified) - 60_000).toUTCString();

describe.each(ways)('%s', (_name, respond) => {
  it('answers with the whole object and all that is known of it', async () => {
    const response = await respond({});
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=60',
      'content-length': '10',
      'content-type': 'video/mp4',
      etag,
      'last-modified': lastModified,
      'x-content-type-options': 'nosniff',
    });
    expect(await response.text()).toBe(content);
  });

  it.each([
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-300', content, 'bytes 0-9/10'],
    ['bytes=5-99999999999999999999', '56789', 'bytes 5-9/10'],
    ['Bytes=2-2', '2', 'bytes 2-2/10'],
  ])('answers 206 to %s', async (range, expected, contentRange) => {
    const response = await respond({ headers: { range } });
    expect([response.status, response.headers.get('content-range'), await response.text()]).toEqual([
      206,
      contentRange,
      expected,
    ]);
    expect(response.headers.get('content-length')).toBe(String(expected.length));
    expect(response.headers.get('etag')).toBe(etag);
  });

  it.each(['bytes=4-2', 'bytes=a-b', 'bytes=-', 'items=0-1', 'bytes=0-1,4-5', ''])(
    'answers with the whole object to %j',
    async (range) => {
      const response = await respond({ headers: { range } });
      expect([response.status, response.headers.get('content-range'), await response.text()]).toEqual([
        200,
        null,
        content,
      ]);
    },
  );

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=-0', 'bytes=99999999999999999999-'])(
    'answers 416 to %s',
    async (range) => {
      const response = await respond({ headers: { range } });
      expect([response.status, response.headers.get('content-range'), await response.text()]).toEqual([
        416,
        'bytes */10',
        '',
      ]);
    },
  );

  const conditions: readonly (readonly [string, () => Record<string, string>, number])[] = [
    ['If-None-Match with its tag', () => ({ 'if-none-match': etag }), 304],
    ['If-None-Match with its weak tag', () => ({ 'if-none-match': `W/${etag}` }), 304],
    ['If-None-Match with a list', () => ({ 'if-none-match': `"x", ${etag}` }), 304],
    ['If-None-Match with *', () => ({ 'if-none-match': '*' }), 304],
    ['If-None-Match with a tag named *', () => ({ 'if-none-match': '"*"' }), 200],
    ['If-None-Match with a tag that no signature carries', () => ({ 'if-none-match': '"\u00e9\t"' }), 200],
    ['If-None-Match with another', () => ({ 'if-none-match': '"x"' }), 200],
    [
      'If-None-Match with another, before the date',
      () => ({ 'if-none-match': '"x"', 'if-modified-since': later() }),
      200,
    ],
    ['If-Modified-Since with its date', () => ({ 'if-modified-since': lastModified }), 304],
    ['If-Modified-Since with an earlier date', () => ({ 'if-modified-since': earlier() }), 200],
    ['If-Modified-Since with no date', () => ({ 'if-modified-since': 'yesterday' }), 200],
    ['If-Modified-Since in the form of asctime', () => ({ 'if-modified-since': asctime(later()) }), 304],
    ['If-Unmodified-Since with what only looks like a date', () => ({ 'if-unmodified-since': '2000' }), 200],
    ['If-Unmodified-Since with a date that is not of HTTP', () => ({ 'if-unmodified-since': 'about 1 Jan 2000' }), 200],
    ['If-Match with its tag', () => ({ 'if-match': `"x", ${etag}` }), 200],
    ['If-Match with *', () => ({ 'if-match': '*' }), 200],
    ['If-Match with a weak tag', () => ({ 'if-match': `W/${etag}` }), 412],
    ['If-Match with another, before If-None-Match', () => ({ 'if-match': '"x"', 'if-none-match': etag }), 412],
    ['If-Unmodified-Since with its date', () => ({ 'if-unmodified-since': lastModified }), 200],
    ['If-Unmodified-Since with an earlier date', () => ({ 'if-unmodified-since': earlier() }), 412],
    ['a Range and If-None-Match', () => ({ range: 'bytes=0-1', 'if-none-match': etag }), 304],
    ['a Range beyond the end and If-None-Match', () => ({ range: 'bytes=50-', 'if-none-match': etag }), 304],
    ['a Range and If-Range with its tag', () => ({ range: 'bytes=0-1', 'if-range': etag }), 206],
    ['a Range and If-Range with its date', () => ({ range: 'bytes=0-1', 'if-range': lastModified }), 206],
    ['a Range and If-Range with another tag', () => ({ range: 'bytes=0-1', 'if-range': '"x"' }), 200],
    ['a Range and If-Range with a weak tag', () => ({ range: 'bytes=0-1', 'if-range': `W/${etag}` }), 200],
    ['a Range and If-Range with a later date', () => ({ range: 'bytes=0-1', 'if-range': later() }), 200],
    ['a Range and If-Range with nonsense', () => ({ range: 'bytes=0-1', 'if-range': 'x' }), 200],
    ['a Range beyond the end and If-Range with another tag', () => ({ range: 'bytes=50-', 'if-range': '"x"' }), 200],
  ];

  it.each(conditions)('heeds %s', async (_condition, headers, status) => {
    const response = await respond({ headers: headers() });
    const body = await response.text();
    expect([response.status, body]).toEqual([status, status === 200 ? content : status === 206 ? '01' : '']);
    expect(response.headers.get('etag')).toBe(etag);
    if (status === 304) expect(response.headers.get('content-length')).toBeNull();
  });

  it('answers a HEAD without the body, also with a Range', async () => {
    const response = await respond({ method: 'HEAD', headers: { range: 'bytes=0-1' } });
    expect([response.status, response.headers.get('content-length'), response.body]).toEqual([200, '10', null]);
  });
});

describe('serveFile', () => {
  it('says in a 304 what it says in a 200', async () => {
    const gzip = new Blob(['hello']).stream().pipeThrough(new CompressionStream('gzip'));
    const body = new Uint8Array(await new Response(gzip).arrayBuffer());
    await r2.uploadFile({ bucket, key: 'g.txt', body, contentEncoding: 'gzip', cacheControl: 'private, max-age=60' });
    const whole = await serve({}, { key: 'g.txt' });
    await whole.body?.cancel();
    const tag = whole.headers.get('etag')!;
    expect(tag).toMatch(/^W\//);
    for (const method of ['GET', 'HEAD']) {
      const response = await serve({ method, headers: { 'if-none-match': tag } }, { key: 'g.txt' });
      expect([response.status, response.headers.get('etag')]).toEqual([304, tag]);
      expect(response.headers.get('cache-control')).toBe('private, max-age=60');
    }
  });

  it('answers 404 and 405', async () => {
    expect((await serve({}, { key: 'missing' })).status).toBe(404);
    expect((await serve({ headers: { range: 'bytes=0-' } }, { key: 'missing' })).status).toBe(404);
    expect((await serve({ method: 'HEAD' }, { key: 'missing' })).status).toBe(404);
    const post = await serve({ method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('serves an object without content, which has no range', async () => {
    const whole = await serve({}, { key: 'empty' });
    expect([whole.status, whole.headers.get('content-length'), await whole.text()]).toEqual([200, '0', '']);
    expect((await serve({ headers: { range: 'bytes=0-' } }, { key: 'empty' })).status).toBe(416);
  });

  it('takes headers of the caller, and a name to save the file under', async () => {
    const options = {
      cacheControl: 'public, max-age=31536000, immutable',
      downloadName: 'Größe "1".mp4',
      headers: { 'access-control-allow-origin': '*', 'Content-Type': 'video/x' },
    };
    const { headers } = await serve({}, options);
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="Gr__e _1_.mp4"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.mp4`,
    );
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('content-type')).toBe('video/x');
    const notModified = await serve({ headers: { 'if-none-match': etag } }, options);
    expect(notModified.headers.get('access-control-allow-origin')).toBe('*');
    expect(notModified.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  it('fails for a missing bucket and bad options', async () => {
    await expect(serve({}, { bucket: 'no-such-bucket' })).rejects.toMatchObject({ code: 'R2_NO_SUCH_BUCKET' });
    await expect(serve({}, { key: '../a' })).rejects.toMatchObject({ code: 'INVALID_KEY' });
    await expect(serve({}, { headers: { a: 'b\nc' } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(serveFile({}, { bucket, key }, new Request('http://app.example'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
