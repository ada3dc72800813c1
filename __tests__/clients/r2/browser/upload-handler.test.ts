import { createUploadHandler, type UploadHandlerOptions } from '../../../../src/clients/r2/browser/upload-handler.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { startS3Front, type S3Front } from '../../../support/s3-front.js';
import { countedIds, sendSigned } from './uploads.js';

const MIB = 1024 * 1024;
const bucket = 'handler-media';
const HOST = 'https://app.example';
const PAGE = 'https://page.example';

let front: S3Front;
let r2: R2Client;

beforeAll(async () => {
  front = await startS3Front({ buckets: [bucket], pageSize: 2 });
  r2 = new R2Client(front.config, { maxAttempts: 1 });
});

afterAll(() => front.stop());

beforeEach(() => front.reset());

function handler(options: Partial<UploadHandlerOptions> = {}): (request: Request) => Promise<Response> {
  return createUploadHandler(r2, {
    bucket,
    basePath: '/api/uploads',
    newId: countedIds(),
    authorize: (request) => {
      const user = request.headers.get('x-user');
      return user === null ? null : { prefix: `${user}/` };
    },
    ...options,
  });
}

interface Sent {
  readonly method?: string;
  readonly json?: unknown;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly json: Readonly<Record<string, unknown>>;
}

async function call(handle: (request: Request) => Promise<Response>, path: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'GET', json, headers = { 'x-user': 'u1' } } = sent;
  const body = json === undefined ? sent.body : JSON.stringify(json);
  const response = await handle(
    new Request(`${HOST}/api/uploads${path}`, {
      method,
      headers: { ...(json !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body }),
    }),
  );
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    json: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  };
}

function encoded(key: string): string {
  return encodeURIComponent(key);
}

