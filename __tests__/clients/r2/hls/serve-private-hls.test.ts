import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { HlsTokens } from '../../../../src/clients/r2/hls/hls-tokens.js';
import {
  servePrivateHls,
  type PrivateHlsHandler,
  type ServePrivateHlsOptions,
} from '../../../../src/clients/r2/hls/serve-private-hls.js';
import type { ClientEvent } from '../../../../src/events.js';
import { isCloudflareClientError } from '../../../../src/errors.js';
import { MemoryHttpCache } from '../../../support/memory-http-cache.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';

const BUCKET = 'private-hls';
const FOLDER = 'c1/hls/m1/';
const MASTER = `${FOLDER}master.m3u8`;
const SEGMENT = `${FOLDER}720p/segment-0.m4s`;
const TEXT = '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n720p/playlist.m3u8\n';
const CONTENT = '0123456789';

let now = Date.now();
let server: S3Front;
let r2: R2Client;
let cache: MemoryHttpCache;
let events: ClientEvent[] = [];
const tokens = new HlsTokens({ secrets: ['a secret of the tests, 32 bytes and more'], now: () => now });

beforeAll(async () => {
  server = await startS3Front({ buckets: [BUCKET] });
  r2 = new R2Client(server.config, { maxAttempts: 1, events: { emit: (event) => events.push(event) } });
  await r2.uploadFile({ bucket: BUCKET, key: MASTER, body: TEXT });
  await r2.uploadFile({ bucket: BUCKET, key: SEGMENT, body: CONTENT, contentType: 'application/octet-stream' });
  await r2.uploadFile({ bucket: BUCKET, key: `${FOLDER}keys/1.key`, body: 'sixteen bytes ok' });
  await r2.uploadFile({ bucket: BUCKET, key: 'c1/hls/m2/master.m3u8', body: TEXT });
});

afterAll(() => server.stop());

beforeEach(() => {
  now = Date.now();
  cache = new MemoryHttpCache(() => now);
  events = [];
  server.reset();
});

const pending: Promise<unknown>[] = [];
const ctx = { waitUntil: (promise: Promise<unknown>) => void pending.push(promise) };

function handler(options: Partial<ServePrivateHlsOptions> = {}): PrivateHlsHandler {
  const serve = servePrivateHls(r2, { bucket: BUCKET, tokens, cache, ...options });
  return async (request) => {
    const response = await serve(request, ctx);
    const body = await response.arrayBuffer();
    await Promise.all(pending.splice(0));
    return new Response([204, 304].includes(response.status) ? null : body, response);
  };
}

function pathOf(key: string, expiresIn = 600): string {
  const { path } = tokens.signPath({ key: MASTER, expiresIn });
  return path.replace(MASTER, key);
}

function ask(path: string, init: RequestInit = {}): Request {
  return new Request(`https://app.example${path}`, init);
}

function get(path: string, headers: Record<string, string> = {}): Request {
  return ask(path, { headers });
}

describe('a request with a token', () => {
  it('gets a playlist for a short time', async () => {
    const response = await handler()(get(pathOf(MASTER)));
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(TEXT);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/vnd.apple.mpegurl',
      'content-length': String(TEXT.length),
      'cache-control': 'private, max-age=2',
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/) as string,
    });
  });

  it('gets a segment as immutable, for as long as the token lives, under the type that its name says', async () => {
    const response = await handler()(get(pathOf(SEGMENT)));
    expect(await response.text()).toBe(CONTENT);
    expect(response.headers.get('content-type')).toBe('video/iso.segment');
    expect(response.headers.get('cache-control')).toBe('private, max-age=600, immutable');
  });

  it('gets no page that could act as the app, whatever was uploaded', async () => {
    const key = `${FOLDER}page.html`;
    await r2.uploadFile({ bucket: BUCKET, key, body: '<script>steal()</script>', contentType: 'text/html' });
    for (let time = 0; time < 2; time += 1) {
      const { headers } = await handler()(get(pathOf(key)));
      expect(headers.get('content-security-policy')).toBe('sandbox');
    }
  });

  it('gets a content key, which nothing may keep', async () => {
    const response = await handler()(get(pathOf(`${FOLDER}keys/1.key`)));
    expect([response.status, await response.text()]).toEqual([200, 'sixteen bytes ok']);
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect([cache.asked, cache.entries.size]).toEqual([[], 0]);
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=10-', 416, '', 'bytes */10'],
  ])('gets the range %s', async (range, status, text, contentRange) => {
    const response = await handler()(get(pathOf(SEGMENT), { range }));
    expect([response.status, await response.text(), response.headers.get('content-range')]).toEqual([
      status,
      text,
      contentRange,
    ]);
    expect(response.headers.get('cache-control')).toBe(status === 206 ? 'private, max-age=600, immutable' : 'no-store');
    expect(cache.entries.size).toBe(0);
  });

  it('gets 304 for what it has, and only the head for a HEAD', async () => {
    const etag = (await handler({ cache: null })(get(pathOf(SEGMENT)))).headers.get('etag')!;
    const same = await handler()(get(pathOf(SEGMENT), { 'if-none-match': etag }));
    expect([same.status, same.headers.get('cache-control')]).toEqual([304, 'private, max-age=600, immutable']);
    const head = await handler()(ask(pathOf(SEGMENT), { method: 'HEAD' }));
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
    expect((await handler()(get(pathOf(SEGMENT), { 'if-match': '"other"' }))).status).toBe(412);
    expect(cache.entries.size).toBe(0);
  });

  it('gets 404 for what is not there', async () => {
    for (const request of [get(pathOf(`${FOLDER}none.m4s`)), ask(pathOf(`${FOLDER}none.m4s`), { method: 'HEAD' })]) {
      const response = await handler()(request);
      expect([response.status, response.headers.get('cache-control')]).toEqual([404, 'no-store']);
    }
    expect((await handler()(get(pathOf(`${FOLDER}${'a'.repeat(1_100)}`)))).status).toBe(404);
    expect(cache.entries.size).toBe(0);
  });
});

