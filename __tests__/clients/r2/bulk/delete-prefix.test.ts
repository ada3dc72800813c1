import { isCloudflareClientError } from '../../../../src/errors.js';
import { R2Client } from '../../../../src/clients/r2/r2-client.js';
import type { R2ClientOptions } from '../../../../src/clients/r2/r2-config.js';
import type { R2BucketLike } from '../../../../src/clients/r2/store/r2-bucket.js';

const bucket = 'media';
const PAGE = 1000;

/** A bound bucket of many keys: counts calls, and lets a test hold them. */
class CountingBucket implements Pick<R2BucketLike, 'list' | 'delete' | 'createMultipartUpload'> {
  readonly keys: Set<string>;
  readonly calls: string[] = [];
  deleting = 0;
  mostDeleting = 0;
  hold: (() => Promise<void>) | undefined;
  holdList: (() => Promise<void>) | undefined;
  onDelete: ((keys: readonly string[]) => void) | undefined;

  constructor(count: number) {
    this.keys = new Set(Array.from({ length: count }, (_, index) => `p/${String(index).padStart(6, '0')}`));
  }

  async list({ cursor, limit = PAGE }: Parameters<R2BucketLike['list']>[0] = {}): ReturnType<R2BucketLike['list']> {
    this.calls.push('list');
    await this.holdList?.();
    const after = [...this.keys].filter((key) => cursor === undefined || key > cursor);
    const page = after.slice(0, limit);
    const objects = page.map((key) => ({ key, size: 1, etag: 'e', uploaded: new Date(0) }));
    const truncated = after.length > limit;
    return { objects, delimitedPrefixes: [], truncated, ...(truncated && { cursor: page.at(-1) ?? '' }) };
  }

  async delete(keys: string | string[]): Promise<void> {
    this.calls.push('delete');
    this.deleting += 1;
    this.mostDeleting = Math.max(this.mostDeleting, this.deleting);
    await this.hold?.();
    this.deleting -= 1;
    this.onDelete?.([keys].flat());
    for (const key of [keys].flat()) this.keys.delete(key);
  }

  async createMultipartUpload(): Promise<never> {
    throw new Error('not here');
  }
}

function clientOf(bound: CountingBucket, options: R2ClientOptions = {}): R2Client {
  const bindings = { [bucket]: bound as unknown as R2BucketLike };
  return new R2Client({ bindings }, { wait: () => Promise.resolve(), ...options });
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const all = { bucket, prefix: 'p/' };

describe('deletePrefix', () => {
  it('takes as many requests as there are pages, twice', async () => {
    const bound = new CountingBucket(20_000);
    expect(await clientOf(bound).deletePrefix(all)).toEqual({
      deleted: 20_000,
      failed: [],
      matched: 20_000,
      dryRun: false,
    });
    expect(bound.calls.filter((call) => call === 'list')).toHaveLength(20);
    expect(bound.calls.filter((call) => call === 'delete')).toHaveLength(20);
  });

  it('lists the next page while one is deleted, and deletes three at a time at most', async () => {
    const bound = new CountingBucket(6_000);
    bound.hold = nextTurn;
    await clientOf(bound).deletePrefix(all);
    expect(bound.calls.slice(0, 3)).toEqual(['list', 'delete', 'list']);
    expect(bound.mostDeleting).toBe(3);
    expect(bound.keys.size).toBe(0);
  });

  it('tells how far it is, and is not disturbed by what it tells', async () => {
    const seen: unknown[] = [];
    const onProgress = (progress: unknown): void => {
      seen.push(progress);
      throw new Error('not ours');
    };
    await clientOf(new CountingBucket(1_500)).deletePrefix({ ...all, onProgress });
    expect(seen[0]).toEqual({ matched: 1000, deleted: 0, failed: 0 });
    expect(seen.at(-1)).toEqual({ matched: 1500, deleted: 1500, failed: 0 });
    expect(seen).toHaveLength(4);
  });

  it('counts and deletes nothing in a dry run', async () => {
    const bound = new CountingBucket(1_500);
    expect(await clientOf(bound).deletePrefix({ ...all, dryRun: true })).toMatchObject({ deleted: 0, matched: 1500 });
    expect(bound.calls).toEqual(['list', 'list']);
  });

  it('stops when the signal fires, and says how many were deleted', async () => {
    const bound = new CountingBucket(5_000);
    const controller = new AbortController();
    const reason = new Error('enough');
    const onProgress = ({ deleted }: { deleted: number }): void => {
      if (deleted >= 2000) controller.abort(reason);
    };
    const deletion = clientOf(bound).deletePrefix({ ...all, signal: controller.signal, onProgress });
    await expect(deletion).rejects.toMatchObject({
      code: 'R2_ABORTED',
      cause: reason,
      message: expect.stringMatching(/^R2 (delete|list for deletion) \(after \d+ were deleted\) of media/) as string,
    });
    expect(bound.keys.size).toBeGreaterThan(0);
  });

  it('begins no batch after one has failed, waits for those on their way, and counts them', async () => {
    const bound = new CountingBucket(10_000);
    bound.hold = nextTurn;
    let batches = 0;
    bound.onDelete = () => {
      batches += 1;
      if (batches === 2) throw new Error('delete: Access denied (10003)');
    };
    const error = await clientOf(bound)
      .deletePrefix(all)
      .catch((thrown: unknown) => thrown);
    if (!isCloudflareClientError(error, 'R2_ACCESS_DENIED')) throw error;
    const gone = 10_000 - bound.keys.size;
    expect(error.message).toBe(`R2 delete (after ${gone} were deleted) of media failed: AccessDenied, HTTP 403.`);
    expect(bound.deleting).toBe(0);
    expect(batches).toBeLessThanOrEqual(4);
  });

  it('deletes no page that was listed while the one before could not be deleted', async () => {
    const bound = new CountingBucket(3_000);
    bound.holdList = async () => {
      for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    };
    bound.onDelete = () => {
      throw new Error('delete: Access denied (10003)');
    };
    await expect(clientOf(bound).deletePrefix(all)).rejects.toMatchObject({ code: 'R2_ACCESS_DENIED' });
    expect(bound.calls).toEqual(['list', 'delete', 'list']);
  });

  it('refuses what is no callback and no signal before anything is listed', async () => {
    const bound = new CountingBucket(1);
    for (const wrong of [{ onProgress: 'x' }, { signal: 'x' }]) {
      await expect(clientOf(bound).deletePrefix({ ...all, ...(wrong as object) })).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      });
    }
    expect(bound.calls).toEqual([]);
  });
});
