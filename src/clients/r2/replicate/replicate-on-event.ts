import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { parseR2Event, type R2Event } from '../bucket/queue-event.js';
import { checkOptions } from '../check-options.js';
import { checkKey, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import { routeOf, type ReplicationEnd, type Route } from './route.js';
import { syncKey, type SyncOutcome } from './sync-key.js';
import { forEachOf } from '../../../internal/for-each-of.js';

/** Between which ends events are followed, and how. */
export interface ReplicateOnEventOptions {
  /** The bucket that the events are about; events of other buckets, and of keys without its prefix, are ignored. */
  readonly from: ReplicationEnd;
  readonly to: ReplicationEnd;
  /**
   * Deletes at the destination what is gone at the source, by a request or by a lifecycle rule.
   *
   * @default false
   */
  readonly deletions?: boolean | undefined;
  /**
   * Keys of a batch on their way at a time: 1 to 64. A Worker has six connections, and a copy takes two.
   *
   * @default 3
   */
  readonly concurrency?: number | undefined;
  /** Gives it up; messages that are not done are retried. */
  readonly signal?: AbortSignal | undefined;
}

/** What came of one event. `ignored`: it is about another bucket or prefix. */
export type ReplicateOnEventOutcome = SyncOutcome | 'ignored';

/** What is used of a message of Cloudflare Queues. */
export interface QueueMessageLike {
  /** The event, as JSON that was parsed. */
  readonly body: unknown;
  /** How often it was delivered, this time included. */
  readonly attempts?: number | undefined;
  /** Marks the message as done. */
  ack(): void;
  /** Has it delivered again, after `delaySeconds` at the earliest. */
  retry(options?: { readonly delaySeconds?: number }): void;
}

/** What is used of a batch of Cloudflare Queues. */
export interface MessageBatchLike {
  readonly messages: readonly QueueMessageLike[];
}

/** What came of a batch. */
export interface ReplicateBatchReport {
  /** Messages by what came of their keys; all of these are acknowledged. */
  readonly outcomes: Readonly<Record<ReplicateOnEventOutcome, number>>;
  /** Messages that will be delivered again, and why. */
  readonly retried: readonly { readonly key: string | null; readonly error: CloudflareClientError }[];
}

const DEFAULT_CONCURRENCY = 3;
const MAX_CONCURRENCY = 64;
const FIRST_DELAY_SECONDS = 5;
/** Queues take up to 12 hours; a quarter of an hour is enough for a bucket to get well. */
const MAX_DELAY_SECONDS = 900;

/**
 * Follows one event notification: makes its key at the destination as it is at the source now. The event only says where to look,
 * so it does no harm that events come twice, late, or in another order.
 *
 * @throws {CloudflareClientError} `INVALID_EVENT` for a body that is none, `INVALID_OPTION`, `INVALID_KEY`, `R2_OBJECT_CHANGED` for a
 * source that changes all the time, other `R2_*`
 */
export async function replicateOnEvent(
  options: ReplicateOnEventOptions,
  body: unknown,
): Promise<ReplicateOnEventOutcome> {
  const route = routeFor(options);
  const key = keyOf(route, parseR2Event(body));
  return key === null ? 'ignored' : syncKey(route, key, options.deletions ?? false);
}

/**
 * Follows a batch of event notifications, as a queue consumer of a Worker gets it. Several events of one key are one look at it. Each
 * message is acknowledged, or retried with a delay that grows; one that is no event is retried too, so that it ends in the
 * dead-letter queue and not nowhere.
 *
 * @example
 * ```ts
 * async function queue(batch: MessageBatchLike): Promise<void> {
 *   const from = { client: r2, bucket: 'codex-media-production' };
 *   const to = { client: r2, bucket: 'codex-media-backup' };
 *   await replicateBatch({ from, to, deletions: true }, batch);
 * }
 * ```
 * @returns what came of the messages; it does not throw for what a key or a message is to blame for.
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`
 */
export async function replicateBatch(
  options: ReplicateOnEventOptions,
  batch: MessageBatchLike,
): Promise<ReplicateBatchReport> {
  const route = routeFor(options);
  const concurrency = integerOption('concurrency', options.concurrency ?? DEFAULT_CONCURRENCY, MAX_CONCURRENCY);
  const outcomes = { copied: 0, deleted: 0, unchanged: 0, ignored: 0 };
  const retried: { key: string | null; error: CloudflareClientError }[] = [];
  const byKey = new Map<string, QueueMessageLike[]>();
  for (const message of batch.messages) {
    try {
      const key = keyOf(route, parseR2Event(message.body));
      if (key !== null) byKey.set(key, [...(byKey.get(key) ?? []), message]);
      else {
        outcomes.ignored += 1;
        message.ack();
      }
    } catch (error) {
      retry(message);
      retried.push({ key: null, error: toError(error) });
    }
  }
  await forEachOf([...byKey], concurrency, async ([key, messages]) => {
    try {
      const outcome = await syncKey(route, key, options.deletions ?? false);
      outcomes[outcome] += messages.length;
      for (const message of messages) message.ack();
    } catch (error) {
      for (const message of messages) retry(message);
      retried.push(...messages.map(() => ({ key, error: toError(error) })));
    }
  });
  return { outcomes, retried };
}

function routeFor(options: ReplicateOnEventOptions): Route {
  const { from, to, signal } = checkOptions(options);
  const deletions: unknown = options.deletions ?? false;
  if (typeof deletions === 'boolean') return routeOf(from, to, signal);
  throw new CloudflareClientError('INVALID_OPTION', `deletions ${shown(deletions)} must be true or false.`);
}

/** The key without the prefix; `null` for an event that is about something else. */
function keyOf({ from }: Route, { bucket, object }: R2Event): string | null {
  if (bucket !== from.bucket || !object.key.startsWith(from.prefix)) return null;
  checkKey(object.key);
  return object.key.slice(from.prefix.length);
}

/** Later each time, for what is busy and for what is broken alike: 5 s, 10 s, 20 s ... a quarter of an hour. */
function retry(message: QueueMessageLike): void {
  const delaySeconds = FIRST_DELAY_SECONDS * 2 ** Math.max((message.attempts ?? 1) - 1, 0);
  message.retry({ delaySeconds: Math.min(delaySeconds, MAX_DELAY_SECONDS) });
}

function toError(error: unknown): CloudflareClientError {
  if (isCloudflareClientError(error)) return error;
  return new CloudflareClientError('R2_FAILED', 'R2 replication of an event failed.', { cause: error });
}
