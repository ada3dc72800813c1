import { deflateSync, gzipSync } from 'node:zlib';
import type { ErrorCode } from '../../../../src/errors.js';
import { resolveR2Options, type R2ClientOptions } from '../../../../src/clients/r2/r2-config.js';
import { BindingCalls } from '../../../../src/clients/r2/store/binding-call.js';
import { copyByBinding } from '../../../../src/clients/r2/store/binding-copy.js';
import { BindingStore, type BindingSurroundings } from '../../../../src/clients/r2/store/binding-store.js';
import type { ObjectStore, StoreRead } from '../../../../src/clients/r2/store/object-store.js';
import { startS3Server, type S3Server } from '../../../support/s3-server.js';
import { FakeBucket, fails, fakeObject, hangs } from './fake-bucket.js';

const MIB = 1024 * 1024;
const bucket = 'media';
const object = { bucket, key: 'k' };
const headers = { contentType: 'text/plain', metadata: {} };
const small = { ...object, headers, body: new Uint8Array(3), length: 3 };
const fake = new FakeBucket();

function storeOf(options: R2ClientOptions = {}, surroundings: BindingSurroundings = {}): BindingStore {
  const wait = (): Promise<void> => Promise.resolve();
  return new BindingStore(bucket, fake, resolveR2Options({ wait, ...options }), surroundings);
}

async function rejection(promise: Promise<unknown>): Promise<{ code?: ErrorCode; message: string; cause?: unknown }> {
  return promise.then(
    () => ({ message: 'nothing was thrown' }),
    (error: unknown) => error as Error,
  );
}

describe('an error of the binding', () => {
  it.each<[number, ErrorCode, string]>([
    [10001, 'R2_FAILED', 'InternalError, HTTP 500'],
    [10002, 'R2_ACCESS_DENIED', 'Unauthorized, HTTP 401'],
    [10003, 'R2_ACCESS_DENIED', 'AccessDenied, HTTP 403'],
    [10006, 'R2_NO_SUCH_BUCKET', 'NoSuchBucket, HTTP 404'],
    [10011, 'R2_FAILED', 'EntityTooSmall, HTTP 400'],
    [10012, 'R2_FAILED', 'MetadataTooLarge, HTTP 400'],
    [10024, 'R2_NO_SUCH_UPLOAD', 'NoSuchUpload, HTTP 404'],
    [10025, 'R2_FAILED', 'InvalidPart, HTTP 400'],
    [10031, 'R2_PRECONDITION_FAILED', 'PreconditionFailed, HTTP 412'],
    [10037, 'R2_CHECKSUM_MISMATCH', 'BadDigest, HTTP 400'],
    [10039, 'R2_RANGE_NOT_SATISFIABLE', 'InvalidRange, HTTP 416'],
    [10043, 'R2_FAILED', 'ServiceUnavailable, HTTP 503'],
    [10048, 'R2_FAILED', 'InvalidPart, HTTP 400'],
    [10058, 'R2_RATE_LIMITED', 'TooManyRequests, HTTP 429'],
    [10069, 'R2_ACCESS_DENIED', 'ObjectLockedByBucketPolicy, HTTP 403'],
    [100100, 'R2_FAILED', 'EntityTooLarge, HTTP 400'],
  ])('%d is %s, and its message has the shape of S3', async (number, code, reason) => {
    fake.answer(fails(number, 'Text of the platform, perhaps with a secret.'));
    const error = await rejection(storeOf().put(small));
    expect([error.code, error.message]).toEqual([code, `R2 upload of media/k failed: ${reason}.`]);
    expect((error.cause as Error).message).toContain(`(${number})`);
  });

  it('without a number is R2_FAILED', async () => {
    fake.answer(() => Promise.reject(new Error('Network connection lost.')));
    expect(await rejection(storeOf().head(object))).toMatchObject({
      code: 'R2_FAILED',
      message: 'R2 head of media/k failed: no answer.',
    });
  });
});

