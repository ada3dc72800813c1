import { hitCountStore } from './hit-counts.js';
import type { HitCountOptions, HitCountSource, HitCountStore } from './hit-counts.js';

export type { HitCount, HitCountOptions, HitCountSource, HitCountStore, HitLimiter } from './hit-counts.js';

/**
 * A `store` for [hono-rate-limiter](https://github.com/rhinobase/hono-rate-limiter) 0.5, exact on Durable Objects: of 50 requests at once a limit of 5
 * lets 5 through. The window is fixed and starts with a client's first request; it is a whole number of seconds.
 *
 * The library counts first and compares then, so refused requests count. Nobody is kept out longer by that, as the window does not move; `used` goes on
 * growing, and each refusal is a call of the object. `skipFailedRequests` does not take refusals back: the library does not
 * take them for failures. `RateLimiterClient` refuses from memory, and knows windows that slide.
 *
 * @param source the Durable Object namespace of `RateLimiterObject`, a `RateLimiterClient` without `lease`, or a store such as `MemoryRateLimitStore`.
 * @param options the prefix of the keys.
 * @returns the store, for one limiter. When counting fails, `onStoreError` decides; what is misconfigured throws from `increment`.
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { Hono } from 'hono';
 * import { rateLimiter } from 'hono-rate-limiter';
 * import { honoRateLimitStore } from '@codex/cloudflare-clients/adapters/hono-rate-limiter';
 *
 * const app = new Hono<{ Bindings: Env }>();
 * app.use('/api/*', (c, next) => {
 *   const store = honoRateLimitStore(c.env.RATE_LIMITER, { keyPrefix: 'rl:api:' });
 *   const keyGenerator = () => ipKey(c.req.header('CF-Connecting-IP'));
 *   return rateLimiter<{ Bindings: Env }>({ windowMs: 60_000, limit: 100, keyGenerator, store })(c, next);
 * });
 * ```
 */
export function honoRateLimitStore(source: HitCountSource, options: HitCountOptions): HitCountStore {
  return hitCountStore(source, options);
}
