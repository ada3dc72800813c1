import type { ExecutionContextLike } from '../internal/execution-context.js';
import { provideCache } from './cache.js';
import type { ProvideCacheOptions } from './cache.js';
import { createContainer } from './container.js';
import type { Container } from './container.js';
import { provideLocks } from './locks.js';
import type { ProvideLocksOptions } from './locks.js';
import type { Provider } from './provider.js';
import { provideR2 } from './r2.js';
import type { ProvideR2Options } from './r2.js';
import { provideRateLimiter } from './rate-limiter.js';
import type { ProvideRateLimiterOptions } from './rate-limiter.js';
import type { RequestScope } from './request-scope.js';
import { provideSessionCache } from './session-cache.js';
import type { ProvideSessionCacheOptions } from './session-cache.js';

/** Options of {@link provideCloudflareClients}, by client. */
export interface ProvideCloudflareClientsOptions {
  /** Of the general cache. */
  readonly cache?: ProvideCacheOptions;
  /** Of the session cache. */
  readonly sessionCache?: ProvideSessionCacheOptions;
  /** Of the rate limiter. */
  readonly rateLimiter?: ProvideRateLimiterOptions;
  /** Of locks. */
  readonly locks?: ProvideLocksOptions;
  /** Of the object storage. */
  readonly r2?: ProvideR2Options;
}

/**
 * Provides all clients under their default binding and variable names: `AUTH_SESSION_KV`, `RATE_LIMIT_KV`, `CACHE_KV`,
 * `LOCKS`, `R2_ACCOUNT_ID`, `R2_ACCESS_KEY_ID`, `R2_SECRET_ACCESS_KEY`. A binding is asked for when its client is first resolved,
 * so those of unused clients may be absent. A Worker that does not use R2 is smaller with one `provideX()` per client.
 *
 * @param options other names, and the clients' own options.
 * @returns the providers.
 */
export function provideCloudflareClients(options: ProvideCloudflareClientsOptions = {}): readonly Provider[] {
  return [
    ...provideCache(options.cache),
    ...provideSessionCache(options.sessionCache),
    ...provideRateLimiter(options.rateLimiter),
    ...provideLocks(options.locks),
    ...provideR2(options.r2),
  ];
}

let allClients: Container | undefined;

/**
 * Opens the scope of one request with all clients under their default names: a one-liner over
 * `createContainer(provideCloudflareClients()).scope({ env, ctx })`.
 *
 * @param env the bindings and variables of the Worker.
 * @param ctx the execution context, for work that goes on after the response.
 * @returns the scope, a tsyringe container.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `env` is not an object.
 * @example
 * ```ts
 * export default {
 *   async fetch(request, env, ctx) {
 *     const container = createRequestContainer(env, ctx);
 *     const session = await container.resolve(SessionCacheClient).get(token);
 *     return Response.json(session);
 *   },
 * } satisfies ExportedHandler<Env>;
 * ```
 */
export function createRequestContainer(env: object, ctx?: ExecutionContextLike): RequestScope {
  allClients ??= createContainer(provideCloudflareClients());
  return allClients.scope({ env, ctx });
}