describe('what failed for the moment', () => {
  it.each([10001, 10043, 10058])('is tried again after %d, with a growing delay', async (number) => {
    const waits: number[] = [];
    const wait = (ms: number): Promise<void> => Promise.resolve(void waits.push(ms));
    fake.answer(fails(number), fails(number), () => fakeObject());
    expect(await storeOf({ wait }).put(small)).toEqual({ etag: 'e'.repeat(32) });
    expect(waits).toEqual([100, 200]);
  });

  it('fails after maxAttempts', async () => {
    fake.answer(fails(10001));
    expect(await rejection(storeOf({ maxAttempts: 2 }).put(small))).toMatchObject({ code: 'R2_FAILED' });
    expect(fake.calls).toHaveLength(2);
  });

  it('is not tried again when a stream was sent, nor what another attempt cannot mend', async () => {
    fake.answer(fails(10001));
    await rejection(storeOf().put({ ...small, body: new Blob(['abc']).stream() }));
    expect(fake.calls).toHaveLength(1);
    fake.answer(fails(10012));
    await rejection(storeOf().put(small));
    expect(fake.calls).toHaveLength(1);
  });

  it('does not count twice as progress', async () => {
    const taken: number[] = [];
    fake.answer(fails(10001), () => fakeObject());
    await storeOf().put({ ...small, onProgress: (bytes) => taken.push(bytes) });
    expect(taken.reduce((sum, bytes) => sum + bytes, 0)).toBe(3);
  });

  it('leaves a completion done whose answer was lost', async () => {
    const done = fakeObject({ etag: 'abc-2', size: 9 });
    const parts = [
      { partNumber: 1, etag: 'a', size: 5 },
      { partNumber: 2, etag: 'b', size: 4 },
    ];
    const complete = { ...object, uploadId: 'u', parts };
    fake.answer(fails(10001), fails(10024), () => done);
    expect(await storeOf().completeUpload(complete)).toEqual({ etag: 'abc-2' });
    fake.answer(fails(10024), () => done);
    expect(await rejection(storeOf().completeUpload(complete))).toMatchObject({ code: 'R2_NO_SUCH_UPLOAD' });
    fake.answer(fails(10001), fails(10024), () => ({ ...done, size: 10 }));
    expect(await rejection(storeOf().completeUpload(complete))).toMatchObject({ code: 'R2_NO_SUCH_UPLOAD' });
  });
});

describe('a call that does not end', () => {
  const calls: [string, (store: ObjectStore, signal?: AbortSignal) => Promise<unknown>][] = [
    ['put', (store, signal) => store.put({ ...small, signal })],
    ['get', (store, signal) => store.get({ ...object, signal })],
    ['head', (store, signal) => store.head({ ...object, signal })],
    ['delete', (store, signal) => store.delete({ ...object, signal })],
    ['deleteMany', (store, signal) => store.deleteMany({ bucket, keys: ['a'], signal })],
    ['list', (store, signal) => store.list({ bucket, prefix: '', maxKeys: 1, signal })],
    ['copy', (store, signal) => store.copy({ ...object, sourceBucket: bucket, sourceKey: 's', signal })],
    ['createUpload', (store, signal) => store.createUpload({ ...object, headers, signal })],
    ['uploadPart', (store, signal) => store.uploadPart({ ...small, uploadId: 'u', partNumber: 1, signal })],
    ['completeUpload', (store, signal) => store.completeUpload({ ...object, uploadId: 'u', parts: [], signal })],
    ['abortUpload', (store, signal) => store.abortUpload({ ...object, uploadId: 'u', signal })],
  ];

  it.each(calls)('times out: %s', async (_name, call) => {
    fake.answer(hangs);
    expect(await rejection(call(storeOf({ timeoutMs: 5 }), undefined))).toMatchObject({
      code: 'R2_TIMEOUT',
      message: expect.stringMatching(/^R2 .* of media(\/k)? failed: TimeoutError\.$/) as string,
    });
  });

  it.each(calls)('ends when the signal fires: %s', async (_name, call) => {
    fake.answer(hangs);
    const controller = new AbortController();
    const reason = new Error('the viewer left');
    const ending = rejection(call(storeOf(), controller.signal));
    controller.abort(reason);
    expect(await ending).toMatchObject({ code: 'R2_ABORTED', cause: reason });
  });

  it.each(calls)('does not begin when the signal fired before: %s', async (_name, call) => {
    fake.answer(hangs);
    expect(await rejection(call(storeOf(), AbortSignal.abort()))).toMatchObject({ code: 'R2_ABORTED' });
    expect(fake.calls).toEqual([]);
  });

  it('lets go of a body that comes too late', async () => {
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    let answer: (value: unknown) => void = () => undefined;
    fake.answer(() => new Promise((resolve) => (answer = resolve)));
    const controller = new AbortController();
    const ending = rejection(storeOf().get({ ...object, signal: controller.signal }));
    controller.abort();
    await ending;
    answer(fakeObject({ body }));
    await new Promise((resolve) => setImmediate(resolve));
    expect(cancelled).toBe(true);
  });

  it('lets go of the stream that it was to send', async () => {
    let cancelled: unknown;
    const body = new ReadableStream({ cancel: (reason) => void (cancelled = reason) });
    const controller = new AbortController();
    const ending = rejection(storeOf().put({ ...small, body, signal: controller.signal }));
    controller.abort();
    expect(await ending).toMatchObject({ code: 'R2_ABORTED' });
    expect(cancelled).toBeInstanceOf(Error);
  });
});

