import { replicate } from '../../../../src/clients/r2/replicate/replicate.js';
import type { ReplicateOptions } from '../../../../src/clients/r2/replicate/replicate-options.js';
import { internalsOf } from '../../../../src/clients/r2/r2-internals.js';
import type { ReplicationProgress } from '../../../../src/clients/r2/replicate/replication-report.js';
import { BUCKET, contents, OTHER_BUCKET, startSide, type Side } from './two-servers.js';

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

async function putMany(
  side: Side,
  keys: readonly string[],
  text = (key: string) => `content of ${key}`,
): Promise<void> {
  for (const key of keys) await side.put(key, text(key));
}

describe('replicate', () => {
  it('copies what is missing and what differs, and leaves the rest', async () => {
    await putMany(source, ['a', 'b/1', 'b/2', 'ü +%/x', 'z']);
    await putMany(target, ['a']);
    await target.put('b/2', 'older');
    await target.put('only-here', 'x');
    const events: ReplicationProgress[] = [];
    const report = await run({ verify: true, onProgress: (event) => events.push(event) });
    expect(report).toMatchObject({
      complete: true,
      source: { objects: 5 },
      copied: { objects: 4 },
      unchanged: { objects: 1 },
      extraneous: 1,
      deleted: 0,
      failures: [],
      verification: { same: { objects: 5 }, missing: 0, different: 0, extraneous: 1 },
    });
    expect(contents((await target.list()).filter(({ key }) => key !== 'only-here'))).toEqual(
      contents(await source.list()),
    );
    expect(events.map(({ type, key }) => `${type} ${key}`).sort()).toEqual(
      ['copied b/1', 'copied b/2', 'copied z', 'copied ü +%/x', 'unchanged a'].sort(),
    );
    expect(events.at(-1)?.totals.copied.objects).toBe(4);
  });

  it('moves nothing the second time, for two lists', async () => {
    await putMany(source, ['a', 'b', 'c']);
    await run();
    target.front.reset();
    source.front.reset();
    expect(await run()).toMatchObject({ complete: true, copied: { objects: 0 }, unchanged: { objects: 3, bytes: 36 } });
    expect([source.front.count(), target.front.count()]).toEqual([1, 1]);
  });

  it('keeps content type, headers, metadata and storage class', async () => {
    const headers = {
      contentType: 'video/mp4',
      cacheControl: 'max-age=60',
      contentDisposition: 'attachment; filename="a.mp4"',
      contentEncoding: 'identity',
      contentLanguage: 'de',
      metadata: { title: 'Grüße', n: '1' },
    };
    await source.put('a', 'x', headers);
    await run();
    await run({ to: { client: source.client, bucket: OTHER_BUCKET } });
    const expected = await source.head('a');
    for (const copy of [await target.head('a'), await source.head('a', OTHER_BUCKET)]) {
      expect({ ...copy, lastModified: null }).toEqual({ ...expected, lastModified: null });
    }
  });

  it('maps one prefix to another', async () => {
    await putMany(source, ['c1/hls/a', 'c1/hls/b', 'c10/hls/x']);
    await run({
      from: { client: source.client, bucket: BUCKET, prefix: 'c1/' },
      to: { client: target.client, bucket: BUCKET, prefix: 'backup/c1/' },
    });
    expect((await target.list()).map(({ key }) => key)).toEqual(['backup/c1/hls/a', 'backup/c1/hls/b']);
  });

  it('copies on the server between buckets of one account: one request an object', async () => {
    const keys = Array.from({ length: 30 }, (_, index) => `k${index}`);
    await putMany(source, keys);
    source.front.reset();
    const report = await run({ to: { client: source.client, bucket: OTHER_BUCKET } });
    expect(report).toMatchObject({ complete: true, copied: { objects: 30 } });
    expect(source.front.count('CopyObject')).toBe(30);
    expect(source.front.count()).toBe(32);
    expect(contents(await source.list(OTHER_BUCKET))).toEqual(contents(await source.list()));
  });

  it('streams between accounts: two requests an object', async () => {
    await putMany(source, ['a', 'b', 'c']);
    source.front.reset();
    await run();
    expect([source.front.count('GetObject'), source.front.count()]).toEqual([3, 4]);
    expect([target.front.count('PutObject'), target.front.count()]).toEqual([3, 4]);
    const put = target.front.seen.find(({ operation }) => operation === 'PutObject');
    expect(put?.headers['content-md5']).toBeDefined();
  });

  it('streams what is read and written only when the server cannot copy', async () => {
    await putMany(source, ['a']);
    source.front.fault(({ operation }) => operation === 'CopyObject', { status: 501, code: 'NotImplemented' }, 9);
    const report = await run({ to: { client: source.client, bucket: OTHER_BUCKET } });
    expect(report).toMatchObject({ complete: true, copied: { objects: 1 } });
  });

  it('streams a large object in one go, so that its tag stays', async () => {
    const etag = await source.put('big', pattern(7 * MIB));
    await run();
    expect((await target.head('big'))?.etag).toBe(etag);
    expect(target.front.count('CreateMultipartUpload')).toBe(0);
  });

  it.each([5, 6, 8])('cuts an object that was stored in parts of %i MiB alike, so that its tag stays', async (mib) => {
    const etag = await putInParts(source, 'video', pattern(2 * mib * MIB + 1000), mib * MIB);
    const report = await run({ verify: true });
    expect(report).toMatchObject({ complete: true, copied: { objects: 1 } });
    const copy = await target.head('video');
    expect(copy).toMatchObject({ size: 2 * mib * MIB + 1000, contentType: 'video/mp4' });
    // Parts of 6 MiB are taken for a common size only if none is closer.
    if (mib !== 6) expect(copy?.etag).toBe(etag);
    expect(copy?.metadata['codex-replicated-from']).toBe(`${etag}:${2 * mib * MIB + 1000}`);
    expect(await run()).toMatchObject({ unchanged: { objects: 1 } });
    expect(target.front.pending(BUCKET)).toEqual([]);
  });

  it('knows its own copy by the marker when the tags cannot agree', async () => {
    await putInParts(source, 'video', pattern(11 * MIB), 6 * MIB);
    await run({ to: { client: source.client, bucket: OTHER_BUCKET } });
    const [copy, original] = [await source.head('video', OTHER_BUCKET), await source.head('video')];
    expect(copy?.etag).not.toBe(original?.etag);
    const again = await run({ to: { client: source.client, bucket: OTHER_BUCKET }, verify: true });
    expect(again).toMatchObject({ complete: true, unchanged: { objects: 1 }, copied: { objects: 0 } });
    // Another video of the same size is another object, marker or not.
    await putInParts(source, 'video', pattern(11 * MIB, 3), 6 * MIB);
    expect(await run({ to: { client: source.client, bucket: OTHER_BUCKET } })).toMatchObject({
      copied: { objects: 1 },
    });
  });

  it('goes in the order of bytes, beyond U+FFFF too', async () => {
    const keys = ['a\ufb01', 'a\u{1f600}', 'a\ud7ff', 'a!', 'a', 'a/'];
    await putMany(source, keys);
    await putMany(target, ['a\u{1f600}', 'a\ufb01x']);
    const report = await run({ deleteExtraneous: true, verify: true });
    expect(report).toMatchObject({ complete: true, copied: { objects: 5 }, unchanged: { objects: 1 }, deleted: 1 });
  });
});

