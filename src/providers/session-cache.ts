import 'reflect-metadata/lite';
import { SessionCacheClient } from '../clients/kv/session/session-cache-client.js';
import type { SessionCacheClientOptions } from '../clients/kv/session/session-options.js';
import { Injectable } from '../decorators/injectable.js';
import { AUTH_SESSION_KV, SESSION_CACHE_CLIENT } from '../tokens/index.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { budgetOf, eventsOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(AUTH_SESSION_KV)(SessionCacheClient);

/** Options of {@link provideSessionCache}. */
export interface ProvideSessionCacheOptions extends Omit<SessionCacheClientOptions, 'events' | 'budget'> {
  /**
   * The name of the KV namespace binding in wrangler.jsonc.
   * @default 'AUTH_SESSION_KV'
   */
  readonly binding?: string;
}

/**
 * Provides `SESSION_CACHE_CLIENT` and `SessionCacheClient`, one instance per request scope, over the namespace
 * `AUTH_SESSION_KV`.
 *
 * @param options the binding's name and the client's own options.
 * @returns the providers.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` is not a name.
 */
export function provideSessionCache({
  binding = 'AUTH_SESSION_KV',
  ...options
}: ProvideSessionCacheOptions = {}): readonly Provider[] {
  return [
    OPERATION_BUDGET_PROVIDER,
    provideBinding(AUTH_SESSION_KV, binding, KV_NAMESPACE),
    provide(SESSION_CACHE_CLIENT, (container) => {
      const services = { events: eventsOf(container), budget: budgetOf(container) };
      return new SessionCacheClient(container.resolve(AUTH_SESSION_KV), withServices(options, services));
    }),
    provideAlias(SessionCacheClient, SESSION_CACHE_CLIENT),
  ];
}
