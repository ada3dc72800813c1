import type { CloudflareClientError } from '../../../../src/errors.js';
import { replicate } from '../../../../src/clients/r2/replicate/replicate.js';
import type { ReplicateOptions } from '../../../../src/clients/r2/replicate/replicate-options.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { FrontRequest } from '../../../support/s3-front.js';
import { startFaultServer, status } from '../fault-server.js';
import { BUCKET, clientOf, contents, memoryCheckpoint, OTHER_BUCKET, startSide, type Side } from './two-servers.js';

const MIB = 1024 * 1024;

let source: Side;
let target: Side;

beforeAll(async () => {
  [source, target] = await Promise.all([startSide(), startSide()]);
});
beforeEach(() => Promise.all([source.clear(), target.clear()]));
afterAll(() => Promise.all([source.front.stop(), target.front.stop()]));

function run(options: Partial<ReplicateOptions> = {}) {
  return replicate({
    from: { client: source.client, bucket: BUCKET },
    to: { client: target.client, bucket: BUCKET },
    ...options,
  });
}

async function putMany(side: Side, count: number): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `k${String(index).padStart(3, '0')}`);
  await Promise.all(keys.map((key) => side.put(key, `content of ${key}`)));
  side.front.reset();
  return keys;
}

const is =
  (operation: string, key?: string) =>
  (request: FrontRequest): boolean =>
    request.operation === operation && (key === undefined || request.key === key);

async function rejection(work: Promise<unknown>): Promise<CloudflareClientError> {
  return work.then(
    () => Promise.reject(new Error('It did not fail.')),
    (error: unknown) => error as CloudflareClientError,
  );
}

describe('a fault of one object', () => {
  it.each([
    ['small, held in memory', 300_000],
    ['streamed', 3 * MIB],
  ])('at the source is tried again: a body cut in the middle (%s)', async (_, bytes) => {
    const etag = await source.put('a', new Uint8Array(bytes).fill(7));
    source.front.fault(is('GetObject'), { cut: 'response', afterBytes: 100_000 });
    expect(await run()).toMatchObject({ complete: true, copied: { objects: 1, bytes } });
    expect((await target.head('a'))?.etag).toBe(etag);
  });

  it.each([
    [500, 'InternalError'],
    [503, 'SlowDown'],
    [429, 'TooManyRequests'],
  ])('at the destination is tried again: HTTP %i %s', async (status, code) => {
    await source.put('a', 'x');
    await source.put('big', new Uint8Array(3 * MIB));
    for (const key of ['a', 'big']) target.front.fault(is('PutObject', key), { status, code });
    expect(await run({ verify: true })).toMatchObject({ complete: true, copied: { objects: 2 } });
  });

  it('in a part of an object is tried again by itself', async () => {
    await putInParts(source, 'video', 2 * 5 * MIB + 7);
    target.front.reset();
    target.front.fault(({ operation, params }) => operation === 'UploadPart' && params.get('partNumber') === '2', {
      cut: 'request',
      afterBytes: MIB,
    });
    source.front.fault(({ headers }) => headers['range']?.startsWith('bytes=0-') === true, {
      cut: 'response',
      afterBytes: MIB,
    });
    expect(await run({ verify: true })).toMatchObject({ complete: true, copied: { objects: 1 } });
    expect((await target.head('video'))?.etag).toBe((await source.head('video'))?.etag);
    expect(target.front.count('UploadPart')).toBeLessThanOrEqual(5);
  });

  it('that stays leaves no upload behind, and no object', async () => {
    await putInParts(source, 'video', 2 * 5 * MIB + 7);
    target.front.fault(is('UploadPart'), { status: 403, code: 'AccessDenied' }, 99);
    const report = await run();
    expect(report.failures).toMatchObject([{ key: 'video', operation: 'copy', code: 'R2_ACCESS_DENIED' }]);
    expect(target.front.pending(BUCKET)).toEqual([]);
    expect(await target.list()).toEqual([]);
  });

  it('that stays is reported with its code, and the rest goes on', async () => {
    await putMany(source, 20);
    source.front.fault(is('GetObject', 'k003'), { status: 403, code: 'AccessDenied' }, 99);
    target.front.fault(is('PutObject', 'k011'), { status: 500 }, 99);
    const report = await run({ verify: true });
    expect(report).toMatchObject({ complete: false, copied: { objects: 18 }, stopped: false });
    expect(report.failures.map(({ key, code }) => [key, code]).sort()).toEqual([
      ['k003', 'R2_ACCESS_DENIED'],
      ['k011', 'R2_FAILED'],
    ]);
    expect(report.verification).toMatchObject({
      missing: 2,
      mismatches: [
        { key: 'k003', reason: 'missing' },
        { key: 'k011', reason: 'missing' },
      ],
    });
  });

  it('is one of the key that no URL can carry, and of one that becomes too long', async () => {
    const long = 'l'.repeat(1020);
    await source.put(long, 'x');
    await source.put('fine', 'x');
    const report = await run({ to: { client: target.client, bucket: BUCKET, prefix: 'longer/' } });
    expect(report).toMatchObject({ copied: { objects: 1 }, failures: [{ key: long, code: 'INVALID_KEY' }] });
  });

  it('ends it when there are too many of them', async () => {
    await putMany(source, 60);
    target.front.fault(is('PutObject'), { status: 403, code: 'AccessDenied' }, 999);
    const report = await run({ maxFailures: 5, concurrency: 4, verify: true, deleteExtraneous: true });
    expect(report).toMatchObject({ complete: false, stopped: true, verification: null, deleted: 0 });
    expect(report.failures.length).toBeLessThan(12);
  });
});

