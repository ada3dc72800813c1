import { KVClient, LockClient, memoryLocks, R2Client } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import { ReplicationService } from '../../examples/worker/src/replication-service.js';
import { startS3Front } from '../support/s3-front.js';
import type { S3Front } from '../support/s3-front.js';

const BUCKET = 'media';
const BACKUP = 'backup';
const CHECKPOINT = `replication:${BUCKET}:${BACKUP}`;
const KEYS = Array.from({ length: 12 }, (_, index) => `c1/file-${String(index).padStart(2, '0')}`);

let front: S3Front;
let r2: R2Client;
beforeAll(async () => {
  front = await startS3Front({ buckets: [BUCKET, BACKUP] });
  r2 = new R2Client(front.config);
  for (const key of KEYS) await r2.uploadFile({ bucket: BUCKET, key, body: key });
}, 60_000);
afterAll(() => front.stop());

async function copies(): Promise<string[]> {
  return (await r2.listFiles({ bucket: BACKUP, prefix: '' })).map(({ key }) => key);
}

test('goes on from the checkpoint of a run that did not come to its end, and begins anew after one that did', async () => {
  const checkpoints = new KVClient(new MemoryKVNamespace());
  const locks = new LockClient(memoryLocks());
  const service = new ReplicationService(r2, BUCKET, BACKUP, checkpoints, locks);
  await service.run();
  expect(await copies()).toEqual(KEYS);

  // As if it had been ended after the fifth object, and nothing of the backup were there.
  const state = JSON.parse((await checkpoints.get<string>(CHECKPOINT)) ?? '') as object;
  const ended = { ...state, phase: 'copy', position: KEYS[4], done: false };
  await checkpoints.put(CHECKPOINT, JSON.stringify(ended), { ttlSeconds: 60 });
  await r2.deleteFiles({ bucket: BACKUP, keys: KEYS });
  await service.run();
  expect(await copies()).toEqual(KEYS.slice(5));

  await service.run();
  expect(await copies()).toEqual(KEYS);
}, 60_000);

test('one that still runs is left to it', async () => {
  const locks = new LockClient(memoryLocks());
  const other = await locks.tryAcquire('replication', { ttlMs: 60_000 });
  await r2.deleteFiles({ bucket: BACKUP, keys: KEYS });
  await new ReplicationService(r2, BUCKET, BACKUP, new KVClient(new MemoryKVNamespace()), locks).run();
  expect(await copies()).toEqual([]);
  await other?.release();
}, 60_000);
