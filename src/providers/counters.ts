import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { CounterClient } from '../clients/durable/counter-client.js';
import type { CounterClientOptions } from '../clients/durable/counter-types.js';
import { Injectable } from '../decorators/injectable.js';
import { COUNTER_CLIENT, COUNTERS } from '../tokens/index.js';
import { objectNamespace } from './object-binding.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { eventsOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(COUNTERS)(CounterClient);

/** Options of {@link provideCounters}. */
export interface ProvideCountersOptions extends Omit<CounterClientOptions, 'events' | 'shards'> {
  /**
   * The name of the Durable Object binding in wrangler.jsonc.
   * @default 'COUNTERS'
   */
  readonly binding?: string;
}

/**
 * Provides `COUNTER_CLIENT` and `CounterClient`, one instance per request scope, over the Durable Objects `COUNTERS`. Counters that are spread
 * over shards have a client of their own: `new CounterClient(container.resolve(COUNTERS), { shards: 16 })`.
 *
 * @param options the binding's name and the client's own options.
 * @returns the providers.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` is not a name.
 */
export function provideCounters({
  binding = 'COUNTERS',
  ...options
}: ProvideCountersOptions = {}): readonly Provider[] {
  return [
    provideBinding(COUNTERS, binding, objectNamespace('CounterObject')),
    provide(COUNTER_CLIENT, (container) => {
      return new CounterClient<1>(container.resolve(COUNTERS), withServices(options, { events: eventsOf(container) }));
    }),
    provideAlias(CounterClient, COUNTER_CLIENT),
  ];
}