describe('an object that changes while it is copied', () => {
  it('is copied as it is then', async () => {
    await source.put('a', 'old');
    const listed = release();
    source.front.fault(is('GetObject', 'a'), { until: listed.promise });
    const work = run({ verify: true });
    await seen(source, 'GetObject');
    await source.put('a', 'newer content');
    listed.resolve();
    expect(await work).toMatchObject({ complete: true, copied: { objects: 1 } });
    expect(await target.text('a')).toBe('newer content');
  });

  it('is reported when it changes again, and never half copied', async () => {
    await source.put('a', 'old');
    source.front.fault(is('GetObject', 'a'), { status: 412, code: 'PreconditionFailed' }, 2);
    const report = await run();
    expect(report.failures).toMatchObject([{ key: 'a', code: 'R2_OBJECT_CHANGED' }]);
    expect(await target.list()).toEqual([]);
  });

  it('is left out when it is deleted', async () => {
    await source.put('a', 'old');
    await source.put('b', 'old');
    const listed = release();
    source.front.fault(is('GetObject', 'a'), { until: listed.promise });
    const work = run();
    await seen(source, 'GetObject');
    await source.client.deleteFile({ bucket: BUCKET, key: 'a' });
    listed.resolve();
    expect(await work).toMatchObject({ complete: true, vanished: 1, copied: { objects: 1 } });
  });
});

