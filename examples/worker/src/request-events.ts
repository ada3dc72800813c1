import type { CacheHitEvent, CacheMissEvent, CacheStaleEvent, ClientEvent, EventSink } from '@codex/cloudflare-clients';
import { logFailure } from './log.js';

type CacheReadEvent = CacheHitEvent | CacheStaleEvent | CacheMissEvent;

const READS = { 'cache.hit': 'hit', 'cache.stale': 'stale', 'cache.miss': 'miss' } as const;

/** What the clients of one request reported; provided per scope as its EVENT_SINK. */
export class RequestEvents implements EventSink {
  readonly #events: ClientEvent[] = [];

  emit(event: ClientEvent): void {
    this.#events.push(event);
    if (event.type === 'client.error' || event.type === 'cache.error')
      logFailure(`${event.source} ${event.operation}`, event.error);
  }

  /** How the last read under a key prefix went; `null` when nothing was read. */
  cacheStatus(keyPrefix: string): 'hit' | 'stale' | 'miss' | null {
    const read = this.#events
      .filter((event): event is CacheReadEvent => event.type in READS)
      .findLast((event) => event.keyPrefix === keyPrefix);
    return read === undefined ? null : READS[read.type];
  }

  /** Where the session of this request came from; `null` when none was asked for. */
  sessionSource(): 'cache' | 'database' | null {
    const read = this.#events.findLast(({ type }) => type === 'session.hit' || type === 'session.miss');
    if (read === undefined) return null;
    return read.type === 'session.hit' ? 'cache' : 'database';
  }
}
