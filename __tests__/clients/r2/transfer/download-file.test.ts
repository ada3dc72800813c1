import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2Download } from '../../../../src/clients/r2/transfer/download-file.js';
import type { R2NotModified } from '../../../../src/clients/r2/transfer/download-file.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const bucket = 'download-test';
const key = 'a/b.txt';

let server: S3Server;
let r2: R2Client;
let etag: string;

beforeAll(async () => {
  server = await startS3Server({ buckets: [bucket] });
  r2 = new R2Client(server.config);
  ({ etag } = await r2.uploadFile({
    bucket,
    key,
    body: '0123456789',
    cacheControl: 'private',
    contentLanguage: 'de',
    contentDisposition: 'inline',
  }));
});

afterAll(() => server.stop());

describe('downloadFile', () => {
  it('gives a range, and what is known of the whole object', async () => {
    const file: R2Download | null = await r2.downloadFile({ bucket, key, range: { offset: 2, length: 3 } });
    expect(file).toMatchObject({ size: 10, etag, range: { offset: 2, length: 3 }, notModified: false });
    expect(file).toMatchObject({ cacheControl: 'private', contentLanguage: 'de', contentDisposition: 'inline' });
    expect(await file!.text()).toBe('234');
    const end = await r2.downloadFile({ bucket, key, range: { suffix: 2 } });
    const response = end!.toResponse();
    expect([response.status, response.headers.get('content-range'), await response.text()]).toEqual([
      206,
      'bytes 8-9/10',
      '89',
    ]);
  });

  it('tells what the caller has already from what it has not', async () => {
    const same: R2Download | R2NotModified | null = await r2.downloadFile({ bucket, key, ifNoneMatch: `"${etag}"` });
    expect(same).toMatchObject({ notModified: true, key, etag });
    const other = await r2.downloadFile({ bucket, key, ifNoneMatch: 'other' });
    expect(other?.notModified === false && (await other.text())).toBe('0123456789');
    const since = await r2.downloadFile({ bucket, key, ifModifiedSince: new Date(Date.now() + 1000) });
    expect(since?.notModified).toBe(true);
    expect(await r2.downloadFile({ bucket, key: 'missing', ifNoneMatch: etag })).toBeNull();
  });

  it('fails where a condition or a range does', async () => {
    await expect(r2.downloadFile({ bucket, key, ifMatch: 'other' })).rejects.toMatchObject({
      code: 'R2_PRECONDITION_FAILED',
    });
    await expect(r2.downloadFile({ bucket, key, range: { offset: 10 } })).rejects.toMatchObject({
      code: 'R2_RANGE_NOT_SATISFIABLE',
    });
  });

  it.each([
    [{ range: { offset: -1 } }],
    [{ range: { offset: 0, length: 0 } }],
    [{ range: { suffix: 0 } }],
    [{ range: { offset: 1, suffix: 1 } }],
    [{ range: null }],
    [{ ifMatch: '' }],
    [{ ifModifiedSince: new Date('x') }],
    [{ signal: {} }],
    [{ onProgress: 1 }],
  ])('refuses %j', async (options) => {
    const download = r2.downloadFile({ bucket, key, ...(options as object) });
    await expect(download).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('makes one answer of a content, and no second', async () => {
    const file = await r2.downloadFile({ bucket, key });
    expect(await file!.toResponse().text()).toBe('0123456789');
    expect(() => file!.toResponse()).toThrow(expect.objectContaining({ code: 'INVALID_VALUE' }) as Error);
  });
});

describe('uploadFile', () => {
  it.each([
    [{ partSizeBytes: 1 }],
    [{ multipartThresholdBytes: 1 }],
    [{ concurrency: 0 }],
    [{ concurrency: 33 }],
    [{ md5: 'x' }],
    [{ ifNoneMatch: 'abc' }],
    [{ ifNoneMatch: '*', ifMatch: 'a' }],
    [{ storageClass: 'GLACIER' }],
    [{ resume: {} }],
    [{ signal: 1 }],
    [{ onCheckpoint: 1 }],
  ])('refuses %j', async (options) => {
    const upload = r2.uploadFile({ bucket, key: 'refused', body: 'x', ...(options as object) });
    await expect(upload).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it('writes once, and over a version that is named', async () => {
    const first = await r2.uploadFile({ bucket, key: 'once', body: 'a', ifNoneMatch: '*' });
    const again = r2.uploadFile({ bucket, key: 'once', body: 'b', ifNoneMatch: '*' });
    await expect(again).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
    await r2.uploadFile({ bucket, key: 'once', body: 'c', ifMatch: first.etag });
    expect(await (await r2.downloadFile({ bucket, key: 'once' }))!.text()).toBe('c');
  });

  it('goes up in parts above the threshold, with all its headers', async () => {
    const bytes = new Uint8Array(11 * 1024 * 1024).fill(3);
    const { etag: whole } = await r2.uploadFile({
      bucket,
      key: 'parts.mp4',
      body: bytes,
      multipartThresholdBytes: 5 * 1024 * 1024,
      partSizeBytes: 5 * 1024 * 1024,
      metadata: { Title: 'Größe' },
      storageClass: 'STANDARD',
    });
    expect(whole).toMatch(/-3$/);
    const file = await r2.downloadFile({ bucket, key: 'parts.mp4' });
    expect(file).toMatchObject({ contentType: 'video/mp4', metadata: { title: 'Größe' }, size: bytes.length });
    expect(Buffer.compare(Buffer.from(await file!.arrayBuffer()), bytes)).toBe(0);
  });
});
