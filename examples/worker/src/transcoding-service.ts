import {
  CACHE_CLIENT,
  CacheEvict,
  COUNTER_CLIENT,
  Injectable,
  isCloudflareClientError,
  LOCK_CLIENT,
  mediaKeys,
  R2_CLIENT,
} from '@codex/cloudflare-clients';
import type { CacheClient, CounterClient, LockClient, R2Client, R2FileInfo } from '@codex/cloudflare-clients';
import type { QueueMessage } from '@codex/cloudflare-clients/workers';
import { creatorTag } from './content-service.js';
import type { Database, Media, MediaStatus } from './database.js';
import { logFailure } from './log.js';
import { DATABASE, MEDIA_BUCKET, TRANSCODING_QUEUE } from './tokens.js';
import { Transcoder } from './transcoder.js';
import type { TranscodingOutcome } from './transcoder.js';

const STATUS_SECONDS = 3600;
const LEASE_MS = 30_000;
const MAX_ATTEMPTS = 3;
const RETRY_SECONDS = 10;
const BUSY_SECONDS = 30;
/** On a master playlist: of which original it is. One without it was put there by hand. */
const ORIGINAL_ETAG = 'original-etag';

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
    await this.deleteHls(media);
    await this.settle(media.creatorId, media, 'uploaded');
    await this.queue.send({ mediaId, key: media.originalKey });
    return true;
  }

  /** Deletes HLS that is not of this version of the original, when it took the place of an earlier one. */
  async dropStale(media: Media, etag: string): Promise<void> {
    if (media.originalKey === null) return;
    const master = await this.head(mediaKeys(media.creatorId).hlsMaster(media.id));
    if (master !== null && master.metadata[ORIGINAL_ETAG] !== etag) await this.deleteHls(media);
  }

  /** Drops what is remembered of items that are no more. */
  async forget(mediaIds: readonly string[]): Promise<void> {
    await this.cache.deleteMany(mediaIds.map(statusKey));
  }

  /** Each message is settled by itself: one that fails comes back later, and after the last attempt its item has failed. */
  async consume(messages: readonly QueueMessage<TranscodingJob>[]): Promise<void> {
    for (const message of messages) await this.take(message);
  }

  /** From the cache while it goes on, else from the database; `null` when there is no such item. */
  async status(mediaId: string): Promise<TranscodingStatus | null> {
    const cached = await this.cache.get<TranscodingStatus>(statusKey(mediaId));
    if (cached !== null) return cached;
    const media = await this.database.findMedia(mediaId);
    return media === null ? null : { status: media.status, progress: media.status === 'ready' ? 100 : 0 };
  }

  private async take(message: QueueMessage<TranscodingJob>): Promise<void> {
    const { mediaId } = message.body;
    try {
      // A queue delivers at least once: two deliveries of a message do not work on one item at a time.
      const options = { ttlMs: LEASE_MS, timeoutMs: 0 };
      await this.locks.run(`transcode:${mediaId}`, options, ({ signal }) => this.work(message.body, signal));
      message.ack();
    } catch (error) {
      if (isCloudflareClientError(error, 'LOCK_TIMEOUT')) return this.postpone(message);
      logFailure(`${mediaId} not transcoded, attempt ${message.attempts}`, error);
      await this.failOrRetry(message);
    }
  }

  private async work({ mediaId, key }: TranscodingJob, signal: AbortSignal): Promise<void> {
    const media = await this.database.findMedia(mediaId);
    const original = media?.originalKey === key ? await this.head(key) : null;
    if (media === null || original === null) return;
    const master = await this.head(mediaKeys(media.creatorId).hlsMaster(mediaId));
    // It is written last: who finds it finds all. An earlier delivery made it, or somebody uploaded it.
    if (master !== null && isOf(master, original))
      return media.status === 'ready' ? undefined : this.settle(media.creatorId, media, 'ready');
    // A player may have the playlists of the earlier film: better none than the segments of two.
    if (master !== null) await this.deleteHls(media);
    await this.settle(media.creatorId, media, 'transcoding');
    const outcome = await this.transcoder.run({ bucket: this.bucket, key }, signal, (progress) =>
      this.note(mediaId, { status: 'transcoding', progress }),
    );
    await this.conclude(media, original, outcome);
  }

  /** What became of the item in the meantime decides: it may have been deleted, or have got another original. */
  private async conclude(media: Media, original: R2FileInfo, outcome: TranscodingOutcome): Promise<void> {
    const current = await this.database.findMedia(media.id);
    const isSame = current !== null && current.originalKey === media.originalKey;
    const now = isSame ? await this.head(original.key) : null;
    if (now === null || etagOf(now) !== etagOf(original)) {
      await this.deleteHls(media);
      if (current === null) await this.forget([media.id]);
      return;
    }
    if (outcome.status === 'failed') logFailure(`${media.id} cannot be transcoded`, outcome.reason);
    // Without a transcoder the original is what is played.
    await this.settle(media.creatorId, media, outcome.status === 'unavailable' ? 'uploaded' : outcome.status);
  }

  /** Another delivery works on the item: a message in the place of this one, which loses no attempt by waiting. */
  private async postpone(message: QueueMessage<TranscodingJob>): Promise<void> {
    try {
      await this.queue.send(message.body, { delaySeconds: BUSY_SECONDS });
      message.ack();
    } catch (error) {
      logFailure(`${message.body.mediaId} not postponed`, error);
      message.retry({ delaySeconds: BUSY_SECONDS });
    }
  }

  private async failOrRetry(message: QueueMessage<TranscodingJob>): Promise<void> {
    const { mediaId, key } = message.body;
    if (message.attempts < MAX_ATTEMPTS) {
      message.retry({ delaySeconds: RETRY_SECONDS * 2 ** (message.attempts - 1) });
      return;
    }
    try {
      const media = await this.database.findMedia(mediaId);
      if (media?.originalKey === key) await this.settle(media.creatorId, media, 'failed');
      message.ack();
    } catch (error) {
      logFailure(`${mediaId} not marked as failed`, error);
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }

  private async head(key: string): Promise<R2FileInfo | null> {
    return this.r2.headFile({ bucket: this.bucket, key });
  }

  private async deleteHls({ creatorId, id }: Media): Promise<void> {
    await this.r2.deletePrefix({ bucket: this.bucket, prefix: mediaKeys(creatorId).hlsPrefix(id) });
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

/** The entity tag of an object without its quotes, which S3 has and a binding has not. */
function etagOf({ etag }: R2FileInfo): string {
  return etag.replaceAll('"', '');
}

function isOf({ metadata }: R2FileInfo, original: R2FileInfo): boolean {
  return (metadata[ORIGINAL_ETAG] ?? etagOf(original)) === etagOf(original);
}
