import type { ErrorCode } from './errors.js';

/** The client that an event comes from. */
export type EventSource = 'kv' | 'cache' | 'session' | 'rate-limit' | 'lock' | 'counter' | 'r2';

/** Where a cached value was found: what this request read already, this isolate's memory, or KV. */
export type CacheTier = 'memo' | 'memory' | 'kv';

/** How events name a cache key. */
export interface CacheKeyFields {
  /** The key up to where the caller's own identifiers begin: `cache:content:`. */
  readonly keyPrefix: string;
  /** A 53-bit hash of the key in hexadecimal, with `eventKeys: 'hash'`: tells keys apart and does not show them. */
  readonly keyHash?: string;
  /** The key itself, with `eventKeys: 'raw'` alone. */
  readonly key?: string;
}

/** A cached value was served within its TTL. */
export interface CacheHitEvent extends CacheKeyFields {
  readonly type: 'cache.hit';
  readonly tier: CacheTier;
  /** Milliseconds since the value was loaded; 0 when the entry does not say. */
  readonly ageMs: number;
  /** Size of the stored text in UTF-8. */
  readonly bytes: number;
  /** Milliseconds that finding it took. Workers' clocks stand still between I/O. */
  readonly durationMs: number;
}

/** A cached value was served after its TTL, within a stale bound. */
export interface CacheStaleEvent extends CacheKeyFields {
  readonly type: 'cache.stale';
  readonly tier: CacheTier;
  /**
   * `revalidate`: a refresh is under way or waits for its back-off; `error`: the load failed, or backs off; `timeout`: the load is
   * slow; `lookup`: `CacheClient.lookup` was asked.
   */
  readonly reason: 'revalidate' | 'error' | 'timeout' | 'lookup';
  readonly ageMs: number;
  /** Milliseconds since the value's TTL ran out. */
  readonly staleMs: number;
  readonly bytes: number;
}

/** Why a cached value could not be served. */
export type CacheMissReason =
  /** Nothing is stored. */
  | 'absent'
  /** Past its TTL and every stale bound. */
  | 'expired'
  /** Not what this client writes, or in a format that its codec does not read. */
  | 'corrupt'
  /** KV failed, did not answer in time, or the operation budget is spent. */
  | 'error'
  /** One of its tags, or the whole namespace, was invalidated after it was loaded. */
  | 'invalidated'
  /** The schema refused it. */
  | 'schema'
  /** The caller asked for a fresh one. */
  | 'forced';

/** A cached value was asked for and could not be served. */
export interface CacheMissEvent extends CacheKeyFields {
  readonly type: 'cache.miss';
  readonly reason: CacheMissReason;
  readonly durationMs: number;
}

/** A loader ran while its caller waited. */
export interface CacheLoadEvent extends CacheKeyFields {
  readonly type: 'cache.load';
  /** `joined`: it waited for the load of another request; `timeout`: the hard timeout passed. */
  readonly outcome: 'value' | 'error' | 'timeout' | 'joined';
  /** How many keys were asked of it: more than 1 for `getOrSetMany`. */
  readonly keys: number;
  readonly durationMs: number;
}

/** A loader ran in the background, for a value that was served already. */
export interface CacheRefreshEvent extends CacheKeyFields {
  readonly type: 'cache.refresh';
  /** `stale`: past its TTL; `early`: before it, by chance; `slow`: the caller left at its soft timeout. */
  readonly trigger: 'stale' | 'early' | 'slow';
  /** As of `cache.load`. */
  readonly outcome: 'value' | 'error' | 'timeout' | 'joined';
  readonly keys: number;
  readonly durationMs: number;
  /** What the loader threw, where it did: nobody else is told. */
  readonly error?: unknown;
}

