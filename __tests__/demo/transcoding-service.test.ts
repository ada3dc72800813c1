import { CacheClient, CounterClient, LockClient, memoryCounters, memoryLocks } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import type { Database, Media, MediaStatus } from '../../examples/worker/src/database.js';
import type { Transcoder, TranscodingOutcome } from '../../examples/worker/src/transcoder.js';
import { TranscodingService } from '../../examples/worker/src/transcoding-service.js';
import type { TranscodingJob } from '../../examples/worker/src/transcoding-service.js';

const KEY = 'c1/originals/m1/film.mp4';
const MASTER = 'c1/hls/m1/master.m3u8';
const JOB: TranscodingJob = { mediaId: 'm1', key: KEY };
const UPLOADED: Media = {
  id: 'm1',
  creatorId: 'c1',
  title: 'A film',
  status: 'uploaded',
  originalKey: KEY,
  publishedAt: null,
};

interface StoredObject {
  readonly etag: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The service over doubles that hold a row, a bucket and a queue; `transcode` is what the transcoder does with an original. */
function setUp(transcode: (world: World) => Promise<TranscodingOutcome>) {
  const world = new World();
  const database = {
    findMedia: async () => world.media,
    setStatus: async (_id: string, status: MediaStatus) => world.setStatus(status),
  } as unknown as Database;
  const r2 = {
    headFile: async ({ key }: { key: string }) => world.head(key),
    deletePrefix: async ({ prefix }: { prefix: string }) => world.deletePrefix(prefix),
  } as unknown as R2Client;
  const queue = {
    send: async (job: TranscodingJob, options?: { delaySeconds: number }) =>
      void world.done.push(`sent ${job.mediaId} in ${options?.delaySeconds ?? 0} s`),
  } as unknown as Queue<TranscodingJob>;
  const transcoder = {
    run: async () => {
      world.runs += 1;
      return transcode(world);
    },
  } as unknown as Transcoder;
  const cache = new CacheClient(new MemoryKVNamespace());
  const counters = new CounterClient(memoryCounters());
  const locks = new LockClient(memoryLocks());
  const service = new TranscodingService(database, cache, counters, locks, r2, 'media', queue, transcoder);
  const deliver = async (attempts = 1, body = JOB): Promise<void> => {
    const ack = (): void => void world.done.push('acked');
    const retry = (options?: { delaySeconds?: number }): void =>
      void world.done.push(`retried in ${options?.delaySeconds} s`);
    await service.consume([{ id: 'q1', timestamp: new Date(0), body, attempts, ack, retry }]);
  };
  return { service, world, deliver };
}

class World {
  media: Media | null = UPLOADED;
  readonly bucket = new Map<string, StoredObject>([[KEY, { etag: '"v1"', metadata: {} }]]);
  readonly done: string[] = [];
  readonly statuses: MediaStatus[] = [];
  runs = 0;

  setStatus(status: MediaStatus): void {
    this.statuses.push(status);
    if (this.media !== null) this.media = { ...this.media, status };
  }

  head(key: string): (StoredObject & { key: string }) | null {
    const stored = this.bucket.get(key);
    return stored === undefined ? null : { key, ...stored };
  }

  deletePrefix(prefix: string): void {
    for (const key of [...this.bucket.keys()]) if (key.startsWith(prefix)) this.bucket.delete(key);
  }

  /** Puts the HLS of a version of the original there; none told: as if by hand. */
  putHls(etag?: string): void {
    this.bucket.set(MASTER, { etag: 'm', metadata: etag === undefined ? {} : { 'original-etag': etag } });
  }

  replaceOriginal(etag: string): void {
    this.bucket.set(KEY, { etag, metadata: {} });
  }
}

const toHls = async (world: World): Promise<TranscodingOutcome> => {
  world.putHls('v1');
  return { status: 'ready' };
};
const interrupted = (): Promise<never> => Promise.reject(new Error('the container is gone'));

let logged: jest.SpyInstance;
beforeEach(() => (logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)));
afterEach(() => jest.restoreAllMocks());

