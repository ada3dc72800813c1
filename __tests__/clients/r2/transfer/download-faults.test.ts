import { gzipSync } from 'node:zlib';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2ClientOptions } from '../../../../src/clients/r2/r2-config.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import { S3Store } from '../../../../src/clients/r2/store/s3-store.js';
import type { StoreRead } from '../../../../src/clients/r2/store/object-store.js';
import type { R2DownloadOptions } from '../../../../src/clients/r2/transfer/download-options.js';
import { ProgressMeter } from '../../../../src/clients/r2/transfer/progress.js';
import { resumingBody } from '../../../../src/clients/r2/transfer/resuming-body.js';
import { serveFile } from '../../../../src/clients/r2/transfer/serve-file.js';
import { startFaultServer, status } from '../fault-server.js';
import { FaultyS3, type Fault } from './faulty-s3.js';

const bucket = 'media';
const key = 'a/video.mp4';
const content = Buffer.alloc(400_000, 'abcdefg');
const server = new FaultyS3();

beforeAll(() => server.start());
afterAll(() => server.stop());
beforeEach(() => {
  server.reset();
  server.store(key, content);
});

function client(options: R2ClientOptions = {}): R2Client {
  const config = { accountId: 'acc', accessKeyId: 'AKID', secretAccessKey: 'secret', endpoint: server.endpoint };
  return new R2Client(config, { wait: () => Promise.resolve(), timeoutMs: 200, ...options });
}

async function read(more: Partial<R2DownloadOptions> = {}, options: R2ClientOptions = {}): Promise<Buffer> {
  const file = await client(options).downloadFile({ bucket, key, ...more });
  return Buffer.from(await file!.arrayBuffer());
}

async function rejection(work: Promise<unknown>): Promise<Error & { code: string }> {
  return work.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: unknown) => error as Error & { code: string },
  );
}

const faults: readonly (readonly [string, Fault])[] = [
  ['is cut before its answer', 'cutBefore'],
  ['is cut within its content', 'cutBody'],
  ['stalls within its content', 'stallBody'],
  ['gets no answer', 'silence'],
  ['is answered with 500', { status: 500 }],
  ['is answered with 503 and Retry-After', { status: 503, code: 'SlowDown', headers: { 'retry-after': '0' } }],
  ['is answered with 429 and Retry-After', { status: 429, code: 'TooManyRequests', headers: { 'retry-after': '0' } }],
];

describe('a download that', () => {
  it.each(faults)('%s, once, arrives whole', async (_name, fault) => {
    server.fail('get', fault);
    const progress: number[] = [];
    expect((await read({ onProgress: ({ loaded }) => progress.push(loaded) })).equals(content)).toBe(true);
    expect(progress.at(-1)).toBe(content.length);
  });

  it.each(faults)('%s, always, fails with a code and its key', async (_name, fault) => {
    server.fail('get', fault, { times: Infinity });
    const error = await rejection(read({}, { maxAttempts: 2 }));
    expect(error.code).toMatch(/^R2_(?:FAILED|TIMEOUT|RATE_LIMITED)$/);
    expect(error.message).toContain(`${bucket}/${key}`);
  });

  it('breaks off asks for what is missing, of the same version', async () => {
    server.fail('get', 'cutBody', { times: 2 });
    expect((await read()).equals(content)).toBe(true);
    const [first, second, third] = server.headers.map(({ range, 'if-match': ifMatch }) => [range, ifMatch]);
    const etag = `"${server.objects.get(key)!.etag}"`;
    expect([first, second, third]).toEqual([
      [undefined, undefined],
      [`bytes=200000-399999`, etag],
      [`bytes=300000-399999`, etag],
    ]);
  });

  it.each([
    ['the middle', { offset: 1000, length: 100_000 }, content.subarray(1000, 101_000)],
    ['the end', { offset: 390_001 }, content.subarray(390_001)],
  ])('breaks off within a range in %s arrives whole', async (_name, range, expected) => {
    server.fail('get', 'cutBody');
    expect((await read({ range: { length: 400_000 - range.offset, ...range } })).equals(expected)).toBe(true);
  });

  it('breaks off and finds another object never mixes the two', async () => {
    server.fail('get', 'cutBody');
    const file = await client().downloadFile({ bucket, key });
    server.store(key, Buffer.alloc(400_000, 'x'));
    expect((await rejection(file!.arrayBuffer())).code).toBe('R2_OBJECT_CHANGED');
    server.fail('get', 'cutBody');
    const other = await client().downloadFile({ bucket, key });
    server.objects.delete(key);
    expect((await rejection(other!.arrayBuffer())).code).toBe('R2_OBJECT_CHANGED');
  });

  it('waits longer from attempt to attempt, and is given up', async () => {
    server.fail('get', 'cutBody', { times: Infinity });
    const waits: number[] = [];
    const wait = (milliseconds: number): Promise<void> => Promise.resolve(void waits.push(milliseconds));
    expect((await rejection(read({}, { maxAttempts: 4, wait }))).message).toContain('given up after 4 attempts');
    expect(waits).toEqual([200, 400, 800]);
  });

  it('is damaged on its way is not taken for the object', async () => {
    server.fail('get', { damage: 'answer' }, { times: 2 });
    expect((await rejection(read())).code).toBe('R2_CHECKSUM_MISMATCH');
    expect((await read({ verify: false })).length).toBe(content.length);
  });

  it.each([
    ['AccessDenied', 403, 'R2_ACCESS_DENIED'],
    ['ExpiredToken', 403, 'R2_ACCESS_DENIED'],
    ['InvalidAccessKeyId', 403, 'R2_ACCESS_DENIED'],
    ['NoSuchBucket', 404, 'R2_NO_SUCH_BUCKET'],
    ['PreconditionFailed', 412, 'R2_PRECONDITION_FAILED'],
    ['InvalidRange', 416, 'R2_RANGE_NOT_SATISFIABLE'],
  ])('is refused with %s says so', async (code, status, expected) => {
    server.fail('get', { status, code }, { times: Infinity });
    const error = await rejection(read());
    expect([error.code, error.message.includes(`${bucket}/${key}`)]).toEqual([expected, true]);
  });

  it('expires while it is resumed says so', async () => {
    server.fail('get', 'cutBody');
    server.fail('get', { status: 403, code: 'ExpiredToken' }, { times: Infinity });
    expect((await rejection(read())).code).toBe('R2_ACCESS_DENIED');
  });

  it('is aborted while it waits for its next attempt ends at once', async () => {
    const controller = new AbortController();
    const reason = new Error('the viewer left');
    server.fail('get', 'cutBody', { times: Infinity });
    const wait = (): Promise<void> => {
      controller.abort(reason);
      return new Promise(() => undefined);
    };
    const error = await rejection(read({ signal: controller.signal }, { wait }));
    expect([error.code, error.cause]).toEqual(['R2_ABORTED', reason]);
  });
});

