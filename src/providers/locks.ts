import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { LockClient } from '../clients/durable/lock-client.js';
import type { LockClientOptions } from '../clients/durable/lock-services.js';
import { Injectable } from '../decorators/injectable.js';
import { LOCK_CLIENT, LOCKS } from '../tokens/index.js';
import { objectNamespace } from './object-binding.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { eventsOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(LOCKS)(LockClient);

/** Options of {@link provideLocks}. */
export interface ProvideLocksOptions extends Omit<LockClientOptions, 'events'> {
  /**
   * The name of the Durable Object binding in wrangler.jsonc.
   * @default 'LOCKS'
   */
  readonly binding?: string;
}

/**
 * Provides `LOCK_CLIENT` and `LockClient`, one instance per request scope, over the Durable Objects `LOCKS`.
 *
 * @param options the binding's name and the client's own options.
 * @returns the providers.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` is not a name.
 */
export function provideLocks({ binding = 'LOCKS', ...options }: ProvideLocksOptions = {}): readonly Provider[] {
  return [
    provideBinding(LOCKS, binding, objectNamespace('LockObject')),
    provide(LOCK_CLIENT, (container) => {
      return new LockClient(container.resolve(LOCKS), withServices(options, { events: eventsOf(container) }));
    }),
    provideAlias(LockClient, LOCK_CLIENT),
  ];
}
