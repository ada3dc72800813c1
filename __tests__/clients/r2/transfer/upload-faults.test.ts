import { createHash } from 'node:crypto';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2ClientOptions } from '../../../../src/clients/r2/r2-config.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import type { R2UploadOptions } from '../../../../src/clients/r2/transfer/upload-options.js';
import type { R2UploadCheckpoint } from '../../../../src/clients/r2/transfer/upload-checkpoint.js';
import { FaultyS3, type Fault, type Stage } from './faulty-s3.js';

const MIB = 1024 * 1024;
const PART = 5 * MIB;
const bucket = 'media';
const key = 'a/video.mp4';
const bytes = new Uint8Array(2 * PART + 7).map((_, index) => (index >> 7) % 251);
const md5 = createHash('md5').update(bytes).digest('hex');
const server = new FaultyS3();

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(() => server.reset());

function client(options: R2ClientOptions = {}): R2Client {
  const config = { accountId: 'acc', accessKeyId: 'AKID', secretAccessKey: 'secret', endpoint: server.endpoint };
  return new R2Client(config, { wait: () => Promise.resolve(), ...options });
}

function inParts(more: Partial<R2UploadOptions> = {}, options: R2ClientOptions = {}): Promise<unknown> {
  const body = new Blob([bytes]);
  const settings = { multipartThresholdBytes: PART, partSizeBytes: PART };
  return client(options).uploadFile({ bucket, key, body, ...settings, ...more });
}

function inOne(more: Partial<R2UploadOptions> = {}, options: R2ClientOptions = {}): Promise<unknown> {
  return client(options).uploadFile({ bucket, key, body: bytes, ...more });
}

async function rejection(work: Promise<unknown>): Promise<Error & { code: string }> {
  return work.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: unknown) => error as Error & { code: string },
  );
}

function stored(): boolean {
  return Buffer.compare(server.objects.get(key)?.bytes ?? Buffer.alloc(0), bytes) === 0;
}

const stages: readonly (readonly [
  Stage,
  (more?: Partial<R2UploadOptions>, options?: R2ClientOptions) => Promise<unknown>,
])[] = [
  ['put', inOne],
  ['create', inParts],
  ['part', inParts],
  ['complete', inParts],
];
const faults: readonly (readonly [string, Fault])[] = [
  ['is cut before its body', 'cutBefore'],
  ['is cut within its body', 'cutMiddle'],
  ['is cut after its body', 'cutReceived'],
  ['takes effect, but its answer is lost', 'answerLost'],
  ['is answered with 500', { status: 500 }],
  ['is answered with 503 and Retry-After', { status: 503, code: 'SlowDown', headers: { 'retry-after': '0' } }],
  ['is answered with 429 and Retry-After', { status: 429, code: 'TooManyRequests', headers: { 'retry-after': '0' } }],
];

