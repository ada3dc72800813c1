import type { EventSink } from '../../../events.js';
import type { ExecutionContextLike } from '../../../internal/execution-context.js';
import type { OperationBudget } from '../operation-budget.js';
import type { CacheCodec } from './cache-codec.js';
import type { MemoryTier } from './memory-tier.js';
import type { StandardSchema } from './standard-schema.js';

/** Seconds that a value stays fresh, an integer from 1; or what says them from the loaded value, 0 for a value not to be kept. */
export type Ttl<T> = number | ((value: T) => number);

/** What a loader is told. */
export interface LoadContext {
  /** Aborted with the error that the caller gets when the load exceeds its hard timeout. */
  readonly signal: AbortSignal;
}

/** Loads a value that the cache does not have. */
export type Loader<T> = (context: LoadContext) => T | Promise<T>;

/** How values are kept and refreshed. Given to the client for all calls and to a call for itself; that of the call wins. */
export interface CachePolicyOptions {
  /**
   * Seconds after the TTL in which the value is still served, while a refresh runs in the background. Needs `waitUntil`;
   * without it such a value counts as expired.
   *
   * @default 0
   */
  readonly staleWhileRevalidate?: number;
  /**
   * Seconds after the TTL in which the value is served when the load fails or exceeds a timeout.
   *
   * @default 0
   */
  readonly staleIfError?: number;
  /**
   * Seconds for which a key is not refreshed in the background again after a refresh of it failed, across the requests of an isolate.
   *
   * @default 5
   */
  readonly refreshBackoffSeconds?: number;
  /**
   * Milliseconds after which a load that is not done yet gives way to the stale value, where there is one, and goes on in the
   * background. Needs `waitUntil`, and applies within `staleIfError`.
   *
   * @default none
   */
  readonly softTimeoutMs?: number;
  /**
   * Milliseconds after which a load is given up: its signal is aborted, and the caller gets the stale value, or `LOADER_TIMEOUT`.
   *
   * @default none
   */
  readonly hardTimeoutMs?: number;
  /**
   * Seconds that a loaded `null` (or `undefined`, where the codec holds it) stays fresh, instead of the TTL. It has no stale bounds.
   *
   * @default the TTL
   */
  readonly negativeTtlSeconds?: number;
  /**
   * The share of the TTL, 0 to 0.5, by which it is shortened at random, so that entries written together do not expire together.
   *
   * @default 0
   */
  readonly ttlJitter?: number;
  /**
   * XFetch's beta, 0 to 10: a fresh value is refreshed early, the likelier the nearer its end and the longer its load took.
   * 1 is the optimum of the paper; 0 is off. https://www.vldb.org/pvldb/vol8/p886-vattani.pdf
   *
   * @default 0
   */
  readonly earlyRefresh?: number;
  /**
   * Whose loads of one key are shared. `'request'`: those of this client, which is made per request. `'isolate'`: those of every request of this isolate over
   * the same namespace: the first one's loader runs, under its identity, and the others get copies. Needs `waitUntil`.
   *
   * @default 'request'
   */
  readonly singleFlight?: 'request' | 'isolate';
  /**
   * Milliseconds that a request waits for the load of another before it loads itself.
   *
   * @default 5_000
   */
  readonly joinTimeoutMs?: number;
  /**
   * Whether a call waits until what it loaded is stored. With `false` the write goes on under `waitUntil`, where there is one.
   *
   * @default true
   */
  readonly awaitWrites?: boolean;
  /**
   * How values become text.
   *
   * @default plain JSON, which refuses what it would lose
   */
  readonly codec?: CacheCodec;
}

/** Options of one `getOrSet` or `getOrSetMany`. */
export interface GetOrSetOptions<T> extends CachePolicyOptions {
  /**
   * Names under which the entry can be invalidated: at most 32; what is longer than 128 UTF-8 bytes is shortened as `cacheTag` does. Known ones are checked in the read of
   * the entry itself; those that a function gives cost a second read.
   *
   * @default none
   */
  readonly tags?: readonly string[] | ((value: T) => readonly string[]);
  /**
   * Whether a loaded value is stored; it is returned either way.
   *
   * @default always
   */
  readonly cacheIf?: (value: T) => boolean;
  /**
   * Checks what is read from the cache; a mismatch is a miss. Loaded values are not checked. What the schema answers is returned.
   *
   * @default none
   */
  readonly schema?: StandardSchema<T>;
  /**
   * Whether to load and store even when the value is there.
   *
   * @default false
   */
  readonly forceFresh?: boolean;
  /**
   * Whether to leave the cache out: the loader runs, and nothing is read, shared or stored.
   *
   * @default false
   */
  readonly bypass?: boolean;
}

/** Options of one `set`. */
export interface CacheSetOptions extends Pick<CachePolicyOptions, 'staleWhileRevalidate' | 'staleIfError' | 'codec'> {
  /**
   * Names under which the entry can be invalidated: at most 32; what is longer than 128 UTF-8 bytes is shortened as `cacheTag` does.
   *
   * @default none
   */
  readonly tags?: readonly string[];
}

/** Options of `CacheClient`. */
export interface CacheClientOptions extends CachePolicyOptions {
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** Where hits, misses, writes and failures are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * How events name keys.
   *
   * @default 'prefix'
   */
  readonly eventKeys?: 'prefix' | 'hash' | 'raw';
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Where jitter and early refreshes take their chance from: numbers from 0 to below 1.
   *
   * @default Math.random
   */
  readonly random?: () => number;
  /** `ctx.waitUntil`, bound: background work goes through it, and writes of `getOrSet` outlive a visitor who goes away. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
  /**
   * Whether a second read of a key by this client is answered from the first, with a copy. For clients that live for one request.
   *
   * @default false
   */
  readonly memo?: boolean;
  /**
   * A cache in the memory of the isolate, in front of KV. Make it once, at module scope, with `memoryTier(...)`.
   *
   * @default none
   */
  readonly memory?: MemoryTier | undefined;
  /**
   * Seconds for which Cloudflare's edge keeps what a read found, or did not find: an integer from 30. More makes reads faster and later to
   * see changes. https://developers.cloudflare.com/kv/api/read-key-value-pairs/
   *
   * @default KV's own, 60
   */
  readonly cacheTtlSeconds?: number;
  /**
   * Whether `clear()` works. Each client then reads the time of the last `clear` together with its first key.
   *
   * @default false
   */
  readonly clearable?: boolean;
  /**
   * How many KV operations may be made, shared with the other clients of the request.
   *
   * @default none with `new`; 1,000 per request scope
   */
  readonly budget?: OperationBudget | undefined;
}
