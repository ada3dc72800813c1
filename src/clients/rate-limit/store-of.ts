import { CloudflareClientError } from '../../errors.js';
import type { ObjectNamespaceLike } from '../durable/object-namespace.js';
import { isObjectNamespace } from '../durable/object-namespace.js';
import { isKVNamespace } from '../kv/kv-access.js';
import type { KVNamespaceLike } from '../kv/kv-namespace.js';
import { checkTimeout } from '../kv/timeout.js';
import type { RateLimitBindingLike } from './binding-rate-limit-store.js';
import { BindingRateLimitStore, isRateLimitBinding } from './binding-rate-limit-store.js';
import { KVRateLimitStore } from './kv-rate-limit-store.js';
import { ObjectRateLimitStore } from './object-rate-limit-store.js';
import type { RateLimitStore } from './rate-limit-store.js';
import type { RateLimiterClientOptions } from './rate-limiter-options.js';

/** What a limiter can be made of. */
export type RateLimitSource = ObjectNamespaceLike | KVNamespaceLike | RateLimitBindingLike | RateLimitStore;

/** Milliseconds after which an unanswered store is given up, unless told otherwise. */
export const DEFAULT_TIMEOUT_MS = 2_000;

/** Tells whether `value` is a store: by `consume` and `reset`. */
export function isRateLimitStore(value: unknown): value is RateLimitStore {
  if (typeof value !== 'object' || value === null) return false;
  const { consume, reset } = value as Partial<RateLimitStore>;
  return typeof consume === 'function' && typeof reset === 'function';
}

/**
 * The store over what a limiter was given, told by its methods.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING` for anything else, `INVALID_OPTION`.
 */
export function storeOf(source: RateLimitSource, options: RateLimiterClientOptions): RateLimitStore {
  const { now = Date.now, timeoutMs = DEFAULT_TIMEOUT_MS, events, delay } = options;
  if (isObjectNamespace(source)) {
    const { blockCache, lease, locationHint, operationId } = options;
    return new ObjectRateLimitStore(source, { timeoutMs, now, delay, blockCache, lease, locationHint, operationId });
  }
  if (isKVNamespace(source)) {
    const { budget, waitUntil } = options;
    return new KVRateLimitStore(source, { events, budget, now, timeoutMs, waitUntil, delay: delay ?? wait });
  }
  checkTimeout(timeoutMs);
  if (isRateLimitStore(source)) return source;
  if (isRateLimitBinding(source)) return new BindingRateLimitStore(source, { ...options.bindingRule, timeoutMs, now });
  const kinds = 'a Durable Object namespace, a KV namespace, a rate-limit binding nor a store';
  throw new CloudflareClientError(
    'INVALID_BINDING',
    `What was given (${typeof source}) is neither ${kinds}: add a binding to durable_objects, kv_namespaces or ratelimits in wrangler.jsonc and pass env.BINDING.`,
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