describe('a request without a right', () => {
  it.each([
    ['no token', () => get(`/v/${MASTER}`)],
    ['a token that is not one', () => get(`/v/9999999999.3.${'A'.repeat(43)}/${MASTER}`)],
    ['a token with another expiry', () => get(pathOf(MASTER).replace(/\/v\/(\d+)/, (_, at) => `/v/${Number(at) + 1}`))],
    ['the token of other media', () => get(pathOf('c1/hls/m2/master.m3u8'))],
    ['a way out of its folder', () => get(pathOf(`${FOLDER}..%2fm2/master.m3u8`))],
    [
      'a token in place of a cookie',
      () => get(`/v/${MASTER}`, { cookie: `__Secure-hls=${pathOf(MASTER).split('/')[2]}` }),
    ],
    ['a shared cache address', () => get(tokens.cachePath(BUCKET, MASTER))],
  ])('gets 403 with %s, and reaches neither cache nor bucket', async (_name, request) => {
    const response = await handler()(request());
    expect([response.status, await response.text()]).toEqual([403, 'Forbidden']);
    expect(Object.fromEntries(response.headers)).toEqual({
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect([cache.asked, server.count()]).toEqual([[], 0]);
  });

  it('gets 403 with an expired token, also for what the cache has', async () => {
    const path = pathOf(SEGMENT);
    expect((await handler()(get(path))).status).toBe(200);
    now += 600_000;
    cache.asked.length = 0;
    expect((await handler()(get(path))).status).toBe(403);
    expect(cache.asked).toEqual([]);
  });

  it('gets 405 for other methods, and 404 elsewhere', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await handler()(ask(pathOf(MASTER), { method }));
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
    for (const path of ['/', '/v', '/video/a', '/w/x']) expect((await handler()(get(path))).status).toBe(404);
  });
});

describe('the cache', () => {
  it('gives all viewers what the first one read, under no token', async () => {
    const first = await handler()(get(pathOf(SEGMENT)));
    now += 60_000;
    const second = await handler()(get(pathOf(SEGMENT, 30)));
    expect(server.count('GetObject')).toBe(1);
    expect([await second.text(), second.headers.get('etag')]).toEqual([CONTENT, first.headers.get('etag')]);
    expect(second.headers.get('cache-control')).toBe('private, max-age=30, immutable');
    // With the age of the shared copy, it would be stale in the browser at once.
    expect([second.headers.get('age'), second.headers.get('date')]).toEqual([null, null]);
    expect([...cache.entries.keys()]).toEqual([`https://app.example${tokens.cachePath(BUCKET, SEGMENT)}`]);
    expect([...cache.entries.keys()].join()).not.toMatch(/\/\d+\.3\./);
  });

  it('is the same for every spelling of a key, and for any query', async () => {
    await handler()(get(pathOf(SEGMENT)));
    await handler()(get(`${pathOf(SEGMENT.replace('segment', '%73egment'))}?v=2`));
    expect([server.count('GetObject'), cache.entries.size]).toEqual([1, 1]);
  });

  it('answers ranges and conditions from the whole object', async () => {
    const etag = (await handler()(get(pathOf(SEGMENT)))).headers.get('etag')!;
    const part = await handler()(get(pathOf(SEGMENT), { range: 'bytes=2-4' }));
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
    expect((await handler()(get(pathOf(SEGMENT), { 'if-none-match': etag }))).status).toBe(304);
    expect(server.count('GetObject')).toBe(1);
  });

  it('is not asked what it may not know', async () => {
    await handler()(get(pathOf(SEGMENT)));
    cache.asked.length = 0;
    const headers = [
      { 'if-range': '"other"', range: 'bytes=2-4' },
      { 'if-match': '"other"' },
      { 'if-unmodified-since': new Date(0).toUTCString() },
      { range: 'bytes=0-1,3-4' },
    ];
    const statuses = [];
    for (const header of headers) statuses.push((await handler()(get(pathOf(SEGMENT), header))).status);
    expect(statuses).toEqual([200, 412, 412, 200]);
    await handler()(ask(pathOf(SEGMENT), { method: 'HEAD' }));
    expect(cache.asked).toEqual([]);
  });

  it('keeps a playlist for two seconds', async () => {
    await handler()(get(pathOf(MASTER)));
    now += 1_999;
    await handler()(get(pathOf(MASTER)));
    expect(server.count('GetObject')).toBe(1);
    now += 1;
    await handler()(get(pathOf(MASTER)));
    expect(server.count('GetObject')).toBe(2);
  });

  it('does not let the browser keep for as long again what it has kept itself', async () => {
    const control = async (key: string): Promise<string | null> =>
      (await handler({ segmentMaxAge: 90 })(get(pathOf(key)))).headers.get('cache-control');
    expect(await control(MASTER)).toBe('private, max-age=2');
    expect(await control(SEGMENT)).toBe('private, max-age=90, immutable');
    now += 1_500;
    expect(await control(MASTER)).toBe('private, max-age=1');
    expect(await control(SEGMENT)).toBe('private, max-age=89, immutable');
    expect(server.count('GetObject')).toBe(2);
  });

  it('keeps nothing larger than 16 MiB', async () => {
    const key = `${FOLDER}large.m4s`;
    await r2.uploadFile({ bucket: BUCKET, key, body: new Uint8Array(16 * 1024 * 1024 + 1) });
    expect((await (await handler()(get(pathOf(key)))).arrayBuffer()).byteLength).toBe(16 * 1024 * 1024 + 1);
    expect(cache.entries.size).toBe(0);
  });

  it('is left alone without a context, which alone can finish the work', async () => {
    const serve = servePrivateHls(r2, { bucket: BUCKET, tokens, cache });
    expect(await (await serve(get(pathOf(SEGMENT)))).text()).toBe(CONTENT);
    expect([cache.asked.length, cache.entries.size]).toEqual([1, 0]);
  });

  it('is a miss when it fails, and says so to the sink', async () => {
    const broken = { match: () => Promise.reject(new Error('down')), put: () => Promise.reject(new Error('full')) };
    const response = await handler({ cache: broken })(get(pathOf(SEGMENT)));
    expect([response.status, await response.text()]).toEqual([200, CONTENT]);
    expect(events.map((event) => [event.type, 'operation' in event && event.operation])).toEqual([
      ['client.error', 'read'],
      ['client.error', 'write'],
    ]);
  });

  it('keeps nothing of a read that broke off', async () => {
    const key = `${FOLDER}cut.m4s`;
    await r2.uploadFile({ bucket: BUCKET, key, body: new Uint8Array(1024 * 1024) });
    server.fault(({ method }) => method === 'GET', { cut: 'response', afterBytes: 300_000 }, 9);
    const serve = servePrivateHls(r2, { bucket: BUCKET, tokens, cache });
    const response = await serve(get(pathOf(key)), ctx);
    await expect(response.arrayBuffer()).rejects.toThrow();
    await Promise.all(pending.splice(0));
    expect(cache.entries.size).toBe(0);
  });
});

describe('a cookie', () => {
  const cookieOf = (): string => tokens.signCookie({ key: MASTER, expiresIn: 600 }).setCookie.split(';')[0]!;

  it('opens its folder, and nothing that it opens is public', async () => {
    for (const key of [MASTER, SEGMENT]) {
      for (let time = 0; time < 2; time += 1) {
        const response = await handler()(get(`/v/${key}`, { cookie: cookieOf() }));
        expect(response.status).toBe(200);
        expect(response.headers.get('cache-control')).toMatch(/^private, max-age=\d+/);
      }
    }
    expect(server.count('GetObject')).toBe(2);
    expect((await handler()(get('/v/c1/hls/m2/master.m3u8', { cookie: cookieOf() }))).status).toBe(403);
  });

  it('shares the cache with paths', async () => {
    await handler()(get(pathOf(SEGMENT)));
    await handler()(get(`/v/${SEGMENT}`, { cookie: cookieOf() }));
    expect(server.count('GetObject')).toBe(1);
  });
});

describe('options', () => {
  it('accept only tokens of the viewer, once they say who that is', async () => {
    const serve = handler({ viewer: async (request) => request.headers.get('x-session') });
    const { path } = tokens.signPath({ key: MASTER, expiresIn: 60, viewer: 's1' });
    const status = async (request: Request): Promise<number> => (await serve(request)).status;
    expect(await status(get(path, { 'x-session': 's1' }))).toBe(200);
    expect(await status(get(path, { 'x-session': 's2' }))).toBe(403);
    expect(await status(get(path))).toBe(403);
    expect(await status(get(pathOf(MASTER), { 'x-session': 's1' }))).toBe(403);
    // Types are no fence: nobody is not anybody.
    const careless = handler({ viewer: () => undefined as unknown as null });
    expect((await careless(get(pathOf(MASTER)))).status).toBe(403);
  });

  it('let pages of other origins play, and see why they may not', async () => {
    const origin = 'https://www.example.com';
    const serve = handler({ cors: { origins: [origin], credentials: true } });
    for (const [path, status] of [
      [pathOf(SEGMENT), 200],
      [`/v/${SEGMENT}`, 403],
      ['/x', 404],
    ] as const) {
      const response = await serve(get(path, { origin }));
      expect([response.status, response.headers.get('vary')]).toEqual([status, 'Origin']);
      expect(response.headers.get('access-control-allow-origin')).toBe(origin);
      expect(response.headers.get('access-control-allow-credentials')).toBe('true');
    }
    const stranger = await serve(get(pathOf(SEGMENT), { origin: 'https://evil.example' }));
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
    const preflight = await serve(ask(pathOf(SEGMENT), { method: 'OPTIONS', headers: { origin } }));
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, HEAD']);
    expect(preflight.headers.get('access-control-allow-headers')).toContain('CMCD-Request');
    const anyone = await handler({ cors: { origins: '*' } })(get(pathOf(SEGMENT), { origin }));
    expect(anyone.headers.get('access-control-allow-origin')).toBe('*');
    expect(anyone.headers.get('access-control-expose-headers')).toContain('Content-Range');
  });

  it('tell the app, and not the viewer, what R2 failed with', async () => {
    const errors: unknown[] = [];
    const serve = handler({ onError: (error) => errors.push(error), cache: null });
    const statuses = [];
    for (const [status, code] of [
      [500, 'InternalError'],
      [503, 'SlowDown'],
      [403, 'AccessDenied'],
    ] as const) {
      server.fault(({ method }) => method === 'GET', { status, code }, 1);
      const response = await serve(get(pathOf(SEGMENT)));
      statuses.push(response.status);
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(await response.text()).not.toMatch(/c1|private-hls|Denied|Internal/);
    }
    expect(statuses).toEqual([502, 503, 502]);
    expect(errors.map((error) => isCloudflareClientError(error) && error.code)).toEqual([
      'R2_FAILED',
      'R2_RATE_LIMITED',
      'R2_ACCESS_DENIED',
    ]);
  });

  it('keep the answer when who is told of a failure fails', async () => {
    server.fault(({ method }) => method === 'GET', { status: 500, code: 'InternalError' }, 1);
    const onError = (): never => {
      throw new Error('no log');
    };
    expect((await handler({ onError, cache: null })(get(pathOf(SEGMENT)))).status).toBe(502);
  });

  it('are refused when they are wrong', () => {
    const make = (options: object) => () => servePrivateHls(r2, { bucket: BUCKET, tokens, ...options });
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' }) as Error;
    for (const options of [
      { bucket: '' },
      { tokens: {} },
      { tokens: null },
      { viewer: 'x' },
      { onError: 'x' },
      { playlistMaxAge: 0 },
      { segmentMaxAge: 31_536_001 },
      { cors: { origins: '*', credentials: true } },
      { cors: { origins: ['https://a.example/'] } },
      { cors: { origins: ['a.example'] } },
      { cors: { origins: 'https://a.example' } },
      { cors: 'x' },
    ]) {
      expect(make(options)).toThrow(refused);
    }
    expect(() => servePrivateHls({} as never, { bucket: BUCKET, tokens })).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});