describe.each(stages)('an upload whose %s request', (stage, upload) => {
  it.each(faults)('%s, once, is stored whole, and no part is left', async (_fault, fault) => {
    server.fail(stage, fault);
    expect(await upload()).toMatchObject({ key, size: bytes.length });
    expect(stored()).toBe(true);
    // A creation whose answer is lost leaves an upload without parts, whose id nobody knows; R2 drops it after 7 days.
    expect(Array.from(server.uploads.values()).flatMap((parts) => Array.from(parts))).toEqual([]);
  });

  it.each(faults)('%s, always, fails with a code and its key, and leaves nothing', async (_fault, fault) => {
    if (fault === 'answerLost') return;
    server.fail(stage, fault, { times: Infinity });
    const error = await rejection(upload({}, { maxAttempts: 2 }));
    expect(error.code).toMatch(/^R2_(?:FAILED|RATE_LIMITED)$/);
    expect(error.message).toContain(`${bucket}/${key}`);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('gets no answer fails by timeout, and leaves nothing', async () => {
    server.fail(stage, 'silence', { times: Infinity });
    const error = await rejection(upload({}, { maxAttempts: 1, timeoutMs: 100 }));
    expect([error.code, server.objects.size, server.uploads.size]).toEqual(['R2_TIMEOUT', 0, 0]);
  });

  it.each([
    ['AccessDenied', 403, 'R2_ACCESS_DENIED'],
    ['ExpiredToken', 403, 'R2_ACCESS_DENIED'],
    ['NoSuchBucket', 404, 'R2_NO_SUCH_BUCKET'],
    ['PreconditionFailed', 412, 'R2_PRECONDITION_FAILED'],
  ])('is refused with %s says so', async (code, status, expected) => {
    server.fail(stage, { status, code }, { times: Infinity });
    const error = await rejection(upload());
    expect([error.code, error.message.includes(key), server.objects.size, server.uploads.size]).toEqual([
      expected,
      true,
      0,
      0,
    ]);
  });
});

describe('an upload in parts whose completion', () => {
  it('never answers, but took effect, is done: the object is there, with the tag of what was sent', async () => {
    server.fail('complete', 'answerLost', { times: Infinity });
    expect(await inParts({}, { maxAttempts: 1 })).toMatchObject({ key, size: bytes.length });
    expect(stored()).toBe(true);
  });

  it('never answers is not done when another object is there', async () => {
    server.fail('complete', 'cutReceived', { times: Infinity });
    server.store(key, Buffer.from('old'));
    expect((await rejection(inParts({}, { maxAttempts: 1 }))).code).toBe('R2_FAILED');
    expect([server.objects.get(key)?.bytes.toString(), server.uploads.size]).toEqual(['old', 0]);
  });
});

describe('an upload whose content is damaged on its way', () => {
  it('in one request is refused by the server', async () => {
    server.fail('put', { damage: 'request' }, { times: Infinity });
    expect([(await rejection(inOne())).code, server.objects.size]).toEqual(['R2_CHECKSUM_MISMATCH', 0]);
  });

  it('in a part is sent again', async () => {
    server.fail('part', { damage: 'request' }, { times: 2 });
    await inParts();
    expect([stored(), server.seen.filter((stage) => stage === 'part').length]).toEqual([true, 5]);
  });

  it('in a part every time is given up', async () => {
    server.fail('part', { damage: 'request' }, { times: Infinity });
    expect((await rejection(inParts())).code).toBe('R2_CHECKSUM_MISMATCH');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });

  it('as a stream, which has no MD5 before it ends, is not reported as done', async () => {
    server.fail('put', { damage: 'request' });
    const body = new Blob([bytes]).stream();
    const upload = client().uploadFile({ bucket, key, body, contentLength: bytes.length });
    expect((await rejection(upload)).code).toBe('R2_CHECKSUM_MISMATCH');
  });

  it.each(['hex', 'base64'] as const)('is compared with the MD5 that the caller knows, in %s', async (encoding) => {
    const known = Buffer.from(md5, 'hex').toString(encoding);
    const other = createHash('md5').digest(encoding);
    await inOne({ md5: known });
    await inParts({ md5: known });
    server.objects.clear();
    expect((await rejection(inOne({ md5: other }))).code).toBe('R2_CHECKSUM_MISMATCH');
    expect((await rejection(inParts({ md5: other }))).code).toBe('R2_CHECKSUM_MISMATCH');
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });
});

describe('the signal', () => {
  it.each(['put', 'create', 'part'] as const)(
    'ends an upload during its %s request, and no part stays',
    async (stage) => {
      const controller = new AbortController();
      const reason = new Error('the user left');
      server.onRequest = (seen) => {
        if (seen === stage) setImmediate(() => controller.abort(reason));
      };
      if (stage !== 'create') server.fail(stage, 'silence', { times: Infinity });
      const error = await rejection((stage === 'put' ? inOne : inParts)({ signal: controller.signal }));
      expect([error.code, error.cause]).toEqual(['R2_ABORTED', reason]);
      expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
      if (stage !== 'put') expect(server.seen.at(-1)).toBe('abort');
    },
  );

  it('ends an upload whose source does not go on', async () => {
    const controller = new AbortController();
    let cancelled = false;
    const body = new ReadableStream({
      start: (stream) => stream.enqueue(bytes),
      cancel: () => void (cancelled = true),
    });
    server.onRequest = (stage) => {
      if (stage === 'part') setImmediate(() => controller.abort());
    };
    expect((await rejection(inParts({ body, signal: controller.signal }))).code).toBe('R2_ABORTED');
    expect([cancelled, server.uploads.size]).toEqual([true, 0]);
  });

  it('no longer ends an upload whose completion was sent', async () => {
    const controller = new AbortController();
    server.onRequest = (stage) => {
      if (stage === 'complete') controller.abort();
    };
    await inParts({ signal: controller.signal });
    expect(stored()).toBe(true);
  });

  it('sends nothing when it has fired before', async () => {
    const signal = AbortSignal.abort();
    expect((await rejection(inParts({ signal }))).code).toBe('R2_ABORTED');
    expect((await rejection(inOne({ signal }))).code).toBe('R2_ABORTED');
    expect(server.seen).toEqual([]);
  });
});

describe('a resumed upload', () => {
  async function interrupted(): Promise<R2UploadCheckpoint> {
    const checkpoints: R2UploadCheckpoint[] = [];
    server.fail('part', { status: 403, code: 'ExpiredToken' }, { skip: 1, times: Infinity });
    const upload = inParts({ keepOnFailure: true, concurrency: 1, onCheckpoint: (each) => checkpoints.push(each) });
    expect((await rejection(upload)).code).toBe('R2_ACCESS_DENIED');
    const last = JSON.parse(JSON.stringify(checkpoints.at(-1))) as R2UploadCheckpoint;
    expect(last).toMatchObject({ partSizeBytes: PART, parts: [{ partNumber: 1, size: PART }] });
    const uploads = new Map(server.uploads);
    server.reset();
    for (const [id, parts] of uploads) server.uploads.set(id, parts);
    return last;
  }

  it.each([
    ['the server lists', true, false],
    ['the server lists, with tags that say nothing', true, true],
    ['the checkpoint names, where the server cannot list', false, false],
  ])('sends only what is missing of the parts that %s', async (_name, canListParts, opaque) => {
    const resume = await interrupted();
    server.canListParts = canListParts;
    server.opaqueParts = opaque;
    const progress: number[] = [];
    await inParts({ resume, onProgress: ({ loaded }) => progress.push(loaded) });
    expect([stored(), server.uploads.size, progress.at(-1)]).toEqual([true, 0, bytes.length]);
    expect(server.seen.filter((stage) => stage === 'part')).toHaveLength(2);
  });

  it('sends again the part of another content', async () => {
    const resume = await interrupted();
    const parts = server.uploads.get(resume.uploadId)!;
    const other = Buffer.alloc(PART);
    parts.set(1, { bytes: other, etag: createHash('md5').update(other).digest('hex') });
    await inParts({ resume });
    expect([stored(), server.seen.filter((stage) => stage === 'part').length]).toEqual([true, 3]);
  });

  it.each([
    ['the tag', false],
    ['the checkpoint, where the tags say nothing', true],
  ])('sends every part of another content of the same size, told by %s', async (_name, opaque) => {
    server.opaqueParts = opaque;
    const resume = await interrupted();
    server.opaqueParts = opaque;
    const other = bytes.map((byte) => byte ^ 1);
    await inParts({ resume, body: new Blob([other]) });
    expect(Buffer.compare(server.objects.get(key)!.bytes, other)).toBe(0);
    expect(server.seen.filter((stage) => stage === 'part')).toHaveLength(3);
  });

  it('sends again what neither the tag nor the checkpoint says anything of', async () => {
    const { uploadId, partSizeBytes } = await interrupted();
    server.opaqueParts = true;
    const parts = server.uploads.get(uploadId)!;
    parts.set(1, { bytes: Buffer.alloc(PART), etag: 'opaque' });
    await inParts({ resume: { uploadId, partSizeBytes } });
    expect([stored(), server.seen.filter((stage) => stage === 'part').length]).toEqual([true, 3]);
  });

  it('refuses another size of parts, and leaves the upload as it is', async () => {
    const resume = await interrupted();
    expect((await rejection(inParts({ resume, partSizeBytes: 6 * MIB }))).code).toBe('INVALID_OPTION');
    const other = { ...resume, partSizeBytes: 6 * MIB };
    server.uploads.get(resume.uploadId)!.set(2, { bytes: Buffer.alloc(PART), etag: 'x' });
    expect((await rejection(inParts({ resume: other, partSizeBytes: undefined }))).code).toBe('INVALID_OPTION');
    expect(server.uploads.size).toBe(1);
  });

  it('says that the upload is not there any more', async () => {
    const resume = { uploadId: 'unknown', partSizeBytes: PART };
    expect((await rejection(inParts({ resume }))).code).toBe('R2_NO_SUCH_UPLOAD');
  });
});

describe('conditions of an upload in parts', () => {
  it.each([
    ['ifNoneMatch * where there is an object', { ifNoneMatch: '*' as const }, true],
    ['ifMatch with another tag', { ifMatch: 'other' }, true],
    ['ifMatch where there is no object', { ifMatch: 'other' }, false],
  ])('%s fail before a byte is sent', async (_name, condition, exists) => {
    if (exists) server.store(key, Buffer.from('old'));
    expect((await rejection(inParts(condition))).code).toBe('R2_PRECONDITION_FAILED');
    expect(server.seen).toEqual(['head']);
  });

  it('see an object that came meanwhile, and leave it', async () => {
    server.onRequest = (stage) => {
      if (stage === 'part') server.store(key, Buffer.from('new'));
    };
    expect((await rejection(inParts({ ifNoneMatch: '*' }))).code).toBe('R2_PRECONDITION_FAILED');
    expect([server.objects.get(key)?.bytes.toString(), server.uploads.size]).toEqual(['new', 0]);
  });

  it('go along with the completion, and are left out where the server does not know them there', async () => {
    server.fail('complete', { status: 501, code: 'NotImplemented' });
    await inParts({ ifNoneMatch: '*' });
    const sent = server.headers.filter((_, index) => server.seen[index] === 'complete');
    expect(sent.map((headers) => headers['if-none-match'])).toEqual(['*', undefined]);
    expect(stored()).toBe(true);
  });
});

describe('progress and concurrency', () => {
  it.each([
    ['in one request', inOne],
    ['in parts', inParts],
  ])('are told %s, never falling, to the end, also over a failed attempt', async (_name, upload) => {
    server.fail('put', 'cutReceived');
    server.fail('part', 'cutReceived');
    const seen: { loaded: number; total: number | null }[] = [];
    await upload({ onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ loaded }) => loaded)).toEqual(seen.map(({ loaded }) => loaded).sort((a, b) => a - b));
    expect(seen.at(-1)).toEqual({ loaded: bytes.length, total: bytes.length });
    expect(seen.length).toBeGreaterThan(3);
  });

  it('survive callbacks that throw', async () => {
    const fail = (): never => {
      throw new Error('callback');
    };
    await inParts({ onProgress: fail, onCheckpoint: fail });
    expect(stored()).toBe(true);
  });

  it.each([1, 2])('keep to %d parts at a time', async (concurrency) => {
    await inParts({ concurrency });
    expect(server.mostPartsInFlight).toBe(concurrency);
  });
});