describe('the body of a read', () => {
  const read = async (body: ReadableStream, size: number): Promise<unknown> => {
    fake.answer(() => fakeObject({ body, size }));
    const found = await storeOf({ timeoutMs: 5 }).get(object);
    return rejection(new Response((found as StoreRead & { status: 'found' }).body).text());
  };

  it('fails when it ends too early', async () => {
    expect(await read(new Blob(['ab']).stream(), 3)).toMatchObject({ code: 'R2_FAILED' });
  });

  it.each([
    ['gzip', gzipSync('text')],
    ['deflate', deflateSync('text')],
    ['x-other', Buffer.from('text')],
  ])('arrives decoded when it is stored with %s, as over S3', async (contentEncoding, bytes) => {
    const body = new Blob([bytes]).stream();
    fake.answer(() => fakeObject({ body, size: bytes.byteLength, httpMetadata: { contentEncoding } }));
    const read = (await storeOf().get(object)) as StoreRead & { status: 'found' };
    expect(await new Response(read.body).text()).toBe('text');
  });

  it('is refused, and let go of, when it is stored with an encoding that no Worker decodes', async () => {
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    fake.answer(() => fakeObject({ body, httpMetadata: { contentEncoding: 'br' } }));
    expect(await rejection(storeOf().get(object))).toMatchObject({ code: 'R2_NOT_SUPPORTED' });
    expect(cancelled).toBe(true);
    fake.answer(() => fakeObject({ body: new Blob(['bc']).stream(), httpMetadata: { contentEncoding: 'br' } }));
    expect(await storeOf().get({ ...object, range: { offset: 1 } })).toMatchObject({ status: 'found' });
  });

  it('fails when nothing comes', async () => {
    expect(await read(new ReadableStream(), 3)).toMatchObject({ code: 'R2_TIMEOUT' });
  });
});

describe('deleteMany', () => {
  it('finds the keys that are locked, and deletes the others', async () => {
    const locked = new Set(['k3', 'k700']);
    const gone = new Set<string>();
    fake.answer((keys) => {
      const asked = keys as string[];
      if (asked.some((key) => locked.has(key))) return fails(10069, 'The object is locked.')();
      for (const key of asked) gone.add(key);
      return undefined;
    });
    const keys = Array.from({ length: 1000 }, (_, index) => `k${index}`);
    const failed = await storeOf().deleteMany({ bucket, keys });
    expect(failed.map(({ key, code }) => [key, code])).toEqual([
      ['k3', 'ObjectLockedByBucketPolicy'],
      ['k700', 'ObjectLockedByBucketPolicy'],
    ]);
    expect(gone.size).toBe(998);
    expect(fake.calls.length).toBeLessThan(50);
  });

  it('calls nothing for no keys', async () => {
    fake.answer(fails(10001));
    expect(await storeOf().deleteMany({ bucket, keys: [] })).toEqual([]);
    expect(fake.calls).toEqual([]);
  });
});

