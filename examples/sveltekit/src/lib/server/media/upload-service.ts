import {
  CacheEvict,
  COUNTER_CLIENT,
  createUploadHandler,
  Injectable,
  isCloudflareClientError,
  mediaKeys,
  R2_CLIENT,
} from '@codex/cloudflare-clients';
import type { CounterClient, R2Client } from '@codex/cloudflare-clients';
import type { MediaCard } from '$lib/shapes.js';
import { MediaTable, toCard } from '../data/media-table.js';
import { logFailure } from '../log.js';
import { Refusal } from '../refusal.js';
import { creatorTag } from './content-service.js';
import { MediaService } from './media-service.js';
import { MEDIA_BUCKET } from './tokens.js';
import { TRANSCODING_QUEUE } from './transcoding-message.js';
import type { TranscodingMessage } from './transcoding-message.js';

/** Bytes of an original at most. */
export const MAX_UPLOAD_BYTES = 5 * 1024 ** 3;
/** Media types of originals. */
export const UPLOAD_TYPES = ['video/*', 'audio/*'] as const;

/** Uploads of originals from the browser: the bytes go straight to the bucket, and never through this app. */
@Injectable(MediaService, MediaTable, R2_CLIENT, MEDIA_BUCKET, TRANSCODING_QUEUE, COUNTER_CLIENT)
export class UploadService {
  constructor(
    private readonly mediaService: MediaService,
    private readonly media: MediaTable,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly queue: Pick<Queue<TranscodingMessage>, 'send'>,
    private readonly counters: CounterClient,
  ) {}

  /** Signs what Uppy asks for, below the folder of one draft of the caller's. @throws {Refusal} 404; 409 for what has an original. */
  async sign(creatorId: string, mediaId: string, request: Request): Promise<Response> {
    const { status } = await this.mediaService.own(creatorId, mediaId);
    if (status !== 'draft') throw new Refusal(409, 'There is a film in it already. Make another item for this one.');
    const handle = createUploadHandler(this.r2, {
      bucket: this.bucket,
      basePath: `/api/media/${mediaId}/uploads`,
      allowedTypes: UPLOAD_TYPES,
      maxSizeBytes: MAX_UPLOAD_BYTES,
      authorize: () => ({ prefix: mediaKeys(creatorId).originalPrefix(mediaId) }),
      onError: (error) => logFailure(`an upload to ${mediaId} could not be signed`, error),
    });
    return handle(request);
  }

  /**
   * Notes that the original is in the bucket, which is asked. Whoever notes it first, this or the media Worker that R2 tells, has it transcoded.
   *
   * @throws {Refusal} 403 for a key that is not below the item; 404 when there is nothing.
   */
  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  async complete(creatorId: string, mediaId: string, key: string): Promise<MediaCard> {
    const row = await this.mediaService.own(creatorId, mediaId);
    if (row.status !== 'draft') return toCard(row);
    if (
      mediaKeys(creatorId).parse(key)?.mediaId !== mediaId ||
      !key.startsWith(mediaKeys(creatorId).originalPrefix(mediaId))
    ) {
      throw new Refusal(403, 'This file does not belong to the item.');
    }
    const file = await this.r2.headFile({ bucket: this.bucket, key });
    if (file === null) throw new Refusal(404, 'The upload has not arrived.');
    // By the name of the operation that the media Worker has for it, when R2 tells it of the upload: one of the two does it.
    await this.counters.once(`transcode:${mediaId}:${file.etag}`, async () => {
      await this.media.setUploaded(creatorId, mediaId, { key, bytes: file.size ?? 0 });
      await this.queue.send({ mediaId, key });
      return null;
    });
    return toCard(await this.mediaService.own(creatorId, mediaId));
  }
}

/** Whether a failure says that uploads are not set up: no credentials of the bucket, as in `vite dev` without .dev.vars. */
export function isWithoutCredentials(error: unknown): boolean {
  return isCloudflareClientError(error, 'MISSING_CREDENTIALS') || isCloudflareClientError(error, 'MISSING_VARIABLE');
}