describe('a download that its reader cancels', () => {
  it('while it waits for its next attempt sends no other', async () => {
    server.fail('get', 'cutBody');
    let go: () => void = () => undefined;
    const waiting = new Promise<void>((begun) => (go = begun));
    let proceed: () => void = () => undefined;
    const wait = (): Promise<void> => {
      go();
      return new Promise((resolve) => (proceed = resolve));
    };
    const file = await client({ wait }).downloadFile({ bucket, key });
    const reader = file!.body.getReader();
    const reading = (async () => {
      while (!(await reader.read()).done);
    })();
    await waiting;
    await reader.cancel();
    proceed();
    await reading;
    await new Promise((resolve) => setImmediate(resolve));
    expect(server.seen).toEqual(['get']);
  });

  it('while the rest is asked for lets go of the answer', async () => {
    let cancelled: unknown = null;
    let answer: (read: StoreRead) => void = () => undefined;
    const store = new S3Store(internalsOf(client()).connection);
    const asked = new Promise<void>((resolve) => {
      store.get = () => {
        resolve();
        return new Promise((found) => (answer = found));
      };
    });
    const source = {
      ...{ store, bucket, key, etag: 'e', range: { offset: 0, length: 4 }, signal: undefined, maxAttempts: 1 },
      ...{ wait: () => Promise.resolve(), progress: new ProgressMeter(undefined, 4), md5: null },
    };
    const reader = resumingBody(source, null).getReader();
    const reading = reader.read();
    await asked;
    await reader.cancel();
    await reading;
    const body = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = 'cancelled') });
    const info = { key, etag: 'e', size: 4, contentType: 'a/b', metadata: {}, lastModified: new Date(0) };
    answer({ status: 'found', info, range: { offset: 0, length: 4 }, body });
    await new Promise((resolve) => setImmediate(resolve));
    expect(cancelled).toBe('cancelled');
  });
});

describe('a range of an object that is stored encoded', () => {
  it.each(['gzip', 'br', 'deflate'])(
    'is refused for %s: fetch decodes it, and makes rubbish of it',
    async (encoding) => {
      const encoded = gzipSync(Buffer.alloc(3_000, 'abcdefgh'));
      const http = await startFaultServer();
      http.answer(
        status(206, encoded.subarray(0, 20).toString('latin1'), {
          'content-encoding': encoding,
          'content-range': `bytes 0-19/${encoded.length}`,
          etag: '"e"',
        }),
      );
      const config = { accountId: 'acc', accessKeyId: 'AKID', secretAccessKey: 'secret', endpoint: http.endpoint };
      const reading = new R2Client(config).downloadFile({ bucket, key, range: { offset: 0, length: 20 } });
      const error = await rejection(reading);
      expect(error.code).toBe('R2_NOT_SUPPORTED');
      expect(error.message).toContain(`${bucket}/${key}`);
      await http.stop();
    },
  );
});

describe('what is served', () => {
  it('is resumed, and its end is an error when the object changed', async () => {
    const request = new Request('http://app.example/', { headers: { range: 'bytes=100000-299999' } });
    server.fail('get', 'cutBody');
    const whole = await serveFile(client(), { bucket, key }, request);
    expect(Buffer.from(await whole.arrayBuffer()).equals(content.subarray(100_000, 300_000))).toBe(true);
    server.fail('get', 'cutBody');
    const broken = await serveFile(client(), { bucket, key }, request);
    server.store(key, Buffer.alloc(400_000, 'x'));
    expect((await rejection(broken.arrayBuffer())).code).toBe('R2_OBJECT_CHANGED');
  });

  it('is read no further when the client leaves', async () => {
    server.store('large', Buffer.alloc(8_000_000));
    const response = await serveFile(client(), { bucket, key: 'large' }, new Request('http://app.example/'));
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(server.seen).toEqual(['get']);
  });
});
