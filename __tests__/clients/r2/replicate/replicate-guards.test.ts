import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import { internalsOf, keepInternals } from '../../../../src/clients/r2/r2-internals.js';
import { replicate } from '../../../../src/clients/r2/replicate/replicate.js';
import { replicateOnEvent } from '../../../../src/clients/r2/replicate/replicate-on-event.js';
import type { ReplicateOptions } from '../../../../src/clients/r2/replicate/replicate-options.js';
import { FakeBucket } from '../binding/fake-bucket.js';
import { clientWith, failed, MemoryStore } from './memory-store.js';
import { memoryCheckpoint } from './two-servers.js';

const KEPT = {
  bytes: new Uint8Array(1),
  size: 1,
  etag: 'e',
  lastModified: new Date(0),
  contentType: 'text/plain',
  metadata: {},
};

let source: MemoryStore;
let target: MemoryStore;

beforeEach(() => {
  source = new MemoryStore(100);
  target = new MemoryStore(70);
});

function run(options: Partial<ReplicateOptions> = {}) {
  return replicate({
    from: { client: clientWith(source), bucket: 'source' },
    to: { client: clientWith(target), bucket: 'target' },
    ...options,
  });
}

describe('a source that was emptied after a run was interrupted', () => {
  it('has nothing deleted by the run that goes on from the checkpoint', async () => {
    source.write('a', 'a');
    target.write('x', 'only copy');
    const checkpoint = memoryCheckpoint();
    target.before = ({ operation }) => {
      if (operation === 'deleteMany') throw failed('R2_NO_SUCH_BUCKET');
    };
    await expect(run({ deleteExtraneous: true, checkpoint })).rejects.toMatchObject({ code: 'R2_NO_SUCH_BUCKET' });
    target.before = () => undefined;
    source.objects.clear();
    const report = await run({ deleteExtraneous: true, checkpoint });
    expect(report).toMatchObject({ resumed: true, deletionRefused: true, complete: false, deleted: 0 });
    expect(Object.keys(target.contents())).toEqual(['a', 'x']);
  });

  it('has nothing deleted when it is emptied between copy and deletion', async () => {
    source.write('a', 'a');
    source.before = ({ operation }) => {
      if (operation === 'get') queueMicrotask(() => setImmediate(() => source.objects.clear()));
    };
    target.before = async ({ operation }) => {
      if (operation === 'put') await new Promise((resolve) => setTimeout(resolve, 20));
    };
    const report = await run({ deleteExtraneous: true });
    expect(report).toMatchObject({ deletionRefused: true, complete: false, deleted: 0 });
    expect(Object.keys(target.contents())).toEqual(['a']);
  });
});

describe('a run that ended because too many keys failed', () => {
  it('tries these again when it goes on', async () => {
    for (let index = 0; index < 5; index += 1) source.write(`k${index}`, 'x');
    target.before = ({ operation }) => {
      if (operation === 'put') throw failed('R2_ACCESS_DENIED');
    };
    const checkpoint = memoryCheckpoint();
    const first = await run({ checkpoint, maxFailures: 2, concurrency: 1 });
    expect(first).toMatchObject({ stopped: true, complete: false });
    target.before = () => undefined;
    const second = await run({ checkpoint, maxFailures: 2, concurrency: 1 });
    expect(second).toMatchObject({ resumed: true, stopped: false, complete: true, failures: [] });
    expect(target.contents()).toEqual(source.contents());
  });
});

