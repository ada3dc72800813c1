import {
  CACHE_CLIENT,
  CacheEvict,
  COUNTER_CLIENT,
  Injectable,
  LOCK_CLIENT,
  mediaKeys,
  R2_CLIENT,
} from '@codex/cloudflare-clients';
import type { CacheClient, CounterClient, LockClient, R2Client } from '@codex/cloudflare-clients';
import type { QueueMessage } from '@codex/cloudflare-clients/workers';
import { creatorTag } from './content-service.js';
import type { Database, Media, MediaStatus } from './database.js';
import { logFailure } from './log.js';
import { DATABASE, MEDIA_BUCKET, TRANSCODING_QUEUE } from './tokens.js';
import { Transcoder } from './transcoder.js';

const STATUS_SECONDS = 3600;
const LEASE_MS = 30_000;
const MAX_ATTEMPTS = 3;
const RETRY_SECONDS = 10;

/** What the queue carries. */
export interface TranscodingJob {
  readonly mediaId: string;
  /** The key of the original as it was when the job was sent: a job of an original that was replaced is out of date. */
  readonly key: string;
}

/** How far the transcoding of an item is. */
export interface TranscodingStatus {
  readonly status: MediaStatus;
  /** Percent. */
  readonly progress: number;
}

/** Sends originals to the transcoder, once each, and as the queue's consumer keeps the status of each item in the cache and the database. */
@Injectable(DATABASE, CACHE_CLIENT, COUNTER_CLIENT, LOCK_CLIENT, R2_CLIENT, MEDIA_BUCKET, TRANSCODING_QUEUE, Transcoder)
export class TranscodingService {
  constructor(
    private readonly database: Database,
    private readonly cache: CacheClient,
    private readonly counters: CounterClient,
    private readonly locks: LockClient,
    private readonly r2: R2Client,
    private readonly bucket: string,
    private readonly queue: Queue<TranscodingJob>,
    private readonly transcoder: Transcoder,
  ) {}

  /**
   * Queues an original once, however often it is asked for.
   *
   * @param version tells uploads of one key apart: the entity tag, or what asks for it anew.
   * @param before what has to be done once, too, before it is queued.
   * @returns whether this call did it.
   */
  async request(job: TranscodingJob, version: string, before: () => Promise<void>): Promise<boolean> {
    const { replayed } = await this.counters.once(`transcode:${job.mediaId}:${version}`, async () => {
      await before();
      await this.queue.send(job);
      return null;
    });
    return !replayed;
  }

  /** Makes an item's HLS anew; `false` when it has no original. */
  async restart(mediaId: string): Promise<boolean> {
    const media = await this.database.findMedia(mediaId);
    if (media === null || media.originalKey === null) return false;
    await this.r2.deletePrefix({ bucket: this.bucket, prefix: mediaKeys(media.creatorId).hlsPrefix(mediaId) });
    await this.settle(media.creatorId, media, 'uploaded');
    await this.queue.send({ mediaId, key: media.originalKey });
    return true;
  }

  /** Each message is settled by itself: one that fails comes back later, and after the last attempt its item has failed. */
  async consume(messages: readonly QueueMessage<TranscodingJob>[]): Promise<void> {
    for (const message of messages) {
      const { mediaId } = message.body;
      try {
        // A queue delivers at least once: two deliveries of a message do not work on one item at a time.
        const options = { ttlMs: LEASE_MS, timeoutMs: 0 };
        await this.locks.run(`transcode:${mediaId}`, options, ({ signal }) => this.work(message.body, signal));
        message.ack();
      } catch (error) {
        logFailure(`${mediaId} not transcoded, attempt ${message.attempts}`, error);
        await this.failOrRetry(message);
      }
    }
  }

  /** From the cache while it goes on, else from the database; `null` when there is no such item. */
  async status(mediaId: string): Promise<TranscodingStatus | null> {
    const cached = await this.cache.get<TranscodingStatus>(statusKey(mediaId));
    if (cached !== null) return cached;
    const media = await this.database.findMedia(mediaId);
    return media === null ? null : { status: media.status, progress: media.status === 'ready' ? 100 : 0 };
  }

  private async work({ mediaId, key }: TranscodingJob, signal: AbortSignal): Promise<void> {
    const media = await this.database.findMedia(mediaId);
    if (media?.originalKey !== key || media.status === 'ready') return;
    const master = mediaKeys(media.creatorId).hlsMaster(mediaId);
    // It is written last: who finds it finds all. An earlier delivery made it, or somebody uploaded it.
    const isThere = (await this.r2.headFile({ bucket: this.bucket, key: master })) !== null;
    if (isThere) return this.settle(media.creatorId, media, 'ready');
    await this.settle(media.creatorId, media, 'transcoding');
    const outcome = await this.transcoder.run({ bucket: this.bucket, key }, signal, (progress) =>
      this.note(mediaId, { status: 'transcoding', progress }),
    );
    // Without a transcoder the original is what is played.
    await this.settle(media.creatorId, media, outcome === 'unavailable' ? 'uploaded' : 'ready');
  }

  private async failOrRetry(message: QueueMessage<TranscodingJob>): Promise<void> {
    const { mediaId } = message.body;
    if (message.attempts < MAX_ATTEMPTS) {
      message.retry({ delaySeconds: RETRY_SECONDS * 2 ** (message.attempts - 1) });
      return;
    }
    try {
      const media = await this.database.findMedia(mediaId);
      if (media !== null) await this.settle(media.creatorId, media, 'failed');
      message.ack();
    } catch (error) {
      logFailure(`${mediaId} not marked as failed`, error);
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }

  @CacheEvict({ tags: (creatorId) => [creatorTag(creatorId)] })
  private async settle(_creatorId: string, media: Media, status: MediaStatus): Promise<void> {
    await this.database.setStatus(media.id, status);
    await this.note(media.id, { status, progress: status === 'ready' ? 100 : 0 });
  }

  private async note(mediaId: string, status: TranscodingStatus): Promise<void> {
    await this.cache.set(statusKey(mediaId), status, STATUS_SECONDS);
  }
}

function statusKey(mediaId: string): string {
  return `cache:media:status:${mediaId}`;
}
