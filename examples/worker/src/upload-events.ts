import { CacheEvict, Injectable, parseMediaKey, parseR2Event, R2_CLIENT } from '@codex/cloudflare-clients';
import type { R2Client, R2Event } from '@codex/cloudflare-clients';
import type { QueueMessage } from '@codex/cloudflare-clients/workers';
import { creatorTag } from './content-service.js';
import type { Database } from './database.js';
import { logFailure } from './log.js';
import { DATABASE, MEDIA_BUCKET } from './tokens.js';
import { TranscodingService } from './transcoding-service.js';

const CREATIONS: readonly string[] = ['PutObject', 'CopyObject', 'CompleteMultipartUpload'];
const RETRY_SECONDS = 5;

/** What R2 tells of the bucket: an original that came in is noted and sent to the transcoder. At least once, in any order. */
@Injectable(DATABASE, R2_CLIENT, MEDIA_BUCKET, TranscodingService)
export class UploadEvents {
  constructor(
    private readonly database: Database,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly transcoding: TranscodingService,
  ) {}

  async consume(messages: readonly QueueMessage[]): Promise<void> {
    for (const message of messages) await this.take(message);
  }

  private async take(message: QueueMessage): Promise<void> {
    const event = readEvent(message);
    if (event === null) {
      message.ack();
      return;
    }
    try {
      await this.handle(event);
      message.ack();
    } catch (error) {
      logFailure(`${event.action} of ${event.object.key} not handled`, error);
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }

  private async handle({ action, bucket, object }: R2Event): Promise<void> {
    const key = parseMediaKey(object.key);
    if (bucket !== this.bucket || !CREATIONS.includes(action) || key?.kind !== 'original' || key.mediaId === null)
      return;
    const media = await this.database.findMedia(key.mediaId);
    if (media?.creatorId !== key.creatorId) return;
    // A notification may come after that of a later version, or of the deletion: what counts is what is there.
    const current = await this.r2.headFile({ bucket, key: object.key });
    if (current === null) return;
    const version = current.etag.replaceAll('"', '');
    if (object.etag !== undefined && object.etag !== version) return;
    await this.transcoding.request({ mediaId: media.id, key: object.key }, version, async () => {
      await this.transcoding.dropStale(media, version);
      await this.note(media.creatorId, media.id, { key: object.key, bytes: current.size ?? 0 });
    });
  }

  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  private async note(_creatorId: string, mediaId: string, original: { key: string; bytes: number }): Promise<void> {
    await this.database.noteOriginal(mediaId, original);
  }
}

/** `null` for what is no notification: it would not be one the next time either. */
function readEvent({ body, id }: QueueMessage): R2Event | null {
  try {
    return parseR2Event(body);
  } catch (error) {
    logFailure(`message ${id} is no notification of R2`, error instanceof Error ? error.message : error);
    return null;
  }
}