describe('a checkpoint that was tampered with', () => {
  it.each([
    { totals: {} },
    { totals: null },
    { totals: { source: { objects: '1', bytes: 1 } } },
    { failures: [null] },
    { failures: [{ key: 1, operation: 'copy', code: 'X', message: '' }] },
  ])('is refused: %j', async (wrong) => {
    source.write('a', 'a');
    const checkpoint = memoryCheckpoint();
    source.before = ({ operation }) => {
      if (operation === 'get') throw failed('R2_NO_SUCH_BUCKET');
    };
    await expect(run({ checkpoint })).rejects.toThrow();
    source.before = () => undefined;
    const saved = JSON.parse((await checkpoint.load()) ?? '') as object;
    await checkpoint.save(JSON.stringify({ ...saved, ...wrong }));
    await expect(run({ checkpoint })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('events', () => {
  it('delete nothing that a HEAD denies and a listing shows', async () => {
    source.write('a', 'a');
    target.write('a', 'a');
    const head = source.head.bind(source);
    source.head = async (request) => (await head(request), { status: 'missing' });
    const options = {
      from: { client: clientWith(source), bucket: 'source' },
      to: { client: clientWith(target), bucket: 'target' },
      deletions: true,
    };
    const object = { key: 'a' };
    const event = {
      account: 'acc',
      action: 'DeleteObject',
      bucket: 'source',
      object,
      eventTime: '2026-11-27T12:00:00Z',
    };
    await expect(replicateOnEvent(options, event)).rejects.toMatchObject({ code: 'R2_FAILED' });
    expect(Object.keys(target.contents())).toEqual(['a']);
  });
});

describe('clients with bindings alone', () => {
  it('replicate between two bound buckets', async () => {
    const empty = () => new FakeBucket().answer(() => ({ objects: [], delimitedPrefixes: [], truncated: false }));
    const client = new R2Client({ bindings: { source: empty(), target: empty() } });
    const report = await replicate({ from: { client, bucket: 'source' }, to: { client, bucket: 'target' } });
    expect(report).toMatchObject({ complete: true, source: { objects: 0 } });
    const other = new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' });
    const inside = { from: { client, bucket: 'source', prefix: 'a/' }, to: { client: other, bucket: 'source' } };
    await expect(replicate({ ...inside, deleteExtraneous: true })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const both = { client, bucket: 'source' };
    await expect(replicate({ from: both, to: both })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('copyPrefix beside many other objects', () => {
  const store = () => {
    const bucket = new MemoryStore(10);
    for (const key of ['a/1', 'a/2']) bucket.write(key, key);
    for (let index = 0; index < 500; index += 1) bucket.write(`z${String(index).padStart(3, '0')}`, 'x');
    return bucket;
  };

  it('asks for one page of the destination, which it replaces anyway', async () => {
    const bucket = store();
    const copied = await clientWith(bucket).copyPrefix({ bucket: 'media', prefix: 'a/', toPrefix: 'z/', dryRun: true });
    expect([copied.matched, bucket.count('list')]).toEqual([2, 2]);
  });

  it('lists no more of it than it needs to skip what is there', async () => {
    const [bucket, other] = [store(), store()];
    other.write('2', 'there');
    const client = clientWith(bucket);
    const internals = internalsOf(client);
    keepInternals(client, { ...internals, storeOf: (name) => (name === 'other' ? other : bucket) });
    const options = { bucket: 'media', prefix: 'a/', toBucket: 'other', toPrefix: '', overwrite: false, dryRun: true };
    expect(await client.copyPrefix(options)).toMatchObject({ matched: 2, skipped: 1 });
    expect(other.count('list')).toBe(1);
  });
});

describe('one object that takes long', () => {
  it('holds the listing back after a while, so that memory stays bounded', async () => {
    [source, target] = [new MemoryStore(1000), new MemoryStore(1000)];
    for (let index = 0; index < 25_000; index += 1) {
      const key = `k${String(index).padStart(5, '0')}`;
      for (const store of [source, target]) store.objects.set(key, { ...KEPT, key });
    }
    source.write('a-large', 'x');
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    target.before = ({ operation }) => (operation === 'put' ? held : undefined);
    const work = run();
    let lists = -1;
    while (lists !== source.count('list')) {
      lists = source.count('list');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    release();
    expect(await work).toMatchObject({ complete: true, source: { objects: 25_001 } });
    expect([lists, source.count('list')]).toEqual([21, 26]);
  });
});
