import type { R2Client } from '@codex/cloudflare-clients';
import { CleanupService } from '../../examples/worker/src/cleanup-service.js';
import type { Database } from '../../examples/worker/src/database.js';

const NOW = new Date('2026-11-28T03:00:00Z');
const HOUR_MS = 3_600_000;

interface Pending {
  readonly key: string;
  readonly hoursOld: number;
  /** Ages of its parts. */
  readonly parts?: readonly number[];
}

function ago(hours: number): Date {
  return new Date(NOW.getTime() - hours * HOUR_MS);
}

/** The nightly run over a bucket with uploads that are not finished; those that were given up. */
async function abortedOf(uploads: readonly Pending[], failing?: string): Promise<string[]> {
  const aborted: string[] = [];
  const partsOf = (key: string): readonly number[] => uploads.find((upload) => upload.key === key)?.parts ?? [];
  const r2 = {
    deletePrefix: async () => ({ failed: [] }),
    listMultipartUploads: async () =>
      uploads.map(({ key, hoursOld }) => ({ key, uploadId: `u-${key}`, initiated: ago(hoursOld) })),
    listMultipartParts: async ({ key }: { key: string }) =>
      partsOf(key).map((hours, index) => ({ partNumber: index + 1, etag: 'e', lastModified: ago(hours) })),
    abortMultipartUpload: async ({ key }: { key: string }) => {
      if (key === failing) throw new Error('the bucket does not answer');
      aborted.push(key);
    },
  } as unknown as R2Client;
  const database = { deleteExpiredSessions: async () => 0 } as unknown as Database;
  const d1 = { prepare: () => ({ bind: () => ({ run: async () => undefined }) }) } as unknown as D1Database;
  // Lifecycle rules cannot be set by this double: a task that fails keeps none of the others.
  await new CleanupService(database, d1, r2, r2, 'media', []).run(NOW);
  return aborted;
}

let logged: jest.SpyInstance;
beforeEach(() => (logged = jest.spyOn(console, 'error').mockImplementation(() => undefined)));
afterEach(() => jest.restoreAllMocks());

test('gives up uploads to which nothing came for a day', async () => {
  expect(
    await abortedOf([
      { key: 'begun-and-left', hoursOld: 25 },
      { key: 'stopped-yesterday', hoursOld: 60, parts: [59, 24] },
      { key: 'recent', hoursOld: 23 },
    ]),
  ).toEqual(['begun-and-left', 'stopped-yesterday']);
});

test('leaves an upload that was begun long ago and still goes on', async () => {
  expect(await abortedOf([{ key: 'slow-line', hoursOld: 60, parts: [59, 1] }])).toEqual([]);
});

test('one that cannot be given up is logged, and does not keep the others', async () => {
  const uploads = ['a', 'b'].map((key) => ({ key, hoursOld: 48 }));
  expect(await abortedOf(uploads, 'a')).toEqual(['b']);
  expect(logged).toHaveBeenCalledWith('upload to a not aborted', expect.any(Error));
});
