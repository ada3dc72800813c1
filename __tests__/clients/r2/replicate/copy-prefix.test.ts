import { clientWith, failed, MemoryStore } from './memory-store.js';
import { BUCKET, contents, OTHER_BUCKET, startSide, type Side } from './two-servers.js';

const bucket = BUCKET;

describe('copyPrefix', () => {
  let side: Side;

  beforeAll(async () => {
    side = await startSide();
  });
  beforeEach(() => side.clear());
  afterAll(() => side.front.stop());

  async function put(...keys: string[]): Promise<void> {
    for (const key of keys) await side.put(key, `content of ${key}`, { metadata: { key: 'kept' } });
    side.front.reset();
  }

  it('copies on the server, one request an object, and lists each side once', async () => {
    await put('c1/hls/a', 'c1/hls/b +ü', 'c10/x');
    const loaded: number[] = [];
    const result = await side.client.copyPrefix({
      bucket,
      prefix: 'c1/hls/',
      toPrefix: 'c2/copy/',
      onProgress: (progress) => loaded.push(progress.loaded),
    });
    expect(result).toEqual({ matched: 2, copied: 2, bytes: 42, skipped: 0, failed: [], dryRun: false });
    expect((await side.list()).map(({ key }) => key)).toEqual([
      'c1/hls/a',
      'c1/hls/b +ü',
      'c10/x',
      'c2/copy/a',
      'c2/copy/b +ü',
    ]);
    expect((await side.head('c2/copy/a'))?.metadata).toEqual({ key: 'kept' });
    expect([side.front.count('CopyObject'), side.front.count('GetObject')]).toEqual([2, 0]);
    expect(loaded.at(-1)).toBe(42);
  });

  it('copies a whole bucket to another one', async () => {
    await put('a', 'b/c');
    const result = await side.client.copyPrefix({ bucket, prefix: '', toPrefix: '', toBucket: OTHER_BUCKET });
    expect(result).toMatchObject({ matched: 2, copied: 2 });
    expect(contents(await side.list(OTHER_BUCKET))).toEqual(contents(await side.list()));
  });

  it('skips what is there, when told to, and copies nothing in a dry run', async () => {
    await put('a/1', 'a/2', 'b/1');
    const dry = await side.client.copyPrefix({ bucket, prefix: 'a/', toPrefix: 'b/', overwrite: false, dryRun: true });
    expect(dry).toEqual({ matched: 2, copied: 0, bytes: 0, skipped: 1, failed: [], dryRun: true });
    expect(side.front.count('CopyObject')).toBe(0);
    const real = await side.client.copyPrefix({ bucket, prefix: 'a/', toPrefix: 'b/', overwrite: false });
    expect(real).toMatchObject({ matched: 2, copied: 1, skipped: 1 });
    expect(await side.text('b/1')).toBe('content of b/1');
  });

  it('reports a key that fails, and goes on', async () => {
    await put('a/1', 'a/2', 'a/3');
    side.front.fault(({ key }) => key === 'b/2', { status: 403, code: 'AccessDenied' }, 9);
    const result = await side.client.copyPrefix({ bucket, prefix: 'a/', toPrefix: 'b/' });
    expect(result).toMatchObject({ matched: 3, copied: 2, failed: [{ key: 'a/2', code: 'R2_ACCESS_DENIED' }] });
  });

  it('ends with a bucket that is not there', async () => {
    const work = side.client.copyPrefix({ bucket, prefix: 'a/', toPrefix: 'a/', toBucket: 'not-there' });
    await expect(work).rejects.toMatchObject({ code: 'R2_NO_SUCH_BUCKET' });
  });

  it.each([
    ['a prefix without a slash at its end', { prefix: 'a', toPrefix: 'b/' }, 'INVALID_PREFIX'],
    ['such a target', { prefix: 'a/', toPrefix: 'b' }, 'INVALID_PREFIX'],
    ['a prefix within the other', { prefix: 'a/', toPrefix: 'a/b/' }, 'INVALID_OPTION'],
    ['the other way round', { prefix: 'a/b/', toPrefix: 'a/' }, 'INVALID_OPTION'],
    ['itself', { prefix: 'a/', toPrefix: 'a/' }, 'INVALID_OPTION'],
    ['65 at a time', { prefix: 'a/', toPrefix: 'b/', concurrency: 65 }, 'INVALID_OPTION'],
  ])('refuses %s', async (_, options, code) => {
    await expect(side.client.copyPrefix({ bucket, ...options })).rejects.toMatchObject({ code });
    expect(side.front.count()).toBe(0);
  });

  it('ends at the word of its caller', async () => {
    await put('a/1', 'a/2', 'a/3');
    const controller = new AbortController();
    const work = side.client.copyPrefix({
      bucket,
      prefix: 'a/',
      toPrefix: 'b/',
      concurrency: 1,
      signal: controller.signal,
      onProgress: () => controller.abort('enough'),
    });
    await expect(work).rejects.toMatchObject({ code: 'R2_ABORTED', cause: 'enough' });
    expect(side.front.count('CopyObject')).toBeLessThanOrEqual(2);
  });
});

describe('copyPrefix over many pages', () => {
  it('keeps to its concurrency, and reports what a page could not give', async () => {
    const store = new MemoryStore(100);
    for (let index = 0; index < 450; index += 1) store.write(`a/${String(index).padStart(4, '0')}`, 'x');
    const result = await clientWith(store).copyPrefix({ bucket, prefix: 'a/', toPrefix: 'b/', concurrency: 8 });
    expect(result).toMatchObject({ matched: 450, copied: 450 });
    expect(store.objects.size).toBe(900);
    let lists = 0;
    store.before = ({ operation }) => {
      if (operation === 'list' && (lists += 1) === 4) throw failed('R2_FAILED');
    };
    const broken = clientWith(store).copyPrefix({ bucket, prefix: 'a/', toPrefix: 'c/' });
    await expect(broken).rejects.toMatchObject({ code: 'R2_FAILED' });
  });
});
