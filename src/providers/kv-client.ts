import { KVClient } from '../clients/kv/kv-client.js';
import type { KVClientOptions } from '../clients/kv/kv-client.js';
import { ENV } from '../tokens/index.js';
import type { Token } from '../tokens/token.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { checkBindingName, provide, readBinding } from './provider.js';
import type { Provider } from './provider.js';
import { budgetOf, eventsOf } from './scope-services.js';

/** Options of {@link provideKVClient}. */
export interface ProvideKVClientOptions extends Omit<KVClientOptions, 'events' | 'budget'> {
  /** The name of the KV namespace binding in wrangler.jsonc. */
  readonly binding: string;
}

/**
 * Provides a `KVClient` for a namespace of your own, under a token of your own; one for each namespace.
 *
 * @param token the token that is resolved.
 * @param options the binding's name and the client's own options.
 * @returns the provider.
 * @example
 * ```ts
 * const SETTINGS = token<KVClient>('SETTINGS');
 * const app = createContainer(provideKVClient(SETTINGS, { binding: 'SETTINGS_KV' }));
 * ```
 */
export function provideKVClient(
  token: Token<KVClient>,
  { binding, ...options }: ProvideKVClientOptions,
): Provider<KVClient> {
  checkBindingName(binding, KV_NAMESPACE);
  return provide(token, (container) => {
    const namespace = readBinding(container.resolve(ENV), binding, KV_NAMESPACE);
    return new KVClient(namespace, { ...options, events: eventsOf(container), budget: budgetOf(container) });
  });
}