describe('Companion’s protocol', () => {
  it('signs a single PUT', async () => {
    const path = '/s3/params?filename=a%20b.mp4&type=video%2Fmp4&metadata%5Bname%5D=x&metadata%5Bsize%5D=5';
    const { status, headers, json } = await call(handler({ maxSizeBytes: 5 }), path);
    expect(status).toBe(200);
    expect(json).toMatchObject({ method: 'PUT', fields: { key: 'u1/id-1-a b.mp4' }, expires: 3600 });
    expect(headers.get('cache-control')).toBe('no-store');
    expect((await sendSigned(json as { url: string }, 'PUT', 'hello')).status).toBe(200);
    expect(await r2.headFile({ bucket, key: 'u1/id-1-a b.mp4' })).toMatchObject({ size: 5, contentType: 'video/mp4' });
  });

  it('runs an upload in parts, batch and pages of parts included', async () => {
    const handle = handler();
    const created = await call(handle, '/s3/multipart', {
      method: 'POST',
      json: { filename: 'ü.mp4', type: 'video/mp4', metadata: { size: 10 * MIB + 3 }, bucket: 'other', key: 'u2/x' },
    });
    expect(created.json).toEqual({ key: 'u1/id-1-ü.mp4', uploadId: expect.any(String) as string, bucket });
    const { key, uploadId } = created.json as { key: string; uploadId: string };
    const upload = `/s3/multipart/${encoded(uploadId)}`;
    const one = await call(handle, `${upload}/1?key=${encoded(key)}`);
    expect(one.json).toMatchObject({ method: 'PUT', expires: 3600, headers: {} });
    const batch = await call(handle, `${upload}/batch?key=${encoded(key)}&partNumbers=2,3`);
    const urls = { 1: one.json['url'], ...(batch.json['presignedUrls'] as object) } as Record<string, string>;
    expect(Object.keys(urls)).toEqual(['1', '2', '3']);
    const parts: { PartNumber: number; ETag: string }[] = [];
    for (const [number, url] of Object.entries(urls)) {
      const { etag } = await sendSigned(
        { url },
        'PUT',
        new Uint8Array(number === '3' ? 3 : 5 * MIB).fill(Number(number)),
      );
      parts.push({ PartNumber: Number(number), ETag: etag });
    }
    const listed = await call(handle, `${upload}?key=${encoded(key)}`);
    expect(listed.json).toEqual(parts.map((part, index) => ({ ...part, Size: index === 2 ? 3 : 5 * MIB })));
    const done = await call(handle, `${upload}/complete?key=${encoded(key)}`, { method: 'POST', json: { parts } });
    expect(done.json).toEqual({ key, bucket, location: `${front.endpoint}/${bucket}/u1/id-1-%C3%BC.mp4` });
    expect(await r2.headFile({ bucket, key })).toMatchObject({ size: 10 * MIB + 3, contentType: 'video/mp4' });
  });

  it('aborts an upload, also twice', async () => {
    const handle = handler();
    const { json } = await call(handle, '/s3/multipart', { method: 'POST', json: { filename: 'x' } });
    const { key, uploadId } = json as { key: string; uploadId: string };
    const path = `/s3/multipart/${encoded(uploadId)}?key=${encoded(key)}`;
    for (const again of [1, 2]) {
      expect([again, (await call(handle, path, { method: 'DELETE' })).json]).toEqual([again, {}]);
    }
    expect(front.pending(bucket)).toEqual([]);
    const gone = await call(handle, path);
    expect([gone.status, gone.json['code']]).toEqual([404, 'NO_SUCH_UPLOAD']);
  });

  it('signs for Uppy 6', async () => {
    const sign = (json: object): Promise<Answer> => call(handler(), '/s3/sign', { method: 'POST', json });
    const put = await sign({ method: 'PUT', key: 'a.txt', contentType: 'text/plain' });
    expect(put.json).toMatchObject({ key: 'u1/id-1-a.txt', headers: { 'content-type': 'text/plain' } });
    expect((await sign({ method: 'DELETE', key: 'u1/id-1-a.txt' })).json['code']).toBe('DELETE_NOT_ALLOWED');
    expect((await sign({ method: 'GET', key: 'u2/a', uploadId: 'u' })).json['code']).toBe('KEY_NOT_ALLOWED');
  });

  it('signs parts for Uppy 6 whatever size the page tells with them: it is the size of the file', async () => {
    const about = { filename: 'a.bin', type: 'application/octet-stream', size: 5 * MIB + 3 };
    const handle = handler({ maxSizeBytes: 20 * MIB });
    const sign = (json: object): Promise<Answer> =>
      call(handle, '/s3/sign', { method: 'POST', json: { ...json, ...about } });
    const creation = await sign({ method: 'POST', key: 'a.bin' });
    const headers = creation.json['headers'] as Record<string, string>;
    const created = await fetch(String(creation.json['url']), { method: 'POST', headers });
    const [, uploadId] = /<UploadId>([^<]+)/.exec(await created.text()) ?? [];
    const part = await sign({ method: 'PUT', key: creation.json['key'], uploadId, partNumber: 2 });
    const sent = await fetch(String(part.json['url']), { method: 'PUT', body: 'end' });
    expect([part.status, sent.status]).toEqual([200, 200]);
  });

  it('takes `undefined`, which Uppy writes into queries, for no type', async () => {
    const { json } = await call(handler(), '/s3/params?filename=a.png&type=undefined');
    expect(json).toMatchObject({ headers: { 'content-type': 'image/png' } });
  });
});

