import 'reflect-metadata/lite';
import { RateLimiterClient } from '../clients/rate-limit/rate-limiter-client.js';
import type { RateLimiterClientOptions } from '../clients/rate-limit/rate-limiter-options.js';
import { Injectable } from '../decorators/injectable.js';
import { RATE_LIMITER_CLIENT, RATE_LIMIT_KV } from '../tokens/index.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { budgetOf, eventsOf, waitUntilOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(RATE_LIMIT_KV)(RateLimiterClient);

/** Options of {@link provideRateLimiter}. */
export interface ProvideRateLimiterOptions extends Pick<RateLimiterClientOptions, 'timeoutMs' | 'now'> {
  /**
   * The name of the KV namespace binding in wrangler.jsonc.
   * @default 'RATE_LIMIT_KV'
   */
  readonly binding?: string;
}

/**
 * Provides `RATE_LIMITER_CLIENT` and `RateLimiterClient`, one instance per request scope, over the namespace
 * `RATE_LIMIT_KV`. Counts are shared by the scopes of an isolate. They are written under the scope's execution context.
 *
 * @param options the binding's name and the client's own options.
 * @returns the providers.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` is not a name.
 */
export function provideRateLimiter({
  binding = 'RATE_LIMIT_KV',
  ...options
}: ProvideRateLimiterOptions = {}): readonly Provider[] {
  return [
    OPERATION_BUDGET_PROVIDER,
    provideBinding(RATE_LIMIT_KV, binding, KV_NAMESPACE),
    provide(RATE_LIMITER_CLIENT, (container) => {
      const services = { events: eventsOf(container), budget: budgetOf(container), waitUntil: waitUntilOf(container) };
      return new RateLimiterClient(container.resolve(RATE_LIMIT_KV), withServices(options, services));
    }),
    provideAlias(RateLimiterClient, RATE_LIMITER_CLIENT),
  ];
}
