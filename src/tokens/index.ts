import type { CacheClient } from '../clients/kv/cache-client.js';
import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import type { RateLimiterClient } from '../clients/kv/rate-limiter-client.js';
import type { SessionCacheClient } from '../clients/kv/session-cache-client.js';
import type { R2Client } from '../clients/r2/r2-client.js';
import type { R2ClientConfig } from '../clients/r2/r2-config.js';
import type { EventSink } from '../events.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import { token } from './token.js';

/** The bindings and variables of the Worker: the `env` of its handlers. */
export const ENV = token<object>('ENV');
/** The execution context of the request, where the scope was given one. */
export const EXECUTION_CONTEXT = token<ExecutionContextLike>('EXECUTION_CONTEXT');
/** The request being served, where the scope was given one. */
export const REQUEST = token<Request>('REQUEST');

/** The KV namespace of sessions; the binding `AUTH_SESSION_KV` by default. */
export const AUTH_SESSION_KV = token<KVNamespaceLike>('AUTH_SESSION_KV');
/** The KV namespace of rate limits; the binding `RATE_LIMIT_KV` by default. */
export const RATE_LIMIT_KV = token<KVNamespaceLike>('RATE_LIMIT_KV');
/** The KV namespace of the general cache; the binding `CACHE_KV` by default. */
export const CACHE_KV = token<KVNamespaceLike>('CACHE_KV');
/** The credentials of R2, read from the `R2_*` variables by default. */
export const R2_CONFIG = token<R2ClientConfig>('R2_CONFIG');

/** The general cache. */
export const CACHE_CLIENT = token<CacheClient>('CACHE_CLIENT');
/** The session cache. */
export const SESSION_CACHE_CLIENT = token<SessionCacheClient>('SESSION_CACHE_CLIENT');
/** The rate limiter. */
export const RATE_LIMITER_CLIENT = token<RateLimiterClient>('RATE_LIMITER_CLIENT');
/** The object storage. */
export const R2_CLIENT = token<R2Client>('R2_CLIENT');

/** Where the clients of a scope send their events, when it is provided. */
export const EVENT_SINK = token<EventSink>('EVENT_SINK');
