import { scopedEntrypoint } from '@codex/cloudflare-clients/workers';
import { WorkerEntrypoint } from 'cloudflare:workers';
import { app } from './app.js';
import type { Env } from './env.js';
import { MediaService } from './media-service.js';
import { TranscodingService } from './transcoding-service.js';
import type { TranscodingStatus } from './transcoding-service.js';

/** What other Workers of the account may ask for, by a service binding with `entrypoint: "MediaRpc"`. Whoever binds it is trusted. */
export class MediaRpc extends scopedEntrypoint(app, WorkerEntrypoint)<Env> {
  /** How far an item is; `null` when there is none. */
  async status(mediaId: string): Promise<TranscodingStatus | null> {
    return this.container.resolve(TranscodingService).status(mediaId);
  }

  /** Makes the HLS of an item anew; `false` when it has no original. */
  async requestTranscoding(mediaId: string): Promise<boolean> {
    return this.container.resolve(TranscodingService).restart(mediaId);
  }

  /** Deletes everything that a creator has. */
  async purge(creatorId: string): Promise<{ deleted: number; failed: number }> {
    const { deleted, failed } = await this.container.resolve(MediaService).purge(creatorId);
    return { deleted, failed: failed.length };
  }
}
