import type { CacheClient } from '../clients/kv/cache/cache-client.js';
import type { LockClient } from '../clients/durable/lock-client.js';
import type { ObjectNamespaceLike } from '../clients/durable/object-namespace.js';
import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import type { OperationBudget } from '../clients/kv/operation-budget.js';
import type { RateLimiterClient } from '../clients/rate-limit/rate-limiter-client.js';
import type { SessionCacheClient } from '../clients/kv/session/session-cache-client.js';
import type { R2Client } from '../clients/r2/r2-client.js';
import type { R2BindingsConfig, R2ClientConfig } from '../clients/r2/r2-config.js';
import type { EventSink } from '../events.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import { token } from './token.js';
import type { Token } from './token.js';

/** The bindings and variables of the Worker: the `env` of its handlers. */
export const ENV: Token<object> = token('ENV');
/** The execution context of the request, where the scope was given one. */
export const EXECUTION_CONTEXT: Token<ExecutionContextLike> = token('EXECUTION_CONTEXT');
/** The request being served, where the scope was given one. */
export const REQUEST: Token<Request> = token('REQUEST');

/** The KV namespace of sessions; the binding `AUTH_SESSION_KV` by default. */
export const AUTH_SESSION_KV: Token<KVNamespaceLike> = token('AUTH_SESSION_KV');
/** The KV namespace of rate limits; the binding `RATE_LIMIT_KV` by default. */
export const RATE_LIMIT_KV: Token<KVNamespaceLike> = token('RATE_LIMIT_KV');
/** The KV namespace of the general cache; the binding `CACHE_KV` by default. */
export const CACHE_KV: Token<KVNamespaceLike> = token('CACHE_KV');
/** The Durable Objects of exact rate limits; the binding `RATE_LIMITER` by default. */
export const RATE_LIMITER: Token<ObjectNamespaceLike> = token('RATE_LIMITER');
/** The Durable Objects of locks; the binding `LOCKS` by default. */
export const LOCKS: Token<ObjectNamespaceLike> = token('LOCKS');
/** The Durable Objects of counters; the binding `COUNTERS` by default. */
export const COUNTERS: Token<ObjectNamespaceLike> = token('COUNTERS');
/** The Durable Objects of revocations; the binding `SESSIONS` by default. */
export const SESSIONS: Token<ObjectNamespaceLike> = token('SESSIONS');
/** The credentials of R2, read from the `R2_*` variables by default, and its bound buckets. */
export const R2_CONFIG: Token<R2ClientConfig | R2BindingsConfig> = token('R2_CONFIG');

/** The general cache. */
export const CACHE_CLIENT: Token<CacheClient> = token('CACHE_CLIENT');
/** The session cache. */
export const SESSION_CACHE_CLIENT: Token<SessionCacheClient> = token('SESSION_CACHE_CLIENT');
/** The rate limiter. */
export const RATE_LIMITER_CLIENT: Token<RateLimiterClient> = token('RATE_LIMITER_CLIENT');
/** Locks. */
export const LOCK_CLIENT: Token<LockClient> = token('LOCK_CLIENT');
/** The object storage. */
export const R2_CLIENT: Token<R2Client> = token('R2_CLIENT');

/** Where the clients of a scope send their events, when it is provided. */
export const EVENT_SINK: Token<EventSink> = token('EVENT_SINK');
/** The KV operations that the clients of a scope share: 1,000 unless provided otherwise. */
export const OPERATION_BUDGET: Token<OperationBudget> = token('OPERATION_BUDGET');
