import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import type { DependencyContainer } from 'tsyringe';
import type { ObjectNamespaceLike } from '../clients/durable/object-namespace.js';
import type { SessionPeppers } from '../clients/kv/session/session-options.js';
import { SessionCacheClient } from '../clients/kv/session/session-cache-client.js';
import type { SessionCacheClientOptions } from '../clients/kv/session/session-options.js';
import { Injectable } from '../decorators/injectable.js';
import { CloudflareClientError } from '../errors.js';
import { AUTH_SESSION_KV, ENV, SESSIONS, SESSION_CACHE_CLIENT } from '../tokens/index.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { objectNamespace } from './object-binding.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { provide, provideAlias, provideBinding } from './provider.js';
import type { Provider } from './provider.js';
import { isAnsweredBy } from './request-scope.js';
import { budgetOf, eventsOf, waitUntilOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well.
Injectable(AUTH_SESSION_KV)(SessionCacheClient);

/** Options of {@link provideSessionCache}. */
export interface ProvideSessionCacheOptions extends Omit<
  SessionCacheClientOptions,
  'events' | 'budget' | 'waitUntil' | 'revocations'
> {
  /**
   * The name of the KV namespace binding in wrangler.jsonc.
   * @default 'AUTH_SESSION_KV'
   */
  readonly binding?: string;
  /**
   * The name of the Durable Object binding in wrangler.jsonc.
   * @default 'SESSIONS'
   */
  readonly object?: string;
  /**
   * Whether sessions are checked with those objects. Left out, they are where the objects are bound; `true` refuses to do without.
   * @default where they are bound
   */
  readonly strong?: boolean;
  /**
   * The names of variables that hold the peppers of `hashKeys`, the newest first; those of older ones may be unset.
   * @default none: `hashKeys` says how keys are made
   */
  readonly pepperVariables?: readonly string[];
}

/**
 * Provides `SESSION_CACHE_CLIENT` and `SessionCacheClient`, one instance per request scope, over the namespace
 * `AUTH_SESSION_KV`, and strong where the Durable Objects `SESSIONS` are bound.
 *
 * @param options the bindings' names and the client's own options.
 * @returns the providers. Resolving the client throws `MISSING_VARIABLE` when the first of `pepperVariables` is unset.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding` or `object` is not a name.
 */
export function provideSessionCache({
  binding = 'AUTH_SESSION_KV',
  object = 'SESSIONS',
  strong,
  pepperVariables,
  ...options
}: ProvideSessionCacheOptions = {}): readonly Provider[] {
  const objects = provideBinding(SESSIONS, object, objectNamespace('SessionObject'));
  return [
    OPERATION_BUDGET_PROVIDER,
    provideBinding(AUTH_SESSION_KV, binding, KV_NAMESPACE),
    objects,
    provide(SESSION_CACHE_CLIENT, (container) => {
      const services = {
        events: eventsOf(container),
        budget: budgetOf(container),
        waitUntil: waitUntilOf(container),
        revocations: strong === false ? undefined : findObjects(container, objects, strong === true ? null : object),
        ...(pepperVariables !== undefined && { hashKeys: readPeppers(container.resolve(ENV), pepperVariables) }),
      };
      return new SessionCacheClient(container.resolve(AUTH_SESSION_KV), withServices(options, services));
    }),
    provideAlias(SessionCacheClient, SESSION_CACHE_CLIENT),
  ];
}

/** The objects, or what was put in their place; `undefined` when nothing is bound under `optionalName`. */
function findObjects(
  container: DependencyContainer,
  provider: Provider<ObjectNamespaceLike>,
  optionalName: string | null,
): ObjectNamespaceLike | undefined {
  const isAbsent = (name: string): boolean => (container.resolve(ENV) as Record<string, unknown>)[name] == null;
  if (optionalName !== null && isAnsweredBy(container, provider) && isAbsent(optionalName)) return undefined;
  return container.resolve(SESSIONS);
}

function readPeppers(env: object, names: readonly string[]): SessionPeppers {
  const [newest, ...older] = names.map((name) => (env as Record<string, unknown>)[name] as string | undefined);
  if (newest == null || newest === '') {
    const name = names[0] ?? '';
    const message = `env.${name} is not set. Run \`wrangler secret put ${name}\`, and for local development add it to .dev.vars.`;
    throw new CloudflareClientError('MISSING_VARIABLE', message);
  }
  return { peppers: [newest, ...older.filter((pepper) => pepper != null && pepper !== '')] as string[] };
}
