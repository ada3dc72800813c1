import { hitCountStore } from './hit-counts.js';
import type { HitCountOptions, HitCountSource, HitCountStore } from './hit-counts.js';

export type { HitCount, HitCountOptions, HitCountSource, HitCountStore, HitLimiter } from './hit-counts.js';

/**
 * A `store` for [express-rate-limit](https://github.com/express-rate-limit/express-rate-limit) 8: in memory, or on Durable Objects where Express runs on Workers
 * (`nodejs_compat`); exact either way. The window is fixed and starts with a client's first request; it is a whole number of seconds.
 *
 * The library counts first and compares then, so refused requests count. Nobody is kept out longer by that, as the window does not move; `used` goes on
 * growing, and each refusal is a call of the object. With `skipFailedRequests` refusals are taken back like other failures.
 *
 * @param source the Durable Object namespace of `RateLimiterObject`, a `RateLimiterClient` without `lease`, or a store such as `MemoryRateLimitStore`.
 * @param options the prefix of the keys.
 * @returns the store, for one limiter. When counting fails, `onStoreError` decides, and the library's `passOnStoreError` has nothing to do; what is
 *   misconfigured rejects from `increment`.
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { rateLimit } from 'express-rate-limit';
 * import { expressRateLimitStore } from '@codex/cloudflare-clients/adapters/express-rate-limit';
 *
 * const store = expressRateLimitStore(new MemoryRateLimitStore(), { keyPrefix: 'rl:api:' });
 * const app = express();
 * app.use(rateLimit({ windowMs: 60_000, limit: 100, standardHeaders: 'draft-8', legacyHeaders: false, store }));
 * ```
 */
export function expressRateLimitStore(source: HitCountSource, options: HitCountOptions): HitCountStore {
  return hitCountStore(source, options);
}