describe('what is refused', () => {
  it.each([
    ['GET', '/s3/multipart/u?key=u2%2Fk'],
    ['DELETE', '/s3/multipart/u?key=u2%2Fk'],
    ['GET', '/s3/multipart/u/1?key=u2%2Fk'],
    ['GET', '/s3/multipart/u/batch?key=u2%2Fk&partNumbers=1'],
    ['GET', '/s3/multipart/u/1?key=u1%2F..%2Fu2%2Fk'],
    ['GET', '/s3/multipart/u/1?key=u10%2Fk'],
  ])('%s %s: a key of another caller', async (method, path) => {
    const { status, json } = await call(handler(), path, { method });
    expect([status, json['code']]).toEqual([403, 'KEY_NOT_ALLOWED']);
    expect(front.count()).toBe(0);
  });

  it('a completion of another caller’s upload', async () => {
    const json = { parts: [{ PartNumber: 1, ETag: 'a' }] };
    const sent = await call(handler(), '/s3/multipart/u/complete?key=u2%2Fk', { method: 'POST', json });
    expect([sent.status, sent.json['code']]).toEqual([403, 'KEY_NOT_ALLOWED']);
    expect(front.count()).toBe(0);
  });

  it.each([
    ['GET', '/s3', 404, null],
    ['GET', '/s3/', 404, null],
    ['GET', '/s3/other', 404, null],
    ['GET', '/s3/params/x', 404, null],
    ['GET', '/s3/multipart/u/1/2?key=u1%2Fk', 404, null],
    ['GET', '/s3/__proto__', 404, null],
    ['GET', '/s3/constructor', 404, null],
    ['GET', '/s3/%E0%A4%A', 404, null],
    ['GET', '/S3/params', 404, null],
    ['POST', '/s3/params', 405, 'GET'],
    ['GET', '/s3/multipart', 405, 'POST'],
    ['PUT', '/s3/multipart/u', 405, 'GET, DELETE'],
    ['GET', '/s3/multipart/u/complete', 405, 'POST'],
    ['DELETE', '/s3/multipart/u/1', 405, 'GET'],
    ['GET', '/s3/sign', 405, 'POST'],
    ['HEAD', '/s3/params', 405, 'GET'],
  ])('%s %s', async (method, path, status, allow) => {
    const answer = await call(handler(), path, { method });
    expect([answer.status, answer.headers.get('allow')]).toEqual([status, allow]);
    expect(answer.json['code']).toBe(status === 404 ? 'NOT_FOUND' : 'METHOD_NOT_ALLOWED');
  });

  it('an address outside of the base path', async () => {
    const response = await handler()(new Request(`${HOST}/s3/params?filename=a`, { headers: { 'x-user': 'u1' } }));
    expect(response.status).toBe(404);
  });

  it.each([
    ['a form', { body: 'filename=a', headers: { 'content-type': 'application/x-www-form-urlencoded' } }, 415],
    ['plain text', { body: '{"filename":"a"}', headers: { 'content-type': 'text/plain' } }, 415],
    ['no type', { body: '{}', headers: {} }, 415],
    ['no JSON', { body: '{', headers: { 'content-type': 'application/json' } }, 400],
    ['a list', { json: [] }, 400],
    ['null', { json: null }, 400],
    ['nothing', { headers: { 'content-type': 'application/json' } }, 400],
    ['too much', { json: { filename: 'x'.repeat(2 * MIB) } }, 413],
  ] satisfies [string, Sent, number][])('as a body: %s', async (_name, sent, status) => {
    const headers = { 'x-user': 'u1', ...('headers' in sent && sent.headers) };
    expect((await call(handler(), '/s3/multipart', { ...sent, method: 'POST', headers })).status).toBe(status);
    expect(front.count()).toBe(0);
  });

  it('types and sizes beyond the limits of the handler, and of the caller', async () => {
    const handle = handler({
      allowedTypes: ['video/*'],
      maxSizeBytes: 100,
      authorize: (request) => ({ prefix: 'u1/', ...(request.headers.has('x-pro') && { maxSizeBytes: 200 }) }),
    });
    const params = async (query: string, headers = {}): Promise<unknown[]> => {
      const { status, json } = await call(handle, `/s3/params?${query}`, { headers });
      return [status, json['code']];
    };
    expect(await params('filename=a.html&size=1')).toEqual([415, 'TYPE_NOT_ALLOWED']);
    expect(await params('filename=a.mp4&size=101')).toEqual([413, 'TOO_LARGE']);
    expect(await params('filename=a.mp4')).toEqual([400, 'SIZE_REQUIRED']);
    expect(await params('filename=a.mp4&size=101', { 'x-pro': '1' })).toEqual([200, undefined]);
  });

  it('what the handler limits, also where authorize names a limit that is undefined', async () => {
    const session = { prefix: 'u1/', maxSizeBytes: undefined, allowedTypes: undefined, id: 7 };
    const handle = handler({ allowedTypes: ['video/*'], maxSizeBytes: 100, authorize: () => session });
    expect((await call(handle, '/s3/params?filename=a.html&size=1')).status).toBe(415);
    expect((await call(handle, '/s3/params?filename=a.mp4&size=101')).status).toBe(413);
  });

  it('what authorize knows beside the grant: a bucket, a life, a way of making keys', async () => {
    const row = { prefix: 'u1/', bucket: 'another-bucket', expiresIn: 604_800, writeOnce: false, keyFor: () => 'same' };
    const { json } = await call(handler({ authorize: () => row }), '/s3/params?filename=a.mp4&size=1');
    expect(json).toMatchObject({ expires: 3600, fields: { key: 'u1/id-1-a.mp4' } });
    expect(new URL(json['url'] as string).pathname).toMatch(new RegExp(`/${bucket}/u1/id-1-a\\.mp4$`));
    expect(json['headers']).toMatchObject({ 'if-none-match': '*' });
  });

  it('more parts at once than Uppy asks for', async () => {
    const numbers = Array.from({ length: 1001 }, (_, index) => index + 1).join();
    const { status } = await call(handler(), `/s3/multipart/u/batch?key=u1%2Fk&partNumbers=${numbers}`);
    expect(status).toBe(400);
  });
});

