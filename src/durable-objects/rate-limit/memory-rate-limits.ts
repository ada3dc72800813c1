import { MemoryObjectNamespace } from '../memory-object-namespace.js';
import type { MemoryObjectNamespaceOptions } from '../memory-object-namespace.js';
import { RateLimitMachine } from './rate-limit-machine.js';

/**
 * Rate-limit objects in memory, for development and tests: what `env.RATE_LIMITER` is in production, with the state machine of the real ones. They
 * count within this process alone and are gone when it ends. Where a limiter takes a store, `MemoryRateLimitStore` is the shorter way, and one that
 * bounds its keys.
 *
 * @param options clock, timers and faults.
 * @returns a namespace for `new RateLimiterClient(...)` or for an `env`.
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(memoryRateLimits());
 * const { allowed } = await limiter.checkLimit(ip, { limit: 5, window: 60, keyPrefix: 'rl:login:' });
 * ```
 */
export function memoryRateLimits(options: MemoryObjectNamespaceOptions = {}): MemoryObjectNamespace {
  return new MemoryObjectNamespace((host) => new RateLimitMachine(host), options);
}
