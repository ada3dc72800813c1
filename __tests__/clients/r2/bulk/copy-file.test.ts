import { CloudflareClientError } from '../../../../src/errors.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import { copyWhenLarge } from '../../../../src/clients/r2/store/s3-large-copy.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';
import { failure, startFaultServer, status, type Answer, type FaultServer } from '../fault-server.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const bucket = 'media';
const copy = { bucket, sourceKey: 'from/ü +', key: 'to' };

describe('copyFile of what is too large for one request', () => {
  let server: FaultServer;
  let r2: R2Client;

  beforeAll(async () => {
    server = await startFaultServer();
    r2 = new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c', endpoint: server.endpoint });
  });
  afterAll(() => server.stop());

  /** Answers as S3 does for a source of this size; `etags` are those of each HEAD. */
  function answerFor(size: number, etags: string[], part: Answer = copied): Answer {
    return (response, request) => {
      const { method, url, headers } = request;
      const answers: [boolean, Answer][] = [
        [
          method === 'HEAD',
          (to) =>
            to
              .writeHead(200, {
                'content-length': size,
                etag: `"${etags.shift()}"`,
                'x-amz-meta-title': '=?utf-8?B?w7w=?=',
              })
              .end(),
        ],
        [url.includes('partNumber='), part],
        [headers['x-amz-copy-source'] !== undefined, failure(400, 'EntityTooLarge')],
        [
          method === 'POST' && url.includes('uploads'),
          status(200, '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'),
        ],
        [
          method === 'POST',
          status(200, '<CompleteMultipartUploadResult><ETag>"done-13"</ETag></CompleteMultipartUploadResult>'),
        ],
        [method === 'DELETE', status(204)],
      ];
      answers.find(([applies]) => applies)?.[1](response, request);
    };
  }
  const copied = status(200, '<CopyPartResult><ETag>"part"</ETag></CopyPartResult>');
  const seen = (method: string, text = ''): string[] =>
    server.seen.filter((each) => each.method === method && each.url.includes(text)).map(({ url }) => url);

  it('goes in parts of equal size, with the headers of the source', async () => {
    server.answer(answerFor(6 * GIB + 5, ['v1', 'v1']));
    expect(await r2.copyFile(copy)).toEqual({ key: 'to', etag: 'done-13' });
    const parts = server.seen.filter(({ url }) => url.includes('partNumber='));
    const ranges = parts.map(({ headers }) => headers['x-amz-copy-source-range'] as string);
    expect(ranges).toHaveLength(13);
    expect(ranges).toContain('bytes=0-536870911');
    expect(ranges).toContain(`bytes=${6 * GIB}-${6 * GIB + 4}`);
    expect(parts[0]?.headers['x-amz-copy-source']).toBe('media/from/%C3%BC%20%2B');
    const created = server.seen.find(({ url }) => url.includes('uploads'));
    expect(created?.headers['x-amz-meta-title']).toBe('=?utf-8?B?w7w=?=');
    expect(
      server.seen.find(({ url, method }) => method === 'POST' && url.includes('uploadId'))?.body.toString(),
    ).toMatch(/<PartNumber>1<\/PartNumber>.*<PartNumber>13<\/PartNumber>/);
  });

  it('fails, and is given up, when the source is replaced meanwhile', async () => {
    server.answer(answerFor(6 * GIB, ['v1', 'v2']));
    await expect(r2.copyFile(copy)).rejects.toMatchObject({ code: 'R2_OBJECT_CHANGED' });
    expect(seen('DELETE', 'uploadId=u')).toHaveLength(1);
    expect(seen('POST', 'uploadId')).toHaveLength(0);
  });

  it('is given up when a part fails', async () => {
    server.answer(answerFor(6 * GIB, ['v1', 'v1'], failure(403, 'AccessDenied')));
    await expect(r2.copyFile(copy)).rejects.toMatchObject({ code: 'R2_ACCESS_DENIED' });
    expect(seen('DELETE', 'uploadId=u')).toHaveLength(1);
  });

  it('copies no other version than the one that was asked for', async () => {
    server.answer(answerFor(6 * GIB, ['v1']));
    await expect(r2.copyFile({ ...copy, ifMatch: 'v0' })).rejects.toMatchObject({ code: 'R2_PRECONDITION_FAILED' });
    expect(seen('POST')).toHaveLength(0);
  });

  it('asks for the size only when the server has refused, and passes the refusal on when that was not it', async () => {
    server.answer(answerFor(5 * MIB, ['v1']));
    await expect(r2.copyFile(copy)).rejects.toMatchObject({
      code: 'R2_FAILED',
      message: 'R2 copy from media/from/ü + of media/to failed: EntityTooLarge, HTTP 400.',
    });
    server.answer(failure(403, 'AccessDenied'));
    await expect(r2.copyFile(copy)).rejects.toMatchObject({ code: 'R2_ACCESS_DENIED' });
    expect(server.seen).toHaveLength(1);
  });
});

describe('a copy in parts', () => {
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server({ buckets: [bucket] });
  });
  afterAll(() => server.stop());

  it('is what the source is', async () => {
    const r2 = new R2Client(server.config);
    const { connection, storeOf } = internalsOf(r2);
    const body = Uint8Array.from({ length: 12 * MIB }, (_, index) => (index >> 8) & 255);
    await r2.uploadFile({ bucket, key: 'large', body, contentType: 'video/mp4', metadata: { title: 'ü' } });
    const refused = new CloudflareClientError('R2_FAILED', 'too large', {
      cause: { $metadata: { httpStatusCode: 400 } },
    });
    const limits = { maxSingleBytes: 8 * MIB, partBytes: 5 * MIB, concurrency: 2 };
    const request = { bucket, key: 'copy', sourceBucket: bucket, sourceKey: 'large' };
    const { etag } = await copyWhenLarge({ store: storeOf(bucket), connection }, request, refused, limits);
    const file = (await r2.downloadFile({ bucket, key: 'copy' }))!;
    expect(file).toMatchObject({ etag, contentType: 'video/mp4', metadata: { title: 'ü' }, size: body.length });
    expect(etag).toMatch(/-3$/);
    expect(Buffer.compare(new Uint8Array(await file.arrayBuffer()), body)).toBe(0);
  });
});

describe('copyFile', () => {
  const r2 = new R2Client({ bindings: {} });

  it.each([
    [{ headers: 5 }, 'INVALID_OPTION'],
    [{ headers: { contentType: 'a\nb' } }, 'INVALID_OPTION'],
    [{ headers: { storageClass: 'GLACIER' } }, 'INVALID_OPTION'],
    [{ headers: { metadata: { 'a b': 'x' } } }, 'INVALID_VALUE'],
    [{ ifMatch: '' }, 'INVALID_OPTION'],
    [{ signal: 'x' }, 'INVALID_OPTION'],
  ])('refuses %j before anything is sent', async (wrong, code) => {
    await expect(r2.copyFile({ ...copy, ...(wrong as object) })).rejects.toMatchObject({ code });
  });
});
