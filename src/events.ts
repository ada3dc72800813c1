import type { ErrorCode } from './errors.js';

/** The client that an event comes from. */
export type EventSource = 'kv' | 'cache' | 'session' | 'rate-limit' | 'r2';

/** A cached value was served. */
export interface CacheHitEvent {
  readonly type: 'cache.hit';
  readonly keyPrefix: string;
  /** Milliseconds since the value was written; 0 when the entry does not say. */
  readonly ageMs: number;
}

/** A cached value was asked for and could not be served. */
export interface CacheMissEvent {
  readonly type: 'cache.miss';
  readonly keyPrefix: string;
  /** `absent`: nothing stored; `expired`: past its TTL; `corrupt`: not what this client writes; `error`: KV failed or timed out. */
  readonly reason: 'absent' | 'expired' | 'corrupt' | 'error';
}

/** A value was written to the cache. */
export interface CacheWriteEvent {
  readonly type: 'cache.write';
  readonly keyPrefix: string;
  readonly ttlSeconds: number;
}

/** A loaded value was handed to the caller and not stored, because JSON cannot hold it (`undefined`, a cycle, a bigint). */
export interface CacheSkipEvent {
  readonly type: 'cache.skip';
  readonly keyPrefix: string;
  readonly reason: string;
}

/** A session was served from the cache. */
export interface SessionHitEvent {
  readonly type: 'session.hit';
}

/** A session could not be served from the cache. */
export interface SessionMissEvent {
  readonly type: 'session.miss';
  /** As for a cache miss; `revoked`: the user's sessions were ended after this one was cached. */
  readonly reason: 'absent' | 'expired' | 'corrupt' | 'revoked' | 'error';
}

/** A rate limit refused a call. */
export interface RateLimitDeniedEvent {
  readonly type: 'rate-limit.denied';
  readonly keyPrefix: string;
  readonly limit: number;
  readonly retryAfterMs: number;
}

/** A value larger than 100 kB was written to KV; smaller values read faster. It was written all the same. */
export interface LargeValueEvent {
  readonly type: 'kv.large-value';
  readonly source: EventSource;
  readonly keyPrefix: string;
  readonly bytes: number;
}

/** The platform failed and the client went on without it. What the caller got was not changed by it. */
export interface ClientErrorEvent {
  readonly type: 'client.error';
  readonly source: EventSource;
  readonly operation: 'read' | 'write' | 'delete' | 'list';
  readonly keyPrefix: string;
  readonly code: ErrorCode;
  /** The failure itself. Its message holds no secret of ours; a platform's message is passed on as it is. */
  readonly error: unknown;
}

/**
 * Everything that the clients report, told apart by `type`. No event holds a full key, a value or a credential:
 * `keyPrefix` ends where the caller's own identifiers begin (`cache:content:`, `session:`, `rl:login:`).
 */
export type ClientEvent =
  | CacheHitEvent
  | CacheMissEvent
  | CacheWriteEvent
  | CacheSkipEvent
  | SessionHitEvent
  | SessionMissEvent
  | RateLimitDeniedEvent
  | LargeValueEvent
  | ClientErrorEvent;

/**
 * Where clients send their events. Called synchronously on the caller's path, so it should only record; whatever it
 * throws is swallowed, because watching must never change the outcome of what is watched.
 */
export interface EventSink {
  emit(event: ClientEvent): void;
}
