import type { Miniflare } from 'miniflare';
import { corsRules, R2Client } from '../../src/index.js';
import { putCorsRules } from '../support/bucket-cors.js';
import { startS3Front, type S3Front } from '../support/s3-front.js';
import { startWorker } from '../support/worker.js';

const MIB = 1024 * 1024;
const bucket = 'worker-uploads';
const origin = 'https://app.example';

let front: S3Front;
let url: URL;
let miniflare: Miniflare;

beforeAll(async () => {
  front = await startS3Front({ buckets: [bucket], pageSize: 1 });
  const { accountId, accessKeyId, secretAccessKey, endpoint } = front.config;
  ({ url, miniflare } = await startWorker('upload-handler-worker.ts', {
    minify: true,
    bindings: {
      R2_ENDPOINT: endpoint,
      R2_ACCOUNT_ID: accountId,
      R2_ACCESS_KEY_ID: accessKeyId,
      R2_SECRET_ACCESS_KEY: secretAccessKey,
    },
  }));
});

afterAll(async () => {
  await miniflare.dispose();
  await front.stop();
});

async function call(path: string, method = 'GET', json?: unknown): Promise<[number, Record<string, unknown>]> {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { 'x-user': 'u1', ...(json !== undefined && { 'content-type': 'application/json' }) },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  return [response.status, await response.json<Record<string, unknown>>()];
}

async function put(to: unknown, size: number, headers: unknown = {}): Promise<[number, string]> {
  const body = new Uint8Array(size).fill(size & 255);
  const init = { method: 'PUT', body, headers: headers as Record<string, string> };
  const response = await fetch(String(to), init);
  return [response.status, response.headers.get('etag') ?? ''];
}

describe('createUploadHandler in a Worker', () => {
  it('signs one PUT', async () => {
    const [status, signed] = await call('/s3/params?filename=%C3%BC.mp4&type=video%2Fmp4&size=7');
    expect(status).toBe(200);
    expect((await put(signed['url'], 8, signed['headers']))[0]).toBe(403);
    expect((await put(signed['url'], 7, signed['headers']))[0]).toBe(200);
    expect((await put(signed['url'], 7, signed['headers']))[0]).toBe(412);
  });

  it('runs an upload in parts, pages of its parts included', async () => {
    const [, created] = await call('/s3/multipart', 'POST', { filename: 'a.mp4', type: 'video/mp4' });
    const key = String(created['key']);
    const upload = `/s3/multipart/${encodeURIComponent(String(created['uploadId']))}`;
    const query = `?key=${encodeURIComponent(key)}`;
    const parts = [];
    for (const [number, size] of [
      [1, 5 * MIB],
      [2, 11],
    ] as const) {
      const [, signed] = await call(`${upload}/${number}${query}`);
      parts.push({ PartNumber: number, ETag: (await put(signed['url'], size))[1] });
    }
    const sizes = [5 * MIB, 11];
    expect(await call(`${upload}${query}`)).toEqual([
      200,
      parts.map((part, index) => ({ ...part, Size: sizes[index] })),
    ]);
    expect((await call(`${upload}/complete${query}`, 'POST', { parts }))[0]).toBe(200);
    const stored = await new R2Client(front.config).headFile({ bucket, key });
    expect(stored).toMatchObject({ size: 5 * MIB + 11, contentType: 'video/mp4' });
  });

  it('refuses what is not the caller’s, what is too large, and what is gone', async () => {
    expect(await call('/s3/multipart/u/1?key=u2%2Fk')).toMatchObject([403, { code: 'KEY_NOT_ALLOWED' }]);
    expect(await call('/s3/params?filename=a&size=9999999')).toMatchObject([413, { code: 'TOO_LARGE' }]);
    expect(await call('/s3/multipart/none?key=u1%2Fk')).toMatchObject([404, { code: 'NO_SUCH_UPLOAD' }]);
    expect(await call('/s3/sign', 'POST', { method: 'DELETE', key: 'u1/k' })).toMatchObject([403, {}]);
  });

  it('serves 50 requests at a time', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `${index}.mp4`);
    const answers = await Promise.all(names.map((filename) => call('/s3/multipart', 'POST', { filename })));
    expect(new Set(answers.map(([, { key }]) => key)).size).toBe(50);
    const aborted = await Promise.all(
      answers.map(([, { uploadId, key }]) =>
        call(`/s3/multipart/${encodeURIComponent(String(uploadId))}?key=${encodeURIComponent(String(key))}`, 'DELETE'),
      ),
    );
    expect(aborted.every(([status]) => status === 200)).toBe(true);
    expect(front.pending(bucket)).toEqual([]);
  });
});

describe('checkCors in a Worker', () => {
  it('says what is missing', async () => {
    const check = (): Promise<unknown> => call(`/?origin=${encodeURIComponent(origin)}`);
    expect(await check()).toMatchObject([200, { ok: false, problems: [{ missing: 'origin' }] }]);
    await putCorsRules(front, bucket, corsRules({ origins: [origin], uppy: 6 }));
    expect(await check()).toEqual([200, { ok: true, problems: [] }]);
  });
});