describe('who may call', () => {
  it('is said by authorize, before anything else', async () => {
    const refused = await call(handler(), '/s3/other', { headers: {} });
    expect([refused.status, refused.json['code']]).toEqual([403, 'NOT_ALLOWED']);
    const login = await handler({ authorize: () => Response.json({ message: 'log in' }, { status: 401 }) })(
      new Request(`${HOST}/api/uploads/s3/params`),
    );
    expect([login.status, await login.json()]).toEqual([401, { message: 'log in' }]);
    const broken = handler({ authorize: () => Promise.reject(new Error('database')) });
    await expect(call(broken, '/s3/params')).rejects.toThrow('database');
    expect(front.count()).toBe(0);
  });

  it('is not said by a prefix that would hold other callers’ keys', async () => {
    for (const prefix of ['', '/', 'u1', '../u1/']) {
      await expect(call(handler({ authorize: () => ({ prefix }) }), '/s3/params?filename=a')).rejects.toThrow(/prefix/);
    }
  });

  it('is a page of the same host, or of an origin that is named', async () => {
    const handle = handler({ allowedOrigins: [PAGE], allowCredentials: true });
    const from = async (origin: string): Promise<unknown[]> => {
      const sent = await call(handle, '/s3/params?filename=a', { headers: { 'x-user': 'u1', origin } });
      const names = ['access-control-allow-origin', 'access-control-allow-credentials', 'vary'];
      return [sent.status, ...names.map((name) => sent.headers.get(name))];
    };
    expect(await from(HOST)).toEqual([200, null, null, 'Origin']);
    expect(await from('http://app.example')).toEqual([200, null, null, 'Origin']);
    expect(await from(PAGE)).toEqual([200, PAGE, 'true', 'Origin']);
    for (const origin of [
      'https://evil.example',
      `${PAGE}.evil.example`,
      'null',
      `${HOST}:8443`,
      'http://page.example',
    ]) {
      expect([origin, ...(await from(origin))]).toEqual([origin, 403, null, null, null]);
    }
  });

  it('learns so by a preflight, which asks nobody', async () => {
    const handle = handler({ allowedOrigins: [PAGE], authorize: () => Promise.reject(new Error('not asked')) });
    const preflight = (origin: string): Promise<Answer> =>
      call(handle, '/s3/multipart', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST' },
      });
    const allowed = await preflight(PAGE);
    expect(allowed.status).toBe(204);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'GET, POST, DELETE',
      'access-control-allow-headers': 'authorization, content-type',
    });
    expect((await preflight('https://evil.example')).status).toBe(403);
  });

  it('is not said by a list that was changed later', async () => {
    const allowedOrigins = [PAGE];
    const handle = handler({ allowedOrigins });
    allowedOrigins.push('https://evil.example');
    const headers = { 'x-user': 'u1', origin: 'https://evil.example' };
    expect((await call(handle, '/s3/params?filename=a', { headers })).status).toBe(403);
  });

  it('gets one CORS header, whatever the Response of authorize carries', async () => {
    const own = { 'access-control-allow-origin': '*', vary: 'Cookie' };
    const handle = handler({
      allowedOrigins: [PAGE],
      authorize: () => new Response(null, { status: 401, headers: own }),
    });
    const { headers } = await call(handle, '/s3/params', { headers: { origin: PAGE } });
    expect(headers.get('access-control-allow-origin')).toBe(PAGE);
    expect(headers.get('vary')).toBe('Cookie, Origin');
  });

  it('can read refusals too', async () => {
    const headers = { origin: PAGE };
    const { status, headers: sent } = await call(handler({ allowedOrigins: [PAGE] }), '/s3/params', { headers });
    expect([status, sent.get('access-control-allow-origin')]).toEqual([403, PAGE]);
  });
});

