import { CacheClient } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import type { Database, Media } from '../../examples/worker/src/database.js';
import type { TranscodingService } from '../../examples/worker/src/transcoding-service.js';
import { UploadEvents } from '../../examples/worker/src/upload-events.js';

const KEY = 'c1/originals/m1/film.mp4';
const DRAFT: Media = {
  id: 'm1',
  creatorId: 'c1',
  title: 'A film',
  status: 'draft',
  originalKey: null,
  publishedAt: null,
};

function event(changes: Record<string, unknown> = {}, object: Record<string, unknown> = {}) {
  return {
    account: 'a1',
    action: 'PutObject',
    bucket: 'media',
    object: { key: KEY, size: 7, eTag: 'v1', ...object },
    eventTime: '2026-11-28T00:00:00Z',
    ...changes,
  };
}

/** The service over doubles, and what it did. */
function setUp({ stored, fails = false }: { stored?: string | null; fails?: boolean } = {}) {
  const done: string[] = [];
  const database = {
    findMedia: async (id: string) => (id === 'm1' ? DRAFT : null),
    noteOriginal: async (id: string, { key, bytes }: { key: string; bytes: number }) =>
      void done.push(`noted ${id} ${key} ${bytes}`),
  } as unknown as Database;
  const r2 = {
    headFile: async () => (stored === null ? null : { etag: `"${stored ?? 'v1'}"`, size: 7 }),
  } as unknown as R2Client;
  const transcoding = {
    dropStale: async ({ id }: Media, etag: string) => void done.push(`HLS of ${id} kept only if of ${etag}`),
    request: async ({ mediaId }: { mediaId: string }, version: string, before: () => Promise<void>) => {
      if (fails) throw new Error('the queue is full');
      await before();
      done.push(`requested ${mediaId} ${version}`);
    },
  } as unknown as TranscodingService;
  const service = new UploadEvents(database, r2, 'media', transcoding);
  // The tags of a service that no container built are invalidated in `this.cache`.
  Object.assign(service, { cache: new CacheClient(new MemoryKVNamespace()) });
  const consume = async (body: unknown): Promise<string[]> => {
    const message = {
      id: 'q1',
      timestamp: new Date(0),
      body,
      attempts: 1,
      ack: () => void done.push('acked'),
      retry: () => void done.push('retried'),
    };
    await service.consume([message]);
    return done;
  };
  return { consume };
}

let logged: jest.SpyInstance;
beforeEach(() => (logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)));
afterEach(() => jest.restoreAllMocks());

test('notes an original that came in and has it transcoded', async () => {
  expect(await setUp().consume(event())).toEqual([
    'HLS of m1 kept only if of v1',
    `noted m1 ${KEY} 7`,
    'requested m1 v1',
    'acked',
  ]);
});

test.each([
  ['of a deletion', event({ action: 'DeleteObject' })],
  ['of another bucket', event({ bucket: 'other' })],
  ['of HLS', event({}, { key: 'c1/hls/m1/master.m3u8' })],
  ['of an item that nobody made', event({}, { key: 'c1/originals/m2/film.mp4' })],
  ['of another creator', event({}, { key: 'c2/originals/m1/film.mp4' })],
  ['of a version that was replaced', event({}, { eTag: 'v0' })],
])('leaves a notification %s alone, and acknowledges it', async (_what, body) => {
  expect(await setUp().consume(body)).toEqual(['acked']);
});

test('an original that is gone again is left alone', async () => {
  expect(await setUp({ stored: null }).consume(event())).toEqual(['acked']);
});

test('what is no notification is logged and acknowledged: it would not be one the next time either', async () => {
  expect(await setUp().consume({ malformed: true })).toEqual(['acked']);
  expect(logged).toHaveBeenCalledWith('message q1 is no notification of R2', expect.any(String));
});

test('what fails comes back later', async () => {
  expect(await setUp({ fails: true }).consume(event())).toEqual(['retried']);
});