describe('a Blob that cannot be read any more', () => {
  it.each([
    ['in one request', 1024],
    ['in parts', PART + 1],
  ])('%s is an error with a code, and nothing is stored', async (_name, size) => {
    const gone = new Error('The file was removed.');
    const body = new Blob([new Uint8Array(size)]);
    body.stream = () => new ReadableStream({ pull: (stream) => stream.error(gone) });
    const error = await rejection(inParts({ body }));
    expect([error.code, error.cause]).toEqual(['R2_FAILED', gone]);
    expect([server.objects.size, server.uploads.size]).toEqual([0, 0]);
  });
});

describe('a store whose caller gives up while it begins an upload', () => {
  it('leaves no upload behind', async () => {
    const controller = new AbortController();
    const reason = new Error('the viewer left');
    server.onRequest = (stage) => {
      if (stage === 'create') controller.abort(reason);
    };
    const store = internalsOf(client()).storeOf(bucket);
    const headers = { contentType: 'video/mp4', metadata: {} };
    const error = await rejection(store.createUpload({ bucket, key, headers, signal: controller.signal }));
    expect([error.code, error.cause]).toEqual(['R2_ABORTED', reason]);
    expect([server.seen, server.uploads.size]).toEqual([['create', 'abort'], 0]);
    await rejection(store.createUpload({ bucket, key, headers, signal: controller.signal }));
    expect(server.seen).toHaveLength(2);
  });
});
