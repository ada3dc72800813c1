import { createHash } from 'node:crypto';
import { request as send } from 'node:http';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2SignedUpload, R2SignedUploadOptions } from '../../../../src/clients/r2/signing/upload-url.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const BUCKET = 'signed-uploads';

let server: S3Server;
let r2: R2Client;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET] });
  r2 = new R2Client(server.config);
});

afterAll(() => server.stop());

const sign = (key: string, options: Partial<R2SignedUploadOptions> = {}): Promise<R2SignedUpload> =>
  r2.getSignedUploadUrl({ bucket: BUCKET, key, expiresIn: 60, ...options });

async function put(
  upload: R2SignedUpload,
  body: string | Uint8Array,
  headers: Record<string, string> = { ...upload.headers },
): Promise<number> {
  const response = await fetch(upload.url, { method: upload.method, headers, body: body as BodyInit });
  await response.body?.cancel();
  return response.status;
}

const exists = async (key: string): Promise<boolean> => (await r2.headFile({ bucket: BUCKET, key })) !== null;

describe('getSignedUploadUrl', () => {
  it('stores the body with all that was signed', async () => {
    const body = 'right size';
    const upload = await sign('right.mp4', {
      contentLength: 10,
      cacheControl: 'private, max-age=60',
      contentDisposition: 'attachment; filename="x.mp4"',
      contentLanguage: 'de',
      metadata: { Title: 'Größe', plain: 'two  words', empty: '' },
      md5: createHash('md5').update(body).digest('base64'),
      writeOnce: true,
    });
    expect(upload).toMatchObject({ method: 'PUT', contentLength: 10 });
    expect(Object.keys(upload.headers).sort()).toEqual([
      'cache-control',
      'content-disposition',
      'content-language',
      'content-md5',
      'content-type',
      'if-none-match',
      'x-amz-meta-empty',
      'x-amz-meta-plain',
      'x-amz-meta-title',
    ]);
    expect(await put(upload, body)).toBe(200);
    expect(await r2.headFile({ bucket: BUCKET, key: 'right.mp4' })).toMatchObject({
      size: 10,
      contentType: 'video/mp4',
      metadata: { title: 'Größe', plain: 'two  words', empty: '' },
    });
    const stored = await (
      await fetch(await r2.getSignedUrl({ bucket: BUCKET, key: 'right.mp4', expiresIn: 60 }))
    ).text();
    expect(stored).toBe(body);
  });

  it('refuses a body of another size', async () => {
    const upload = await sign('sized.bin', { contentLength: 5 });
    for (const body of ['', '1234', '123456', 'x'.repeat(100_000)]) expect(await put(upload, body)).toBe(403);
    expect(await exists('sized.bin')).toBe(false);
    expect(await put(upload, '12345')).toBe(200);
  });

  it('refuses a body whose size is not said', async () => {
    const upload = await sign('chunked.bin', { contentLength: 5 });
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...upload.headers, 'transfer-encoding': 'chunked' };
      const request = send(upload.url, { method: 'PUT', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      request.on('error', reject);
      request.write('12');
      request.end('345');
    });
    expect(status).toBe(403);
    expect(await exists('chunked.bin')).toBe(false);
  });

  it('refuses another content type, and none', async () => {
    const upload = await sign('typed.mp4');
    expect(upload.headers).toEqual({ 'content-type': 'video/mp4' });
    expect(await put(upload, 'x', { 'content-type': 'text/html' })).toBe(403);
    expect(await put(upload, new Uint8Array([1]), {})).toBe(403);
    expect(await exists('typed.mp4')).toBe(false);
    expect(await put(upload, 'x')).toBe(200);
  });

  it('refuses a second write, and one that does without the condition', async () => {
    const upload = await sign('once.txt', { writeOnce: true });
    expect(await put(upload, 'first')).toBe(200);
    expect(await put(upload, 'second')).toBe(412);
    const { 'if-none-match': _condition, ...rest } = upload.headers;
    expect(await put(upload, 'second', rest)).toBe(403);
    expect(await put(await sign('once.txt', { writeOnce: true }), 'second')).toBe(412);
    expect(await (await r2.downloadFile({ bucket: BUCKET, key: 'once.txt' }))!.text()).toBe('first');
  });

  it('lets one of fifty writes at once through', async () => {
    const upload = await sign('race.txt', { writeOnce: true });
    const statuses = await Promise.all(Array.from({ length: 50 }, (_, index) => put(upload, `writer ${index}`)));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(49);
  });

  it('refuses other metadata, another checksum, and a body that is not the one of the checksum', async () => {
    const md5 = createHash('md5').update('body').digest('base64');
    const upload = await sign('guarded.txt', { md5, metadata: { owner: 'one' } });
    expect(await put(upload, 'body', { ...upload.headers, 'x-amz-meta-owner': 'two' })).toBe(403);
    const other = createHash('md5').update('evil').digest('base64');
    expect(await put(upload, 'evil', { ...upload.headers, 'content-md5': other })).toBe(403);
    expect(await put(upload, 'evil')).toBe(400);
    expect(await exists('guarded.txt')).toBe(false);
    expect(await put(upload, 'body')).toBe(200);
  });

  it('refuses another key, another method and a late upload', async () => {
    const upload = await sign('mine.txt');
    expect(await put({ ...upload, url: upload.url.replace('mine.txt', 'yours.txt') }, 'x')).toBe(403);
    expect((await fetch(upload.url)).status).toBe(403);
    const late = new R2Client(server.config, { now: () => Date.now() - 61_000 });
    expect(await put(await late.getSignedUploadUrl({ bucket: BUCKET, key: 'late.txt', expiresIn: 60 }), 'x')).toBe(403);
    expect(await exists('late.txt')).toBe(false);
  });

  it('says when it expires', async () => {
    const client = new R2Client(server.config, { now: () => Date.UTC(2026, 0, 1, 0, 0, 0, 999) });
    const upload = await client.getSignedUploadUrl({ bucket: BUCKET, key: 'k', expiresIn: 90 });
    expect(upload.expiresAt).toEqual(new Date(Date.UTC(2026, 0, 1, 0, 1, 30)));
  });

  it('is the URL of the SDK with the same headers signed', async () => {
    const now = Date.UTC(2026, 0, 1);
    const upload = await new R2Client(server.config, { now: () => now }).getSignedUploadUrl({
      bucket: BUCKET,
      key: "a b/+'.mp4",
      expiresIn: 90,
      contentLength: 7,
      contentType: 'video/mp4',
      cacheControl: 'no-store',
      metadata: { a: 'b' },
      writeOnce: true,
    });
    const sdk = new S3Client({
      region: 'auto',
      endpoint: server.endpoint,
      forcePathStyle: true,
      credentials: server.credentials,
      requestChecksumCalculation: 'WHEN_REQUIRED',
    });
    const command = new PutObjectCommand({
      Bucket: BUCKET,
      Key: "a b/+'.mp4",
      ContentLength: 7,
      ContentType: 'video/mp4',
      CacheControl: 'no-store',
      Metadata: { a: 'b' },
      IfNoneMatch: '*',
    });
    expect(upload.url).toBe(
      await getSignedUrl(sdk, command, {
        expiresIn: 90,
        signingDate: new Date(now),
        signableHeaders: new Set([
          'cache-control',
          'content-length',
          'content-type',
          'host',
          'if-none-match',
          'x-amz-meta-a',
        ]),
        unhoistableHeaders: new Set(['x-amz-meta-a']),
      }),
    );
  });

  it.each([
    ['INVALID_OPTION', { contentLength: -1 }],
    ['INVALID_OPTION', { contentLength: 1.5 }],
    ['INVALID_OPTION', { contentLength: 5_363_466_241 }],
    ['INVALID_OPTION', { contentLength: '5' as unknown as number }],
    ['INVALID_OPTION', { contentType: 'a\r\nb' }],
    ['INVALID_OPTION', { cacheControl: '' }],
    ['INVALID_OPTION', { md5: 'abc' }],
    ['INVALID_OPTION', { writeOnce: 'yes' as unknown as boolean }],
    ['INVALID_OPTION', { expiresIn: 604_801 }],
    ['INVALID_VALUE', { metadata: { 'a b': 'c' } }],
    ['INVALID_KEY', { key: '../k' }],
    ['INVALID_OPTION', { bucket: 'B' }],
  ])('refuses with %s %j', async (code, options) => {
    await expect(sign('k', options)).rejects.toMatchObject({ code });
  });
});