describe('replicate, by option', () => {
  it('changes nothing in a dry run', async () => {
    await putMany(source, ['a', 'b']);
    await putMany(target, ['b', 'c']);
    target.front.reset();
    const report = await run({ dryRun: true, deleteExtraneous: true, verify: true });
    expect(report).toMatchObject({ dryRun: true, copied: { objects: 1, bytes: 12 }, extraneous: 1, deleted: 0 });
    expect((await target.list()).map(({ key }) => key)).toEqual(['b', 'c']);
    expect(target.front.seen.every(({ method }) => method === 'GET' || method === 'HEAD')).toBe(true);
  });

  it('deletes what is extraneous, when told to', async () => {
    await putMany(source, ['a', 'm']);
    await putMany(target, ['a', 'b', 'x', 'z']);
    const report = await run({ deleteExtraneous: true, verify: true });
    expect(report).toMatchObject({ complete: true, extraneous: 3, deleted: 3 });
    expect(contents(await target.list())).toEqual(contents(await source.list()));
    expect(target.front.count('DeleteObjects')).toBe(1);
  });

  it('deletes nothing for an empty source, unless told so', async () => {
    await putMany(target, ['a', 'b']);
    const refused = await run({ deleteExtraneous: true });
    expect(refused).toMatchObject({ complete: false, deletionRefused: true, deleted: 0, extraneous: 2 });
    expect(await target.list()).toHaveLength(2);
    const meant = await run({ deleteExtraneous: true, allowEmptySource: true });
    expect(meant).toMatchObject({ complete: true, deletionRefused: false, deleted: 2 });
    expect(await target.list()).toEqual([]);
  });

  it('leaves alone what is newer at the destination', async () => {
    await source.put('a', 'old');
    await source.put('b', 'old');
    const { lastModified } = (await source.head('a'))!;
    do await target.put('a', 'new');
    while ((await target.head('a'))!.lastModified <= lastModified);
    const report = await run({ keepNewer: true });
    expect(report).toMatchObject({ keptNewer: 1, copied: { objects: 1 } });
    expect([await target.text('a'), await target.text('b')]).toEqual(['new', 'old']);
    await run();
    expect(await target.text('a')).toBe('old');
  });

  it.each<[string, Partial<ReplicateOptions>]>([
    ['concurrency 0', { concurrency: 0 }],
    ['concurrency 257', { concurrency: 257 }],
    ['a flag that is no flag', { verify: 'yes' as unknown as boolean }],
    ['a checkpoint that cannot be saved', { checkpoint: { load: async () => null } as never }],
  ])('refuses %s', async (_, options) => {
    await expect(run(options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(source.front.count()).toBe(0);
  });

  it('refuses to copy a bucket into itself, and a prefix that does not end in a slash', async () => {
    const { client } = source;
    const inside = { client, bucket: BUCKET, prefix: 'a/' };
    await expect(run({ to: inside })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(run({ to: { ...inside, prefix: 'a' } })).rejects.toMatchObject({ code: 'INVALID_PREFIX' });
    const apart = { from: inside, to: { ...inside, prefix: 'b/' } };
    await source.put('a/x', '1');
    expect(await run(apart)).toMatchObject({ complete: true, copied: { objects: 1 } });
  });
});

function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index += 512) bytes[index] = (index / 512 + seed) % 251;
  return bytes;
}

async function putInParts(side: Side, key: string, bytes: Uint8Array, partBytes: number): Promise<string> {
  const store = internalsOf(side.client).storeOf(BUCKET);
  const target = { bucket: BUCKET, key };
  const uploadId = await store.createUpload({ ...target, headers: { contentType: 'video/mp4', metadata: {} } });
  const parts: { partNumber: number; etag: string }[] = [];
  for (let offset = 0; offset < bytes.byteLength; offset += partBytes) {
    const body = bytes.subarray(offset, offset + partBytes);
    const partNumber = parts.length + 1;
    const { etag } = await store.uploadPart({ ...target, uploadId, partNumber, body, length: body.byteLength });
    parts.push({ partNumber, etag });
  }
  return (await store.completeUpload({ ...target, uploadId, parts })).etag;
}
