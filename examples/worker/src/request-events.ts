import type { CacheHitEvent, CacheMissEvent, ClientEvent, EventSink } from '@codex/cloudflare-clients';
import { logFailure } from './log.js';

type CacheReadEvent = CacheHitEvent | CacheMissEvent;

/** What the clients of one request reported; provided per scope as its EVENT_SINK. */
export class RequestEvents implements EventSink {
  readonly #events: ClientEvent[] = [];

  emit(event: ClientEvent): void {
    this.#events.push(event);
    if (event.type === 'client.error' || event.type === 'cache.error')
      logFailure(`${event.source} ${event.operation}`, event.error);
  }

  /** How the last read under a key prefix went: `hit`, `miss`, or `null` when nothing was read. */
  cacheStatus(keyPrefix: string): 'hit' | 'miss' | null {
    const read = this.#events
      .filter((event): event is CacheReadEvent => event.type === 'cache.hit' || event.type === 'cache.miss')
      .findLast((event) => event.keyPrefix === keyPrefix);
    if (read === undefined) return null;
    return read.type === 'cache.hit' ? 'hit' : 'miss';
  }

  /** Where the session of this request came from; `null` when none was asked for. */
  sessionSource(): 'cache' | 'database' | null {
    const read = this.#events.findLast(({ type }) => type === 'session.hit' || type === 'session.miss');
    if (read === undefined) return null;
    return read.type === 'session.hit' ? 'cache' : 'database';
  }
}
