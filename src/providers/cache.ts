import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { CacheClient } from '../clients/kv/cache/cache-client.js';
import type { CacheClientOptions } from '../clients/kv/cache/cache-options.js';
import { Injectable } from '../decorators/injectable.js';
import { CACHE_CLIENT, CACHE_KV } from '../tokens/index.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { budgetOf, eventsOf, waitUntilOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(CACHE_KV)(CacheClient);

/** Options of {@link provideCache}. */
export interface ProvideCacheOptions extends Omit<CacheClientOptions, 'events' | 'waitUntil' | 'budget'> {
  /**
   * The name of the KV namespace binding in wrangler.jsonc.
   * @default 'CACHE_KV'
   */
  readonly binding?: string;
}

/**
 * Provides `CACHE_CLIENT` and `CacheClient`, one instance per request scope, over the namespace `CACHE_KV`. Its background
 * work goes through the scope's execution context and its events to `EVENT_SINK`, where there are such.
 *
 * @param options the binding's name and the client's own options.
 * @returns the providers.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` is not a name.
 */
export function provideCache({ binding = 'CACHE_KV', ...options }: ProvideCacheOptions = {}): readonly Provider[] {
  return [
    OPERATION_BUDGET_PROVIDER,
    provideBinding(CACHE_KV, binding, KV_NAMESPACE),
    provide(CACHE_CLIENT, (container) => {
      const services = { events: eventsOf(container), budget: budgetOf(container), waitUntil: waitUntilOf(container) };
      return new CacheClient(container.resolve(CACHE_KV), withServices(options, services));
    }),
    provideAlias(CacheClient, CACHE_CLIENT),
  ];
}