describe('what a binding cannot say', () => {
  const upload = { ...object, uploadId: 'u' };

  it('is R2_NOT_SUPPORTED without credentials', async () => {
    expect(await rejection(storeOf().listParts(upload))).toMatchObject({ code: 'R2_NOT_SUPPORTED' });
    expect(await rejection(storeOf().listUploads({ bucket, prefix: '' }))).toMatchObject({ code: 'R2_NOT_SUPPORTED' });
  });

  it('is asked over S3 with them', async () => {
    const s3 = { listParts: () => Promise.resolve([]), listUploads: () => Promise.resolve({ uploads: [] }) };
    const store = storeOf({}, { s3: s3 as unknown as ObjectStore });
    expect(await store.listParts(upload)).toEqual([]);
    expect(await store.listUploads({ bucket, prefix: '' })).toEqual({ uploads: [] });
  });
});

describe('the storage class', () => {
  it('has other names in a binding', async () => {
    fake.answer(() => fakeObject({ storageClass: 'InfrequentAccess' }));
    await storeOf().put({ ...small, headers: { ...headers, storageClass: 'STANDARD_IA' } });
    expect(fake.calls[0]?.[3]).toMatchObject({ storageClass: 'InfrequentAccess' });
    expect(await storeOf().head(object)).toMatchObject({ info: { storageClass: 'STANDARD_IA' } });
  });
});

describe('a completion under conditions', () => {
  it.each([
    [{ ifNoneMatch: '*' }, fakeObject(), 'R2_PRECONDITION_FAILED'],
    [{ ifNoneMatch: '*' }, null, undefined],
    [{ ifMatch: 'x' }, null, 'R2_PRECONDITION_FAILED'],
    [{ ifMatch: 'e'.repeat(32) }, fakeObject(), undefined],
  ])('%j looks at what is there', async (conditions, there, code) => {
    fake.answer(
      () => there,
      () => fakeObject(),
    );
    const done = await rejection(storeOf().completeUpload({ ...object, uploadId: 'u', parts: [], conditions }));
    expect(done.code).toBe(code);
    expect(fake.calls.map(([method]) => method)).toEqual(code === undefined ? ['head', 'complete'] : ['head']);
  });
});

describe('copies', () => {
  let server: S3Server;
  const limits = { maxSingleBytes: 8 * MIB, partBytes: 5 * MIB };
  const calls = new BindingCalls(resolveR2Options({ wait: () => Promise.resolve() }));

  beforeAll(async () => {
    server = await startS3Server({ buckets: ['one', 'two'] });
  });
  afterAll(() => server.stop());

  it('of a large object go in parts, to another bucket, with its headers', async () => {
    const [source, target] = [await server.binding('one'), await server.binding('two')];
    const bytes = Uint8Array.from({ length: 12 * MIB }, (_, index) => index % 251);
    const options = { httpMetadata: { contentType: 'video/mp4' }, customMetadata: { title: 'ü' } };
    const { etag } = (await source.put('large', bytes, options))!;
    const request = { bucket: 'two', key: 'copy', sourceBucket: 'one', sourceKey: 'large', sourceEtag: etag };
    const copied = await copyByBinding({ source, target, calls }, request, limits);
    expect(copied.etag).toMatch(/-3$/);
    const read = (await target.get('copy'))!;
    const content = await new Response(read.body as ReadableStream).bytes();
    expect(Buffer.compare(content, bytes)).toBe(0);
    expect(read).toMatchObject(options);
  });

  it('of a source that is replaced meanwhile fail, and leave nothing', async () => {
    const target = await server.binding('two');
    const body = (): ReadableStream => new Blob([new Uint8Array(5 * MIB)]).stream();
    fake.answer(
      () => fakeObject({ size: 12 * MIB, body: body() }),
      () => fakeObject({ size: 12 * MIB, body: body() }),
      () => fakeObject({ size: 12 * MIB, etag: 'another' }),
    );
    const request = { bucket: 'two', key: 'torn', sourceBucket: 'one', sourceKey: 'large' };
    const error = await rejection(copyByBinding({ source: fake, target, calls }, request, limits));
    expect(error).toMatchObject({
      code: 'R2_PRECONDITION_FAILED',
      message: 'R2 copy from one/large of two/torn failed: PreconditionFailed, HTTP 412.',
    });
    expect(fake.calls[1]?.[2]).toMatchObject({ onlyIf: { etagMatches: 'e'.repeat(32) } });
    expect(await target.head('torn')).toBeNull();
  });

  it('begin anew when they fail for the moment', async () => {
    const target = await server.binding('two');
    const found = (): unknown => fakeObject({ body: new Blob(['abc']).stream() });
    fake.answer(fails(10001), found);
    const request = { bucket: 'two', key: 'again', sourceBucket: 'one', sourceKey: 's' };
    await copyByBinding({ source: fake, target, calls }, request);
    expect(await target.head('again')).toMatchObject({ size: 3 });
  });

  it('from a bucket that is not bound go over S3, or say what is missing', async () => {
    const request = { ...object, sourceBucket: 'elsewhere', sourceKey: 's' };
    expect(await rejection(storeOf().copy(request))).toMatchObject({
      code: 'MISSING_CREDENTIALS',
      message: expect.stringContaining('elsewhere is not bound') as string,
    });
    const s3 = { copy: () => Promise.resolve({ etag: 'by-s3' }) };
    expect(await storeOf({}, { s3: s3 as unknown as ObjectStore }).copy(request)).toEqual({ etag: 'by-s3' });
  });
});