test('transcodes an original once, though its message is delivered again', async () => {
  const { service, world, deliver } = setUp(toHls);
  await deliver();
  await deliver();
  expect([world.runs, world.statuses, world.done]).toEqual([1, ['transcoding', 'ready'], ['acked', 'acked']]);
  expect(await service.status('m1')).toEqual({ status: 'ready', progress: 100 });
});

test('HLS that somebody uploaded is taken as it is', async () => {
  const { world, deliver } = setUp(toHls);
  world.putHls();
  await deliver();
  expect([world.runs, world.statuses]).toEqual([0, ['ready']]);
});

test('what was interrupted comes back later, and after the third attempt the item has failed', async () => {
  const { world, deliver } = setUp(interrupted);
  for (const attempts of [1, 2, 3]) await deliver(attempts);
  expect(world.done).toEqual(['retried in 10 s', 'retried in 20 s', 'acked']);
  expect(world.statuses.at(-1)).toBe('failed');
});

test('a database that cannot note the failure lets the message come back', async () => {
  const { world, deliver } = setUp((there) => {
    there.setStatus = () => {
      throw new Error('D1 is gone');
    };
    return interrupted();
  });
  await deliver(3);
  expect(world.done).toEqual(['retried in 10 s']);
});

test('a file that is no film has failed at once, and is not tried again', async () => {
  const { world, deliver } = setUp(async () => ({ status: 'failed', reason: 'There is no picture in the file.' }));
  await deliver();
  expect([world.runs, world.statuses.at(-1), world.done]).toEqual([1, 'failed', ['acked']]);
  expect(logged).toHaveBeenCalledWith('m1 cannot be transcoded', 'There is no picture in the file.');
});

test('without a transcoder the item stays as uploaded', async () => {
  const { world, deliver } = setUp(async () => ({ status: 'unavailable' }));
  await deliver();
  expect([world.statuses.at(-1), world.done]).toEqual(['uploaded', ['acked']]);
});

test('a second delivery while the first is at work waits in the queue, and never fails the item', async () => {
  const { world, deliver } = setUp(async (there) => {
    await deliver(3);
    return toHls(there);
  });
  await deliver();
  expect([world.runs, world.statuses, world.done]).toEqual([
    1,
    ['transcoding', 'ready'],
    ['sent m1 in 30 s', 'acked', 'acked'],
  ]);
});

test('an item that was deleted while it was transcoded leaves neither files nor a status', async () => {
  const { service, world, deliver } = setUp(async (there) => {
    there.media = null;
    return toHls(there);
  });
  await deliver();
  expect([[...world.bucket.keys()], world.done]).toEqual([[KEY], ['acked']]);
  expect(await service.status('m1')).toBeNull();
});

test('a job of an item that was deleted, or has another original, does nothing', async () => {
  const { world, deliver } = setUp(toHls);
  await deliver(1, { mediaId: 'm1', key: 'c1/originals/m1/earlier.mp4' });
  world.media = null;
  await deliver();
  expect([world.runs, world.statuses, world.done]).toEqual([0, [], ['acked', 'acked']]);
});

test('an original that takes the place of one that was transcoded is transcoded too', async () => {
  const { service, world, deliver } = setUp(async (there) => {
    there.putHls('v2');
    return { status: 'ready' };
  });
  world.putHls('v1');
  world.replaceOriginal('v2');
  await service.dropStale(UPLOADED, 'v2');
  expect(world.bucket.has(MASTER)).toBe(false);
  world.putHls('v1');
  await deliver();
  expect([world.runs, world.bucket.get(MASTER)?.metadata]).toEqual([1, { 'original-etag': 'v2' }]);
});

test('HLS of an original that was replaced in the meantime is dropped, and the item is not ready', async () => {
  const { world, deliver } = setUp(async (there) => {
    there.replaceOriginal('v2');
    return toHls(there);
  });
  await deliver();
  expect([world.bucket.has(MASTER), world.statuses]).toEqual([false, ['transcoding']]);
});

test('HLS that was there before its first original is kept', async () => {
  const { service, world } = setUp(toHls);
  world.putHls();
  await service.dropStale({ ...UPLOADED, status: 'draft', originalKey: null }, 'v1');
  expect(world.bucket.has(MASTER)).toBe(true);
});
