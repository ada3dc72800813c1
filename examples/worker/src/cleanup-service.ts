import { Injectable, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client } from '@codex/cloudflare-clients';
import type { Database } from './database.js';
import { logFailure } from './log.js';
import { TEMPORARY_PREFIX } from './media-service.js';
import { DATABASE, MEDIA_BUCKET } from './tokens.js';

/** The nightly run. */
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET)
export class CleanupService {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
  ) {}

  /** Deletes temporary files and sessions that have expired. What fails is left to the next night, and logged. */
  async run(now: Date): Promise<void> {
    await this.database.deleteExpiredSessions(now.toISOString());
    const { failed } = await this.r2.deletePrefix({ bucket: this.bucket, prefix: TEMPORARY_PREFIX });
    for (const { key, code } of failed) logFailure(`temporary file ${key} not deleted`, code);
  }
}
