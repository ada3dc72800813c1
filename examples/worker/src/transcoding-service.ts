import { CACHE_CLIENT, COUNTER_CLIENT, Injectable, LOCK_CLIENT } from '@codex/cloudflare-clients';
import type { CacheClient, CounterClient, LockClient } from '@codex/cloudflare-clients';
import { logFailure } from './log.js';
import { TRANSCODING_QUEUE } from './tokens.js';

const STATUS_SECONDS = 3600;
const LEASE_MS = 30_000;

/** What the queue carries. */
export interface TranscodingMessage {
  readonly mediaId: string;
  readonly progress: number;
}

/** How far the transcoding of an item is. */
export interface TranscodingStatus {
  readonly status: 'transcoding' | 'ready';
  readonly progress: number;
}

/** Sends transcoding messages and, as their consumer, keeps the status of each item in the cache. */
@Injectable(CACHE_CLIENT, COUNTER_CLIENT, LOCK_CLIENT, TRANSCODING_QUEUE)
export class TranscodingService {
  constructor(
    private readonly cache: CacheClient,
    private readonly counters: CounterClient,
    private readonly locks: LockClient,
    private readonly queue: Queue<TranscodingMessage>,
  ) {}

  /** Queues an item once, however often it is asked for. Says whether this call did it. */
  async request(mediaId: string): Promise<boolean> {
    const { replayed } = await this.counters.once(`transcode:${mediaId}`, async () => {
      await this.queue.send({ mediaId, progress: 100 });
      return null;
    });
    return !replayed;
  }

  /** A message whose status cannot be written comes back later; the others are done. */
  async consume(messages: readonly Message<TranscodingMessage>[]): Promise<void> {
    for (const message of messages) {
      const { mediaId, progress } = message.body;
      const status: TranscodingStatus = { status: progress < 100 ? 'transcoding' : 'ready', progress };
      try {
        // A queue delivers at least once: two deliveries of a message do not work on one item at a time.
        await this.locks.run(`transcode:${mediaId}`, { ttlMs: LEASE_MS, timeoutMs: LEASE_MS }, () =>
          this.cache.set(statusKey(mediaId), status, STATUS_SECONDS),
        );
        message.ack();
      } catch (error) {
        logFailure(`transcoding status of ${mediaId} not written`, error);
        message.retry();
      }
    }
  }

  async status(mediaId: string): Promise<TranscodingStatus | null> {
    return this.cache.get<TranscodingStatus>(statusKey(mediaId));
  }
}

function statusKey(mediaId: string): string {
  return `cache:media:status:${mediaId}`;
}