describe('what a binding leaves hanging', () => {
  it.each([
    ['in silence', false, undefined],
    ['in silence, when it is decoded', false, 'gzip'],
    ['when the caller gives up', true, undefined],
    ['when the caller gives up, and it is decoded', true, 'gzip'],
  ])('is let go of %s: the content of an object', async (_name, byCaller, contentEncoding) => {
    const controller = new AbortController();
    let cancelled = false;
    const body = new ReadableStream(
      {
        pull: () => {
          if (byCaller) controller.abort();
          return new Promise<void>(() => undefined);
        },
        cancel: () => void (cancelled = true),
      },
      { highWaterMark: 0 },
    );
    fake.answer(() =>
      fakeObject({ body, ...(contentEncoding !== undefined && { httpMetadata: { contentEncoding } }) }),
    );
    const read = await storeOf({ timeoutMs: byCaller ? 60_000 : 20 }).get({ ...object, signal: controller.signal });
    const error = await rejection(new Response((read as { body: ReadableStream }).body).text());
    expect(error.code).toBe(byCaller ? 'R2_ABORTED' : 'R2_TIMEOUT');
    await new Promise((resolve) => setImmediate(resolve));
    expect(cancelled).toBe(true);
  });

  it('is aborted when it comes after all: an upload in parts', async () => {
    let create: (upload: { uploadId: string }) => void = () => undefined;
    fake.answer(
      () => new Promise((resolve) => (create = resolve)),
      () => undefined,
    );
    expect((await rejection(storeOf({ timeoutMs: 20 }).createUpload({ ...object, headers }))).code).toBe('R2_TIMEOUT');
    create({ uploadId: 'late' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(fake.calls.at(-1)).toEqual(['abort', 'k']);
  });

  it('does not keep the caller waiting between two attempts', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    fake.answer(fails(10001, 'no'));
    const wait = (): Promise<void> => {
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    const error = await rejection(storeOf({ wait }).head({ ...object, signal: controller.signal }));
    expect([error.code, error.cause]).toEqual(['R2_ABORTED', reason]);
  });
});

it('tells what cannot be decoded by a code', async () => {
  const broken = gzipSync(Buffer.alloc(3_000, 'abcdefgh')).subarray(0, 20);
  const httpMetadata = { contentEncoding: 'gzip' };
  fake.answer(() => fakeObject({ body: new Blob([broken]).stream(), size: broken.byteLength, httpMetadata }));
  const read = await storeOf().get(object);
  expect((await rejection(new Response((read as { body: ReadableStream }).body).text())).code).toBe('R2_FAILED');
});

it('takes no list that breaks off for a whole one', async () => {
  fake.answer(() => ({ objects: [], delimitedPrefixes: [], truncated: true }));
  expect((await rejection(storeOf().list({ bucket, prefix: '', maxKeys: 10 }))).code).toBe('R2_FAILED');
});
