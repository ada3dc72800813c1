import { corsRules, Injectable, putCors, putLifecycle, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client, R2LifecycleRule, R2PendingUpload } from '@codex/cloudflare-clients';
import type { Database } from './database.js';
import { logFailure } from './log.js';
import { TEMPORARY_PREFIX } from './media-service.js';
import { D1, DATABASE, MEDIA_BUCKET, PUBLIC_ORIGINS, S3_CLIENT } from './tokens.js';

const DAY_MS = 86_400_000;
const EVENT_DAYS = 30;
/** What R2 does by itself, should this run ever fail for long. */
const LIFECYCLE: readonly R2LifecycleRule[] = [
  { id: 'temporary-files', prefix: TEMPORARY_PREFIX, expireAfterDays: 2 },
  { id: 'abandoned-uploads', abortMultipartAfterDays: 7 },
];

/** The nightly run. */
@Injectable(DATABASE, D1, R2_CLIENT, S3_CLIENT, MEDIA_BUCKET, PUBLIC_ORIGINS)
export class CleanupService {
  constructor(
    private readonly database: Database,
    private readonly d1: D1Database,
    private readonly r2: R2Client,
    private readonly s3: R2Client,
    private readonly bucket: string,
    private readonly origins: readonly string[],
  ) {}

  /** Does all that it can: what fails is logged and left to the next night. */
  async run(now: Date): Promise<void> {
    const tasks: [string, () => Promise<unknown>][] = [
      ['expired sessions', () => this.database.deleteExpiredSessions(now.toISOString())],
      ['old counts of events', () => this.deleteOldCounts(now)],
      ['temporary files', () => this.deleteTemporary()],
      ['abandoned uploads', () => this.abortUploads(now)],
      ['lifecycle rules', () => putLifecycle(this.s3, { bucket: this.bucket, rules: LIFECYCLE, mode: 'merge' })],
      ['CORS rules', () => this.allowUploads()],
    ];
    for (const [what, task] of tasks) await task().catch((error: unknown) => logFailure(`nightly: ${what}`, error));
  }

  private async deleteTemporary(): Promise<void> {
    const { failed } = await this.r2.deletePrefix({ bucket: this.bucket, prefix: TEMPORARY_PREFIX });
    for (const { key, code } of failed) logFailure(`temporary file ${key} not deleted`, code);
  }

  /** Uploads in parts to which nothing came for a day: their parts are billed until somebody gives them up. */
  private async abortUploads(now: Date): Promise<void> {
    for (const upload of await this.r2.listMultipartUploads({ bucket: this.bucket })) {
      // One that cannot be given up does not keep the others.
      await this.abortIfIdle(upload, now).catch((error: unknown) =>
        logFailure(`upload to ${upload.key} not aborted`, error),
      );
    }
  }

  private async abortIfIdle({ key, uploadId, initiated }: R2PendingUpload, now: Date): Promise<void> {
    const isOld = (time: Date): boolean => now.getTime() - time.getTime() >= DAY_MS;
    if (!isOld(initiated)) return;
    // A long film on a slow line, or one that was gone on with today, is not abandoned.
    const upload = { bucket: this.bucket, key, uploadId };
    const parts = await this.r2.listMultipartParts(upload);
    if (parts.some(({ lastModified }) => lastModified !== undefined && !isOld(lastModified))) return;
    await this.r2.abortMultipartUpload(upload);
  }

  private async allowUploads(): Promise<void> {
    if (this.origins.length === 0) return;
    const rules = corsRules({ origins: this.origins, uppy: 6, read: true });
    await putCors(this.s3, { bucket: this.bucket, rules, mode: 'merge' });
  }

  private async deleteOldCounts(now: Date): Promise<void> {
    const oldest = Math.floor((now.getTime() - EVENT_DAYS * DAY_MS) / 60_000);
    await this.d1.prepare('DELETE FROM event_minutes WHERE minute < ?').bind(oldest).run();
  }
}