describe('what ends a replication', () => {
  it('is a listing that fails, before anything is deleted', async () => {
    await putMany(source, 5);
    await target.put('extra', 'x');
    target.front.reset();
    source.front.fault(is('ListObjectsV2'), { status: 403, code: 'AccessDenied' }, 99);
    expect(await rejection(run({ deleteExtraneous: true }))).toMatchObject({ code: 'R2_ACCESS_DENIED' });
    expect(target.front.count('DeleteObjects')).toBe(0);
    expect(await target.list()).toHaveLength(1);
  });

  it.each([
    [404, 'NoSuchBucket', 'R2_NO_SUCH_BUCKET'],
    [403, 'SignatureDoesNotMatch', 'R2_ACCESS_DENIED'],
    [403, 'ExpiredToken', 'R2_ACCESS_DENIED'],
  ])('is HTTP %i %s to a single object', async (status, name, code) => {
    await putMany(source, 40);
    target.front.fault(is('PutObject'), { status, code: name }, 999);
    expect(await rejection(run({ concurrency: 2 }))).toMatchObject({ code });
    expect(target.front.count('PutObject')).toBeLessThan(6);
  });

  it('is credentials that are wrong', async () => {
    const config = { ...source.front.config, secretAccessKey: 'wrong' };
    const from = { client: new R2Client(config), bucket: BUCKET };
    const failed = await rejection(run({ from }));
    expect(failed.code).toBe('R2_ACCESS_DENIED');
    expect(failed.message).not.toContain('wrong');
  });

  it('is the caller, who gets no half object', async () => {
    await putMany(source, 30);
    const controller = new AbortController();
    const checkpoint = memoryCheckpoint();
    const work = run({
      signal: controller.signal,
      checkpoint,
      concurrency: 3,
      onProgress: ({ totals }) => {
        if (totals.copied.objects === 10) controller.abort('enough');
      },
    });
    expect(await rejection(work)).toMatchObject({ code: 'R2_ABORTED', cause: 'enough' });
    expect((await target.list()).length).toBeLessThan(16);
    expect(await run({ checkpoint })).toMatchObject({ complete: true, resumed: true, source: { objects: 30 } });
  });

  it('is a listing that is not in order: what is missing there may be there', async () => {
    await putMany(source, 3);
    const listing = `<ListBucketResult><Name>${BUCKET}</Name><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>${[
      'k2',
      'k1',
    ]
      .map((key) => `<Contents><Key>${key}</Key><Size>1</Size><ETag>"x"</ETag></Contents>`)
      .join('')}</ListBucketResult>`;
    const server = await startFaultServer();
    server.answer(status(200, listing));
    const from = { client: new R2Client({ ...source.front.config, endpoint: server.endpoint }), bucket: BUCKET };
    expect((await rejection(run({ from, deleteExtraneous: true }))).message).toContain('order');
    await server.stop();
  });
});