/** A value was written to the cache. */
export interface CacheWriteEvent extends CacheKeyFields {
  readonly type: 'cache.write';
  /** Seconds that it stays fresh, after jitter. */
  readonly ttlSeconds: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/** A loaded value was handed to the caller and not stored: the codec cannot hold it, `cacheIf` refused it, or the like. */
export interface CacheSkipEvent extends CacheKeyFields {
  readonly type: 'cache.skip';
  /** A sentence that says why. It does not show the value. */
  readonly reason: string;
}

/** Entries were made unusable. */
export interface CacheInvalidateEvent {
  readonly type: 'cache.invalidate';
  readonly kind: 'key' | 'prefix' | 'tag' | 'clear';
  /** Keys deleted, tags marked; 1 for `clear`. */
  readonly count: number;
  readonly durationMs: number;
}

/** The cache failed and the call went on without it. What the caller got was not changed by it. */
export interface CacheErrorEvent extends CacheKeyFields {
  readonly type: 'cache.error';
  readonly source: 'cache';
  /** `decode`: a stored value could not be read by its codec. */
  readonly operation: 'read' | 'write' | 'delete' | 'list' | 'decode';
  readonly code: ErrorCode;
  /** The failure itself. Its message holds no secret of ours; a platform's message is passed on as it is. */
  readonly error: unknown;
}

/** A session was served from the cache. */
export interface SessionHitEvent {
  readonly type: 'session.hit';
}

/** A session could not be served from the cache. */
export interface SessionMissEvent {
  readonly type: 'session.miss';
  /** As for a cache miss; `revoked`: it was ended, or all sessions of its user were, after it was issued. */
  readonly reason: 'absent' | 'expired' | 'corrupt' | 'revoked' | 'error' | 'forced';
}

/** Sessions were ended. */
export interface SessionRevokedEvent {
  readonly type: 'session.revoked';
  /** `user`: all sessions of one user. */
  readonly scope: 'session' | 'user';
}

/** Where a rate limit was decided; `isolate`: from what this isolate knew, without a call. */
export type RateLimitDecider = 'object' | 'kv' | 'binding' | 'memory' | 'isolate' | 'custom';

/** A rate limit let a call through. */
export interface RateLimitAllowedEvent {
  readonly type: 'rate-limit.allowed';
  readonly keyPrefix: string;
  readonly limit: number;
  readonly remaining: number;
  readonly decidedBy: RateLimitDecider;
  /** `store-error`: nothing was decided, and the limiter is told to let calls through then. */
  readonly reason: 'allowed' | 'store-error';
  readonly durationMs: number;
}

/** A rate limit refused a call, or would have. */
export interface RateLimitDeniedEvent {
  readonly type: 'rate-limit.denied';
  readonly keyPrefix: string;
  readonly limit: number;
  readonly retryAfterMs: number;
  readonly decidedBy: RateLimitDecider;
  readonly reason: 'limit-exceeded' | 'blocked' | 'store-error';
  /** Whether the call was let through all the same, as the limiter only watches. */
  readonly shadow: boolean;
  readonly durationMs: number;
}

/** A lock was had. */
export interface LockAcquiredEvent {
  readonly type: 'lock.acquired';
  readonly keyPrefix: string;
  readonly waitMs: number;
}

/** A lock was not had. */
export interface LockRefusedEvent {
  readonly type: 'lock.refused';
  readonly keyPrefix: string;
  /** `held`: it was not waited for; `timeout`: it was, in vain; `aborted`: the caller gave up. */
  readonly reason: 'held' | 'timeout' | 'aborted';
  readonly waitMs: number;
}

/** A lock was given back. */
export interface LockReleasedEvent {
  readonly type: 'lock.released';
  readonly keyPrefix: string;
  readonly heldMs: number;
}

/** A lease ended before its holder gave it back. */
export interface LockLostEvent {
  readonly type: 'lock.lost';
  readonly keyPrefix: string;
  readonly heldMs: number;
  /** `expired`: it was not renewed in time; `taken`: the object says that it is not held. */
  readonly reason: 'expired' | 'taken';
}

/** A counter, or `once`, met an operation that was done before, and answered as then. */
export interface CounterReplayedEvent {
  readonly type: 'counter.replayed';
  readonly keyPrefix: string;
}

/** A value larger than 100 kB was written to KV; smaller values read faster. It was written all the same. */
export interface LargeValueEvent {
  readonly type: 'kv.large-value';
  readonly source: EventSource;
  readonly keyPrefix: string;
  readonly bytes: number;
}

/** A scope has spent its budget of KV operations: automatic writes, and at last everything, are left out from now on. */
export interface BudgetEvent {
  readonly type: 'kv.budget';
  readonly source: EventSource;
  /** `writes`: only the reserve for reads is left; `all`: nothing is. */
  readonly spent: 'writes' | 'all';
  readonly limit: number;
}

/** The platform failed and a client other than the cache went on without it. What the caller got was not changed by it. */
export interface ClientErrorEvent {
  readonly type: 'client.error';
  readonly source: EventSource;
  /** `call`: of a Durable Object or of a rate-limit binding. */
  readonly operation: 'read' | 'write' | 'delete' | 'list' | 'call';
  readonly keyPrefix: string;
  readonly code: ErrorCode;
  /** The failure itself. Its message holds no secret of ours; a platform's message is passed on as it is. */
  readonly error: unknown;
}

/**
 * Everything that the clients report, told apart by `type`. No event holds a value or a credential, nor, unasked, a full key:
 * `keyPrefix` ends where the caller's own identifiers begin (`cache:content:`, `session:`, `rl:login:`).
 */
export type ClientEvent =
  | CacheHitEvent
  | CacheStaleEvent
  | CacheMissEvent
  | CacheLoadEvent
  | CacheRefreshEvent
  | CacheWriteEvent
  | CacheSkipEvent
  | CacheInvalidateEvent
  | CacheErrorEvent
  | SessionHitEvent
  | SessionMissEvent
  | SessionRevokedEvent
  | RateLimitAllowedEvent
  | RateLimitDeniedEvent
  | LockAcquiredEvent
  | LockRefusedEvent
  | LockReleasedEvent
  | LockLostEvent
  | CounterReplayedEvent
  | LargeValueEvent
  | BudgetEvent
  | ClientErrorEvent;

/**
 * Where clients send their events. Called synchronously on the caller's path, so it should only record; whatever it
 * throws is swallowed, because watching must never change the outcome of what is watched.
 */
export interface EventSink {
  /** Takes one event. */
  emit(event: ClientEvent): void;
}