describe('when R2 fails', () => {
  const create = (handle: ReturnType<typeof handler>): Promise<Answer> =>
    call(handle, '/s3/multipart', { method: 'POST', json: { filename: 'x' } });

  it('says so in general words, and tells the app', async () => {
    const onError = jest.fn(() => {
      throw new Error('the log is full');
    });
    front.fault(() => true, { status: 403, code: 'AccessDenied' });
    const { status, json } = await create(handler({ onError }));
    expect([status, json]).toEqual([502, { code: 'STORAGE_FAILED', message: 'The storage failed; try again later.' }]);
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'R2_ACCESS_DENIED' }), expect.any(Request));
  });

  it('outlives an async onError that rejects', async () => {
    const unhandled = jest.fn();
    process.once('unhandledRejection', unhandled);
    front.fault(() => true, { status: 403, code: 'AccessDenied' });
    const onError: unknown = () => Promise.reject(new Error('the log is full'));
    expect((await create(handler({ onError: onError as () => void }))).status).toBe(502);
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it('passes a rate limit on', async () => {
    front.fault(() => true, { status: 429, code: 'TooManyRequests' });
    const { status, json } = await create(handler());
    expect([status, json['code']]).toEqual([429, 'RATE_LIMITED']);
  });

  it('calls parts that do not fit together the client’s mistake', async () => {
    const handle = handler();
    const { json } = await create(handle);
    const { key, uploadId } = json as { key: string; uploadId: string };
    const path = `/s3/multipart/${encoded(uploadId)}`;
    const parts = [{ PartNumber: 1, ETag: '"00000000000000000000000000000000"' }];
    const done = await call(handle, `${path}/complete?key=${encoded(key)}`, { method: 'POST', json: { parts } });
    expect([done.status, done.json['code']]).toEqual([400, 'BAD_REQUEST']);
    await call(handle, `${path}?key=${encoded(key)}`, { method: 'DELETE' });
  });
});

describe('options', () => {
  it.each([
    ['authorize', { authorize: undefined as never }],
    ['basePath', { basePath: 'api' }],
    ['basePath', { basePath: '/api/' }],
    ['allowedOrigins', { allowedOrigins: ['https://a.example/'] }],
    ['allowedOrigins', { allowedOrigins: ['*'] }],
    ['bucket', { bucket: 'X' }],
    ['onError', { onError: 1 as never }],
    ['allowCredentials', { allowCredentials: 'false' as never }],
    ['allowedHeaders', { allowedHeaders: 'authorization' as never }],
    ['allowedHeaders', { allowedHeaders: ['a b'] }],
  ])('%s is checked when the handler is made: %j', (name, options) => {
    expect(() => handler(options)).toThrow(name);
  });
});
