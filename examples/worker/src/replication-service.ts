import { Injectable, LOCK_CLIENT, replicate } from '@codex/cloudflare-clients';
import type { KVClient, LockClient, R2Client } from '@codex/cloudflare-clients';
import { logFailure } from './log.js';
import { BACKUP_BUCKET, CHECKPOINTS, MEDIA_BUCKET, S3_CLIENT } from './tokens.js';

const CHECKPOINT_SECONDS = 7 * 86_400;
const LEASE_MS = 60_000;
/** A cron trigger has 15 minutes. */
const BUDGET_MS = 13 * 60_000;
/** A Worker has six connections. */
const CONCURRENCY = 3;

/** The hourly copy of everything to the bucket for backups. One that does not come to its end is gone on with in the next hour. */
@Injectable(S3_CLIENT, MEDIA_BUCKET, BACKUP_BUCKET, CHECKPOINTS, LOCK_CLIENT)
export class ReplicationService {
  constructor(
    private readonly s3: R2Client,
    private readonly bucket: string,
    private readonly backup: string,
    private readonly checkpoints: KVClient,
    private readonly locks: LockClient,
  ) {}

  async run(): Promise<void> {
    // Two at a time would write each other's checkpoint; the one that came first goes on.
    const lock = await this.locks.tryAcquire('replication', { ttlMs: LEASE_MS, autoRenew: true });
    if (lock === null) return;
    // A checkpoint of other buckets is none of this replication.
    const key = `replication:${this.bucket}:${this.backup}`;
    try {
      const report = await replicate({
        from: { client: this.s3, bucket: this.bucket },
        to: { client: this.s3, bucket: this.backup },
        concurrency: CONCURRENCY,
        checkpoint: {
          load: () => this.checkpoints.get<string>(key),
          save: (text) => this.checkpoints.put(key, text, { ttlSeconds: CHECKPOINT_SECONDS }),
        },
        signal: AbortSignal.any([lock.signal, AbortSignal.timeout(BUDGET_MS)]),
      });
      for (const { key, code } of report.failures) logFailure(`${key} not replicated`, code);
    } finally {
      await lock.release();
    }
  }
}
