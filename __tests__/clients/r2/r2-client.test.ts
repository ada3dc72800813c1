import fc from 'fast-check';
import { R2Client } from '../../../src/clients/r2/r2-client.js';
import type { R2UploadBody } from '../../../src/clients/r2/transfer/upload-options.js';
import { startS3Server, type S3Server } from '../../support/s3-server.js';

const BUCKET = 'codex-media-test';
const OTHER_BUCKET = 'codex-other-test';
const MIB = 1024 * 1024;

let server: S3Server;
let r2: R2Client;

beforeAll(async () => {
  server = await startS3Server({ buckets: [BUCKET, OTHER_BUCKET] });
  r2 = new R2Client(server.config);
});

afterAll(() => server.stop());

function streamOf(...chunks: readonly unknown[]): ReadableStream {
  const rest = [...chunks];
  return new ReadableStream({
    pull(controller) {
      if (rest.length === 0) controller.close();
      else controller.enqueue(rest.shift());
    },
  });
}

/** Bytes that differ from part to part, so that swapped or repeated parts are seen. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 4) bytes[index] = (index / 4) % 251;
  return bytes;
}

function inChunks(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let offset = 0;
  return new ReadableStream({
    pull(controller) {
      if (offset >= bytes.byteLength) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.slice(offset, offset + size));
      offset += size;
    },
  });
}

async function stored(key: string, bucket = BUCKET): Promise<Uint8Array> {
  const file = await r2.downloadFile({ bucket, key });
  return new Uint8Array(await file!.arrayBuffer());
}

async function same(key: string, expected: Uint8Array): Promise<boolean> {
  return Buffer.compare(await stored(key), expected) === 0;
}

describe('uploadFile', () => {
  const hello = new TextEncoder().encode('hello');
  const bodies: readonly (readonly [string, () => R2UploadBody, number | undefined])[] = [
    ['a string', () => 'hello', undefined],
    ['a Uint8Array', () => hello, undefined],
    ['a view into a larger buffer', () => new Uint8Array(new TextEncoder().encode('>hello<').buffer, 1, 5), undefined],
    ['a Buffer', () => Buffer.from('hello'), undefined],
    ['an ArrayBuffer', () => hello.slice().buffer, undefined],
    ['a Blob', () => new Blob(['hello']), undefined],
    ['a stream of known length', () => streamOf(hello.slice(0, 2), hello.slice(2)), 5],
    ['a stream of unknown length', () => streamOf(hello.slice(0, 2), new Uint8Array(), hello.slice(2)), undefined],
  ];

  it.each(bodies)('stores %s', async (name, body, contentLength) => {
    const key = `bodies/${name}.txt`;
    const result = await r2.uploadFile({ bucket: BUCKET, key, body: body(), contentLength });
    expect(result).toEqual({ key, etag: '5d41402abc4b2a76b9719d911017c592', size: 5 });
    expect(new TextDecoder().decode(await stored(key))).toBe('hello');
  });

  it.each([
    ['a string', ''],
    ['a stream of unknown length', streamOf()],
    ['a Blob', new Blob([])],
  ])('stores %s without content', async (name, body) => {
    const key = `empty/${name}`;
    expect(await r2.uploadFile({ bucket: BUCKET, key, body })).toMatchObject({ size: 0 });
    expect(await stored(key)).toHaveLength(0);
  });

  it('takes the content type from the key, and keeps what the caller says', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'hls/master.m3u8', body: '#EXTM3U' });
    await r2.uploadFile({
      bucket: BUCKET,
      key: 'hls/odd.bin',
      body: 'x',
      contentType: 'video/mp4',
      cacheControl: 'private, max-age=60',
      contentDisposition: 'attachment; filename="odd.mp4"',
    });
    const playlist = await r2.headFile({ bucket: BUCKET, key: 'hls/master.m3u8' });
    expect(playlist).toMatchObject({ contentType: 'application/vnd.apple.mpegurl', size: 7 });
    expect(await r2.headFile({ bucket: BUCKET, key: 'hls/odd.bin' })).toMatchObject({ contentType: 'video/mp4' });
    const url = await r2.getSignedUrl({ bucket: BUCKET, key: 'hls/odd.bin', expiresIn: 60 });
    const { headers } = await fetch(url);
    expect(headers.get('cache-control')).toBe('private, max-age=60');
    expect(headers.get('content-disposition')).toBe('attachment; filename="odd.mp4"');
  });

  it('keeps metadata that looks like an encoded word', async () => {
    const metadata = { a: '=?utf-8?B?eA==?=', b: 'x =?utf-8?Q?=41?= =?utf-8?q?b?= y', c: '=?' };
    await r2.uploadFile({ bucket: BUCKET, key: 'encoded-words', body: 'x', metadata });
    expect((await r2.headFile({ bucket: BUCKET, key: 'encoded-words' }))?.metadata).toEqual(metadata);
  });

  it('stores bytes in shared memory', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(5));
    shared.set(hello);
    await r2.uploadFile({ bucket: BUCKET, key: 'shared', body: shared });
    expect(new TextDecoder().decode(await stored('shared'))).toBe('hello');
  });

  it('keeps metadata, beyond ASCII too', async () => {
    const metadata = { title: 'Überblick über „Größe“ 🎬 '.repeat(4).trim(), plain: 'a=b; c', 'x-y_z': '' };
    await r2.uploadFile({ bucket: BUCKET, key: 'metadata', body: 'x', metadata });
    expect((await r2.headFile({ bucket: BUCKET, key: 'metadata' }))?.metadata).toEqual(metadata);
  });

  it.each([
    ['a stream of unknown length, in three parts', 20 * MIB, undefined],
    ['a stream of unknown length of exactly two parts', 16 * MIB, undefined],
    ['a stream of unknown length of exactly one part', 8 * MIB, undefined],
    ['a stream of known length above one part', 9 * MIB + 3, 9 * MIB + 3],
  ])('stores %s', async (name, length, contentLength) => {
    const bytes = pattern(length);
    const result = await r2.uploadFile({ bucket: BUCKET, key: name, body: inChunks(bytes, 300_001), contentLength });
    expect(result.size).toBe(length);
    expect(await same(name, bytes)).toBe(true);
  });

  it('stores a Blob above one part', async () => {
    const bytes = pattern(9 * MIB);
    await r2.uploadFile({ bucket: BUCKET, key: 'blob', body: new Blob([bytes]) });
    expect(await same('blob', bytes)).toBe(true);
  });

  it.each([
    ['shorter than it said, small', 10, 11],
    ['longer than it said, small', 12, 11],
    ['shorter than it said, streamed', 9 * MIB - 1, 9 * MIB],
    ['longer than it said, streamed', 9 * MIB + 1, 9 * MIB],
  ])('stores nothing of a stream that is %s, and cancels it', async (name, length, contentLength) => {
    const key = `wrong-length/${name}`;
    const upload = r2.uploadFile({ bucket: BUCKET, key, body: inChunks(pattern(length), 65_536), contentLength });
    await expect(upload).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    expect(await r2.headFile({ bucket: BUCKET, key })).toBeNull();
  });

  it.each([
    ['at once', 0, undefined],
    ['within the second part', 12, undefined],
    ['within a body of known length', 12, 20 * MIB],
  ])('stores nothing of a stream that fails %s, and keeps its error as the cause', async (name, mebibytes, length) => {
    const cause = new Error('the camera was unplugged');
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ === mebibytes) controller.error(cause);
        else controller.enqueue(new Uint8Array(MIB));
      },
    });
    const key = `failing/${name}`;
    const upload = r2.uploadFile({ bucket: BUCKET, key, body, contentLength: length });
    await expect(upload).rejects.toMatchObject({ code: 'R2_FAILED', cause });
    expect(await r2.headFile({ bucket: BUCKET, key })).toBeNull();
  });

  it('cancels the stream of an upload that the server refuses', async () => {
    let cancelled = false;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(MIB)),
      cancel: () => void (cancelled = true),
    });
    const upload = r2.uploadFile({ bucket: 'no-such-bucket', key: 'k', body, contentLength: 100 * MIB });
    await expect(upload).rejects.toMatchObject({ name: 'CloudflareClientError' });
    expect(cancelled).toBe(true);
  });

  it.each([
    ['a stream of text', streamOf('text')],
    ['a locked stream', lockedStream()],
    ['undefined', undefined],
    ['a number', 7],
    ['a Node-like stream', { pipe: () => undefined }],
  ])('refuses %s', async (_name, body) => {
    const upload = r2.uploadFile({ bucket: BUCKET, key: 'refused', body: body as unknown as string });
    await expect(upload).rejects.toMatchObject({ code: 'INVALID_VALUE' });
    expect(await r2.headFile({ bucket: BUCKET, key: 'refused' })).toBeNull();
  });

  function lockedStream(): ReadableStream {
    const stream = streamOf();
    stream.getReader();
    return stream;
  }
});

describe('downloadFile and headFile', () => {
  it('answer with what was stored', async () => {
    const before = Math.floor(Date.now() / 1000) * 1000;
    await r2.uploadFile({ bucket: BUCKET, key: 'a/b.json', body: '{"n":1}', metadata: { a: '1' } });
    const info = await r2.headFile({ bucket: BUCKET, key: 'a/b.json' });
    expect(info).toMatchObject({
      key: 'a/b.json',
      contentType: 'application/json',
      size: 7,
      etag: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      metadata: { a: '1' },
    });
    expect(info!.lastModified.getTime()).toBeGreaterThanOrEqual(before);
    const file = await r2.downloadFile({ bucket: BUCKET, key: 'a/b.json' });
    expect(file).toMatchObject(info!);
    expect(await file!.json<{ n: number }>()).toEqual({ n: 1 });
    await expect(file!.text()).rejects.toMatchObject({ code: 'INVALID_VALUE' });
  });

  it('give the content as a web stream', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'stream.txt', body: 'streamed' });
    const file = await r2.downloadFile({ bucket: BUCKET, key: 'stream.txt' });
    expect(file!.body).toBeInstanceOf(ReadableStream);
    expect(await new Response(file!.body).text()).toBe('streamed');
  });

  it('answer null for a missing object', async () => {
    expect(await r2.downloadFile({ bucket: BUCKET, key: 'missing' })).toBeNull();
    expect(await r2.headFile({ bucket: BUCKET, key: 'missing' })).toBeNull();
  });

  it('tell a missing bucket from a missing object where the server does', async () => {
    const download = r2.downloadFile({ bucket: 'no-such-bucket', key: 'k' });
    await expect(download).rejects.toMatchObject({
      code: 'R2_NO_SUCH_BUCKET',
      message: 'R2 download of no-such-bucket/k failed: NoSuchBucket, HTTP 404.',
    });
  });
});

describe('deleteFile and deleteFiles', () => {
  it('delete, and take a missing object for deleted', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'gone', body: 'x' });
    await r2.deleteFile({ bucket: BUCKET, key: 'gone' });
    await r2.deleteFile({ bucket: BUCKET, key: 'gone' });
    expect(await r2.headFile({ bucket: BUCKET, key: 'gone' })).toBeNull();
  });

  it('delete keys that XML would change', async () => {
    const keys = ['odd/ lead', ' lead', 'trail ', 'a&b<c>"d\'', 'é🎬', 'plain'];
    for (const key of keys) await r2.uploadFile({ bucket: OTHER_BUCKET, key, body: 'x' });
    expect(await r2.deleteFiles({ bucket: OTHER_BUCKET, keys: [...keys, 'plain'] })).toEqual({
      deleted: 6,
      failed: [],
    });
    expect(await r2.listFiles({ bucket: OTHER_BUCKET })).toEqual([]);
  });

  it('delete nothing when one key is refused', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'kept', body: 'x' });
    const deletion = r2.deleteFiles({ bucket: BUCKET, keys: ['kept', ''] });
    await expect(deletion).rejects.toMatchObject({ code: 'INVALID_KEY' });
    expect(await r2.headFile({ bucket: BUCKET, key: 'kept' })).not.toBeNull();
  });
});

describe('listFiles, iterateFiles and deletePrefix', () => {
  const COUNT = 2_105;

  beforeAll(async () => {
    const keys = Array.from({ length: COUNT }, (_, index) => `creator1/${String(index).padStart(5, '0')}`);
    for (let start = 0; start < COUNT; start += 50) {
      await Promise.all(keys.slice(start, start + 50).map((key) => r2.uploadFile({ bucket: BUCKET, key, body: 'x' })));
    }
    await r2.uploadFile({ bucket: BUCKET, key: 'creator10/kept', body: 'x' });
  }, 60_000);

  it('list all pages in order', async () => {
    const files = await r2.listFiles({ bucket: BUCKET, prefix: 'creator1/' });
    expect(files).toHaveLength(COUNT);
    expect(files.map((file) => file.key)).toEqual(files.map((file) => file.key).sort());
    expect(files[0]).toEqual({
      key: 'creator1/00000',
      size: 1,
      etag: '9dd4e461268c8034f5c8564e155c67a6',
      lastModified: expect.any(Date) as Date,
    });
  });

  it.each([1, 999, 1000, 1001, 2104])('list at most maxKeys: %d', async (maxKeys) => {
    expect(await r2.listFiles({ bucket: BUCKET, prefix: 'creator1/', maxKeys })).toHaveLength(maxKeys);
  });

  it('answer with an empty list when nothing matches', async () => {
    expect(await r2.listFiles({ bucket: BUCKET, prefix: 'nobody/' })).toEqual([]);
  });

  it('iterate over all pages', async () => {
    let count = 0;
    for await (const file of r2.iterateFiles({ bucket: BUCKET, prefix: 'creator1/' })) count += file.size;
    expect(count).toBe(COUNT);
  });

  it('count without deleting in a dry run, then delete only what has the prefix', async () => {
    const options = { bucket: BUCKET, prefix: 'creator1/' };
    expect(await r2.deletePrefix({ ...options, dryRun: true })).toEqual({
      deleted: 0,
      failed: [],
      matched: COUNT,
      dryRun: true,
    });
    expect(await r2.deletePrefix(options)).toEqual({ deleted: COUNT, failed: [], matched: COUNT, dryRun: false });
    expect(await r2.listFiles(options)).toEqual([]);
    expect(await r2.headFile({ bucket: BUCKET, key: 'creator10/kept' })).not.toBeNull();
  });

  it.each(['', 'creator1'])('refuse the prefix %j, and delete nothing', async (prefix) => {
    const deletion = r2.deletePrefix({ bucket: BUCKET, prefix });
    await expect(deletion).rejects.toMatchObject({ code: 'INVALID_PREFIX' });
    expect(await r2.headFile({ bucket: BUCKET, key: 'creator10/kept' })).not.toBeNull();
  });

  it('take an unterminated or empty prefix when told so', async () => {
    for (const key of ['x1', 'x10', 'y']) await r2.uploadFile({ bucket: OTHER_BUCKET, key, body: 'x' });
    const some = { bucket: OTHER_BUCKET, prefix: 'x1', allowUnterminatedPrefix: true };
    expect(await r2.deletePrefix(some)).toMatchObject({ deleted: 2 });
    expect(await r2.deletePrefix({ bucket: OTHER_BUCKET, prefix: '', allowEmptyPrefix: true })).toMatchObject({
      deleted: 1,
    });
  });
});

describe('copyFile', () => {
  it.each(['a b+c%2F.txt', "ünï/çødé 🎬!'()*", 'plain'])('copies %j with its content type', async (sourceKey) => {
    await r2.uploadFile({ bucket: BUCKET, key: sourceKey, body: 'copy me', contentType: 'video/mp4' });
    const copy = { bucket: OTHER_BUCKET, key: `to ${sourceKey}`, sourceBucket: BUCKET, sourceKey };
    expect(await r2.copyFile(copy)).toEqual({ key: copy.key, etag: expect.stringMatching(/^\w{32}$/) as string });
    expect(await r2.headFile({ bucket: OTHER_BUCKET, key: copy.key })).toMatchObject({
      contentType: 'video/mp4',
      size: 7,
    });
  });

  it('refuses a missing source', async () => {
    const copy = r2.copyFile({ bucket: BUCKET, sourceKey: 'missing', key: 'k' });
    await expect(copy).rejects.toMatchObject({ code: 'R2_NO_SUCH_KEY' });
  });
});

describe('getSignedUrl', () => {
  it('grants a GET until it expires, and nothing else', async () => {
    await r2.uploadFile({ bucket: BUCKET, key: 'signed.txt', body: 'signed' });
    const url = await r2.getSignedUrl({ bucket: BUCKET, key: 'signed.txt', expiresIn: 60 });
    expect(url.startsWith(`${server.endpoint}/${BUCKET}/signed.txt?`)).toBe(true);
    expect(await (await fetch(url)).text()).toBe('signed');
    expect((await fetch(url.replace('signed.txt', 'hls/master.m3u8'))).status).toBe(403);
    expect((await fetch(url.replace('X-Amz-Expires=60', 'X-Amz-Expires=61'))).status).toBe(403);
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(403);
    const late = new R2Client(server.config, { now: () => Date.now() - 120_000 });
    expect((await fetch(await late.getSignedUrl({ bucket: BUCKET, key: 'signed.txt', expiresIn: 60 }))).status).toBe(
      403,
    );
  });

  it('carries the overrides that were asked for', async () => {
    const url = await r2.getSignedUrl({
      bucket: BUCKET,
      key: 'signed.txt',
      expiresIn: 60,
      downloadName: 'Größe "1".txt',
      responseContentType: 'text/plain',
    });
    const { searchParams } = new URL(url);
    expect(searchParams.get('response-content-disposition')).toBe(
      `attachment; filename="Gr__e _1_.txt"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%221%22.txt`,
    );
    expect(searchParams.get('response-content-type')).toBe('text/plain');
    expect((await fetch(url)).status).toBe(200);
  });

  it.each([0, -1, 1.5, 604_801, NaN, Infinity, '60'])('refuses expiresIn %p', async (expiresIn) => {
    const signing = r2.getSignedUrl({ bucket: BUCKET, key: 'k', expiresIn: expiresIn as number });
    await expect(signing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('keys', () => {
  const segment = fc
    .string({
      unit: fc.oneof(
        fc.constantFrom(...Array.from(' +%&?#=/\\!\'()*~:;,@$"<>|^`{}[]äß漢🎬\u00a0')),
        fc.string({ minLength: 1, maxLength: 1 }),
      ),
      minLength: 1,
      maxLength: 20,
    })
    .filter(
      (key) => !/\p{Cc}|[\ufffe\uffff]/u.test(key) && !key.split('/').some((part) => part === '.' || part === '..'),
    );

  it('round-trip, are listed, signed and deleted under the same name, whatever they hold', async () => {
    await fc.assert(
      fc.asyncProperty(segment, async (name) => {
        const key = `odd/${name}`;
        await r2.uploadFile({ bucket: BUCKET, key, body: name });
        expect(await (await r2.downloadFile({ bucket: BUCKET, key }))!.text()).toBe(name);
        const response = await fetch(await r2.getSignedUrl({ bucket: BUCKET, key, expiresIn: 60 }));
        expect([response.status, await response.text()]).toEqual([200, name]);
        const listed = await r2.listFiles({ bucket: BUCKET, prefix: 'odd/' });
        expect(listed.map((file) => file.key)).toEqual([key]);
        expect(await r2.deletePrefix({ bucket: BUCKET, prefix: 'odd/' })).toMatchObject({ deleted: 1 });
        expect(await r2.headFile({ bucket: BUCKET, key })).toBeNull();
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
