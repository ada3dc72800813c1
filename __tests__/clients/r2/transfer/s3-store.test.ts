import { createHash } from 'node:crypto';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import type { ObjectHeaders, ObjectStore, StoreRead } from '../../../../src/clients/r2/store/object-store.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';

const bucket = 'store-test';
const headers: ObjectHeaders = { contentType: 'text/plain', metadata: {} };
const bytes = new TextEncoder().encode('0123456789');
const md5 = createHash('md5').update(bytes).digest();

let server: S3Server;
let store: ObjectStore;

beforeAll(async () => {
  server = await startS3Server({ buckets: [bucket] });
  store = internalsOf(new R2Client(server.config)).storeOf(bucket);
});

afterAll(() => server.stop());

function put(key: string, more: Partial<Parameters<ObjectStore['put']>[0]> = {}): ReturnType<ObjectStore['put']> {
  return store.put({ bucket, key, body: bytes, length: bytes.byteLength, headers, ...more });
}

async function textOf(read: StoreRead): Promise<string> {
  return read.status === 'found' ? new Response(read.body).text() : read.status;
}

describe('put and get', () => {
  it('keep every header and the metadata', async () => {
    const all: ObjectHeaders = {
      contentType: 'text/vtt; charset=utf-8',
      cacheControl: 'private, max-age=60',
      contentDisposition: 'attachment; filename="a.vtt"',
      contentEncoding: 'x-test',
      contentLanguage: 'de',
      metadata: { title: 'Größe' },
    };
    const { etag } = await put('headers', { headers: all, md5 });
    expect(etag).toBe(md5.toString('hex'));
    const read = await store.get({ bucket, key: 'headers' });
    expect(read).toMatchObject({ status: 'found', range: null, info: { ...all, size: 10, etag } });
    expect(await store.head({ bucket, key: 'headers' })).toMatchObject({ status: 'found', info: { ...all, size: 10 } });
  });

  it('refuse content that has another MD5, and store nothing of it', async () => {
    const other = createHash('md5').update('other').digest();
    await expect(put('damaged', { md5: other })).rejects.toMatchObject({ code: 'R2_CHECKSUM_MISMATCH' });
    expect(await store.head({ bucket, key: 'damaged' })).toEqual({ status: 'missing' });
  });

  it.each([
    [{ offset: 2, length: 3 }, '234', { offset: 2, length: 3 }],
    [{ offset: 8, length: 30 }, '89', { offset: 8, length: 2 }],
    [{ offset: 7 }, '789', { offset: 7, length: 3 }],
    [{ suffix: 4 }, '6789', { offset: 6, length: 4 }],
    [{ suffix: 40 }, '0123456789', { offset: 0, length: 10 }],
  ])('read %j', async (range, expected, found) => {
    await put('ranges');
    const read = await store.get({ bucket, key: 'ranges', range });
    expect(read).toMatchObject({ status: 'found', range: found, info: { size: 10 } });
    expect(await textOf(read)).toBe(expected);
  });

  it('say that a range is beyond the end', async () => {
    await put('ranges');
    const get = store.get({ bucket, key: 'ranges', range: { offset: 10 } });
    await expect(get).rejects.toMatchObject({ code: 'R2_RANGE_NOT_SATISFIABLE' });
  });

  it('answer to conditions', async () => {
    const { etag } = await put('conditions');
    const past = new Date(Date.now() - 3_600_000);
    const get = (conditions: object): Promise<StoreRead> => store.get({ bucket, key: 'conditions', conditions });
    expect(await get({ ifNoneMatch: etag })).toMatchObject({ status: 'notModified', etag });
    expect(await get({ ifNoneMatch: 'other' })).toMatchObject({ status: 'found' });
    expect(await get({ ifMatch: etag })).toMatchObject({ status: 'found' });
    expect(await get({ ifModifiedSince: past })).toMatchObject({ status: 'found' });
    await expect(get({ ifMatch: 'other' })).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
    await expect(get({ ifUnmodifiedSince: past })).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
    expect(await store.head({ bucket, key: 'conditions', conditions: { ifNoneMatch: etag } })).toEqual({
      status: 'notModified',
    });
    expect(await store.get({ bucket, key: 'missing' })).toEqual({ status: 'missing' });
  });

  it('write once, and only over the version that was named', async () => {
    const { etag } = await put('once', { conditions: { ifNoneMatch: '*' } });
    const again = put('once', { conditions: { ifNoneMatch: '*' } });
    await expect(again).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
    await expect(put('once', { conditions: { ifMatch: 'other' } })).rejects.toMatchObject({
      code: 'R2_PRECONDITION_FAILED',
    });
    expect(await put('once', { conditions: { ifMatch: etag } })).toEqual({ etag });
    const past = put('once', { conditions: { ifUnmodifiedSince: new Date(Date.now() - 3_600_000) } });
    await expect(past).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
  });

  it('let one of 50 writers win', async () => {
    const writers = Array.from({ length: 50 }, () => put('race', { conditions: { ifNoneMatch: '*' } }));
    const results = await Promise.allSettled(writers);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('copy', () => {
  it('takes the headers along or new ones, and only of the version that was named', async () => {
    const { etag } = await put('source +%', { headers: { ...headers, metadata: { a: '1' } } });
    const request = { bucket, key: 'copy', sourceBucket: bucket, sourceKey: 'source +%' };
    expect(await store.copy({ ...request, sourceEtag: etag })).toEqual({ etag });
    expect(await store.head({ bucket, key: 'copy' })).toMatchObject({ info: { metadata: { a: '1' } } });
    await store.copy({ ...request, headers: { contentType: 'video/mp4', metadata: { b: '2' } } });
    expect(await store.head({ bucket, key: 'copy' })).toMatchObject({
      info: { contentType: 'video/mp4', metadata: { b: '2' } },
    });
    await expect(store.copy({ ...request, sourceEtag: 'other' })).rejects.toMatchObject({
      code: 'R2_PRECONDITION_FAILED',
    });
    await expect(store.copy({ ...request, sourceKey: 'missing' })).rejects.toMatchObject({ code: 'R2_NO_SUCH_KEY' });
  });
});

describe('uploads in parts', () => {
  it('make an object of their parts', async () => {
    const uploadId = await store.createUpload({ bucket, key: 'parts', headers: { ...headers, metadata: { a: 'b' } } });
    const part = { bucket, key: 'parts', uploadId, partNumber: 1, body: bytes, length: 10, md5 };
    const wrong = store.uploadPart({ ...part, md5: createHash('md5').digest() });
    await expect(wrong).rejects.toMatchObject({ code: 'R2_CHECKSUM_MISMATCH' });
    const { etag } = await store.uploadPart(part);
    const parts = [{ partNumber: 1, etag }];
    await store.completeUpload({ bucket, key: 'parts', uploadId, parts });
    expect(await store.head({ bucket, key: 'parts' })).toMatchObject({ info: { size: 10, metadata: { a: 'b' } } });
    await expect(store.completeUpload({ bucket, key: 'parts', uploadId, parts })).rejects.toMatchObject({
      name: 'CloudflareClientError',
    });
    await store.abortUpload({ bucket, key: 'parts', uploadId: 'unknown' });
  });

  it('are over when they are aborted', async () => {
    const uploadId = await store.createUpload({ bucket, key: 'aborted', headers });
    await store.abortUpload({ bucket, key: 'aborted', uploadId });
    const part = { bucket, key: 'aborted', uploadId, partNumber: 1, body: bytes, length: 10 };
    await expect(store.uploadPart(part)).rejects.toMatchObject({ code: 'R2_NO_SUCH_UPLOAD' });
  });

  it('cannot be listed where the server does not know how', async () => {
    await expect(store.listUploads({ bucket, prefix: '' })).rejects.toMatchObject({ code: 'R2_NOT_SUPPORTED' });
  });
});

describe('list and deleteMany', () => {
  it('page, roll up and delete', async () => {
    for (const key of ['l/a', 'l/b/1', 'l/b/2', 'l/c', ' l/odd']) await put(key);
    const first = await store.list({ bucket, prefix: 'l/', maxKeys: 2, delimiter: '/' });
    const second = await store.list({ bucket, prefix: 'l/', maxKeys: 2, delimiter: '/', token: first.token });
    expect([...first.files, ...second.files].map(({ key }) => key)).toEqual(['l/a', 'l/c']);
    expect([...first.prefixes, ...second.prefixes]).toEqual(['l/b/']);
    expect(second.token).toBeUndefined();
    const after = await store.list({ bucket, prefix: 'l/', maxKeys: 10, startAfter: 'l/b/1' });
    expect(after.files.map(({ key }) => key)).toEqual(['l/b/2', 'l/c']);
    expect(await store.deleteMany({ bucket, keys: ['l/a', 'l/b/1', 'l/b/2', 'l/c', ' l/odd'] })).toEqual([]);
    expect((await store.list({ bucket, prefix: 'l/', maxKeys: 10 })).files).toEqual([]);
    expect(await store.head({ bucket, key: ' l/odd' })).toEqual({ status: 'missing' });
  });
});

describe('the signal', () => {
  it('ends a call with the reason of the caller, before it and while a body is read', async () => {
    const reason = new Error('the viewer left');
    await expect(put('aborted', { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'R2_ABORTED',
      cause: reason,
    });
    await put('large', { body: new Uint8Array(4_000_000), length: 4_000_000 });
    const controller = new AbortController();
    const read = await store.get({ bucket, key: 'large', signal: controller.signal });
    const reader = read.status === 'found' ? read.body.getReader() : null;
    await reader!.read();
    controller.abort(reason);
    const rest = async (): Promise<void> => {
      while (!(await reader!.read()).done);
    };
    await expect(rest()).rejects.toMatchObject({ code: 'R2_ABORTED', cause: reason });
  });
});