describe('a checkpoint', () => {
  it('lets a run that was killed go on where all before is done', async () => {
    const keys = await putMany(source, 100);
    const checkpoint = memoryCheckpoint();
    // Killed: the text of a save in the middle, and nothing after it.
    const killed = memoryCheckpoint();
    await run({
      checkpointObjects: 10,
      concurrency: 4,
      checkpoint: {
        load: () => checkpoint.load(),
        save: async (text) => {
          await checkpoint.save(text);
          const { position, done } = JSON.parse(text) as { position: string | null; done: boolean };
          if (!done && position !== null && position >= 'k050') killed.text ??= text;
        },
      },
    });
    const { position } = JSON.parse(killed.text!) as { position: string };
    const rest = keys.filter((key) => key > position);
    // As if nothing after the save had happened.
    await target.client.deleteFiles({ bucket: BUCKET, keys: rest });
    source.front.reset();
    target.front.reset();
    const report = await run({ checkpoint: killed, verify: true });
    expect(report).toMatchObject({ complete: true, resumed: true, source: { objects: 100 }, copied: { objects: 100 } });
    expect(target.front.count('PutObject')).toBe(rest.length);
    expect(source.front.count('GetObject')).toBe(rest.length);
    expect(source.front.seen[0]?.params.get('start-after')).toBe(position);
    expect(contents(await target.list())).toEqual(contents(await source.list()));
  });

  it('brings keys back that had failed', async () => {
    await putMany(source, 20);
    target.front.fault(is('PutObject', 'k005'), { status: 403, code: 'AccessDenied' }, 1);
    const checkpoint = memoryCheckpoint();
    source.front.fault(({ operation, key }) => operation === 'GetObject' && key === 'k019', {
      status: 404,
      code: 'NoSuchBucket',
    });
    await rejection(run({ checkpoint, concurrency: 1 }));
    expect(JSON.parse(checkpoint.text!)).toMatchObject({ position: 'k018', failures: [{ key: 'k005' }], done: false });
    const report = await run({ checkpoint, verify: true });
    expect(report).toMatchObject({ complete: true, failures: [], source: { objects: 20 }, copied: { objects: 20 } });
  });

  it('is begun anew after a run that ended', async () => {
    await putMany(source, 3);
    const checkpoint = memoryCheckpoint();
    await run({ checkpoint });
    expect(await run({ checkpoint })).toMatchObject({
      resumed: false,
      source: { objects: 3 },
      unchanged: { objects: 3 },
    });
  });

  it.each<[string, Partial<ReplicateOptions>]>([
    ['another prefix', { from: { client: null as never, bucket: BUCKET, prefix: 'a/' } }],
    ['other options', { deleteExtraneous: true }],
  ])('of %s is refused', async (_, options) => {
    await putMany(source, 3);
    const checkpoint = memoryCheckpoint();
    await run({ checkpoint, maxFailures: 1 });
    checkpoint.text = checkpoint.text!.replace('"done":true', '"done":false');
    const from = options.from === undefined ? undefined : { from: { ...options.from, client: source.client } };
    expect(await rejection(run({ checkpoint, ...options, ...from }))).toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each(['', 'null', '{}', '{"format":"codex-replication-1"}', 'x'])('that is none is refused: %s', async (text) => {
    expect(await rejection(run({ checkpoint: memoryCheckpoint(text) }))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(target.front.count()).toBe(0);
  });

  it('that cannot be saved stops nothing', async () => {
    await putMany(source, 3);
    const checkpoint = { load: async () => null, save: () => Promise.reject(new Error('full')) };
    expect(await run({ checkpoint })).toMatchObject({ complete: true, checkpointFailures: 1 });
  });

  it('is saved by time too, by the clock of the client', async () => {
    await putMany(source, 10);
    let time = 0;
    const client = clientOf(target.front, { now: () => Date.now() + (time += 4000) });
    const checkpoint = memoryCheckpoint();
    await run({ to: { client, bucket: BUCKET }, checkpoint, concurrency: 1 });
    expect(checkpoint.saves).toBeGreaterThan(2);
  });
});

describe('the deletion of what is extraneous', () => {
  it('asks the source for each key first: a listing that lacks it is no proof', async () => {
    await putMany(source, 3);
    await putMany(target, 3);
    await target.put('k9', 'extraneous');
    // The object comes to the source after the listing.
    const listed = release();
    source.front.fault(({ operation }) => operation === 'HeadObject', { until: listed.promise });
    const work = run({ deleteExtraneous: true });
    await seen(source, 'HeadObject');
    await source.put('k9', 'new');
    listed.resolve();
    expect(await work).toMatchObject({ deleted: 0 });
    expect(await target.text('k9')).toBe('extraneous');
  });
});

describe('progress', () => {
  it('that throws changes nothing', async () => {
    await putMany(source, 3);
    const report = await run({
      onProgress: () => {
        throw new Error('no');
      },
    });
    expect(report.complete).toBe(true);
  });

  it('with much at a time makes Node warn of no leak', async () => {
    await putMany(source, 60);
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', note);
    await run({ concurrency: 40, signal: new AbortController().signal });
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });

  it('never goes beyond the concurrency', async () => {
    await putMany(source, 40);
    await run({ concurrency: 5 });
    expect(target.front.peak('PutObject')).toBeLessThanOrEqual(5);
    await run({ concurrency: 5, to: { client: source.client, bucket: OTHER_BUCKET } });
    expect(source.front.peak('CopyObject')).toBeLessThanOrEqual(5);
  });
});

function release(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** Until a request of that operation has come. */
async function seen(side: Side, operation: string): Promise<void> {
  while (side.front.count(operation) === 0) await new Promise((resolve) => setImmediate(resolve));
}

async function putInParts(side: Side, key: string, bytes: number): Promise<void> {
  const body = new Blob([new Uint8Array(bytes).map((_, index) => index % 251)]).stream();
  const store = internalsOf(side.client).storeOf(BUCKET);
  const all = new Uint8Array(await new Response(body).arrayBuffer());
  const uploadTarget = { bucket: BUCKET, key };
  const uploadId = await store.createUpload({ ...uploadTarget, headers: { contentType: 'video/mp4', metadata: {} } });
  const parts: { partNumber: number; etag: string }[] = [];
  for (let offset = 0; offset < bytes; offset += 5 * MIB) {
    const part = all.subarray(offset, offset + 5 * MIB);
    const partNumber = parts.length + 1;
    const request = { ...uploadTarget, uploadId, partNumber, body: part, length: part.byteLength };
    parts.push({ partNumber, etag: (await store.uploadPart(request)).etag });
  }
  await store.completeUpload({ ...uploadTarget, uploadId, parts });
}
