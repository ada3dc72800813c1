import type { CacheHitEvent, CacheMissEvent, CacheStaleEvent, ClientEvent, EventSink } from '@codex/cloudflare-clients';
import type { CacheBadge } from '$lib/shapes.js';
import { logFailure } from '../log.js';

type CacheReadEvent = CacheHitEvent | CacheStaleEvent | CacheMissEvent;

const READS = { 'cache.hit': 'hit', 'cache.stale': 'stale', 'cache.miss': 'miss' } as const;

/** What the clients of one request reported. */
export class RequestEvents implements EventSink {
  readonly #events: ClientEvent[] = [];

  emit(event: ClientEvent): void {
    this.#events.push(event);
    if (event.type === 'client.error' || event.type === 'cache.error')
      logFailure(`${event.source} ${event.operation} under ${event.keyPrefix}`, event.error);
  }

  /** How the last read under a key prefix went. */
  badge(keyPrefix: string): CacheBadge {
    const read = this.#events
      .filter((event): event is CacheReadEvent => event.type in READS)
      .findLast((event) => event.keyPrefix === keyPrefix);
    if (read === undefined) return { status: 'miss', ageMs: 0 };
    return { status: READS[read.type], ageMs: read.type === 'cache.miss' ? 0 : read.ageMs };
  }
}
