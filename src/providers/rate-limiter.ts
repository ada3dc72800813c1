import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import type { DependencyContainer } from 'tsyringe';
import { checkRateLimitBinding } from '../clients/rate-limit/binding-rate-limit-store.js';
import type { RateLimitBindingLike, RateLimitBindingRule } from '../clients/rate-limit/binding-rate-limit-store.js';
import { LayeredRateLimitStore } from '../clients/rate-limit/layered-rate-limit-store.js';
import { RateLimiterClient } from '../clients/rate-limit/rate-limiter-client.js';
import type { RateLimiterClientOptions } from '../clients/rate-limit/rate-limiter-options.js';
import { storeOf } from '../clients/rate-limit/store-of.js';
import type { RateLimitSource } from '../clients/rate-limit/store-of.js';
import { Injectable } from '../decorators/injectable.js';
import { CloudflareClientError } from '../errors.js';
import { ENV, RATE_LIMITER, RATE_LIMITER_CLIENT, RATE_LIMIT_KV } from '../tokens/index.js';
import { KV_NAMESPACE } from './kv-binding.js';
import { objectNamespace } from './object-binding.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { checkBindingName, provide, provideAlias, provideBinding, readBinding } from './provider.js';
import type { BindingKind, Provider } from './provider.js';
import { isAnsweredBy } from './request-scope.js';
import { budgetOf, eventsOf, waitUntilOf, withServices } from './scope-services.js';

// For containers that an app makes with tsyringe alone; in a bundle, for those that import this provider as well. A class names one token for a
// parameter and cannot choose among what is registered: it stays KV, which such apps have registered. The guide says how to take objects by a factory.
Injectable(RATE_LIMIT_KV)(RateLimiterClient);

const RATE_LIMIT_BINDING: BindingKind<RateLimitBindingLike> = {
  description: 'rate-limit binding',
  matches: (value): value is RateLimitBindingLike => typeof (value as { limit?: unknown }).limit === 'function',
  declaration: (name) =>
    `"ratelimits": [{ "name": "${name}", "namespace_id": "1001", "simple": { "limit": 100, "period": 60 } }]`,
};

/** A rate-limit binding that filters floods before the limiter proper decides. */
export interface RateLimitFilterBinding extends RateLimitBindingRule {
  /** Its name in wrangler.jsonc. */
  readonly name: string;
}

/** Options of {@link provideRateLimiter}. */
export interface ProvideRateLimiterOptions extends Omit<
  RateLimiterClientOptions,
  'events' | 'budget' | 'waitUntil' | 'bindingRule'
> {
  /**
   * The name of the KV namespace binding in wrangler.jsonc.
   * @default 'RATE_LIMIT_KV'
   */
  readonly binding?: string;
  /**
   * The name of the Durable Object binding in wrangler.jsonc.
   * @default 'RATE_LIMITER'
   */
  readonly object?: string;
  /**
   * A rate-limit binding to filter floods with, see `LayeredRateLimitStore`; with neither objects nor KV bound it decides alone.
   * @default none
   */
  readonly rateLimitBinding?: RateLimitFilterBinding;
}

/**
 * Provides `RATE_LIMITER_CLIENT` and `RateLimiterClient`, one instance per request scope, over the strongest of what is bound: the Durable Objects
 * `RATE_LIMITER`, which are exact, or else the KV namespace `RATE_LIMIT_KV`. Over KV, counts are shared by the scopes of an isolate and written
 * under the scope's execution context.
 *
 * @param options the bindings' names and the client's own options.
 * @returns the providers. Resolving the client throws `MISSING_BINDING`, naming both, when nothing is bound.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `binding`, `object` or `rateLimitBinding.name` is not a name.
 */
export function provideRateLimiter({
  binding = 'RATE_LIMIT_KV',
  object = 'RATE_LIMITER',
  rateLimitBinding,
  ...options
}: ProvideRateLimiterOptions = {}): readonly Provider[] {
  const objects = provideBinding(RATE_LIMITER, object, OBJECTS);
  const kv = provideBinding(RATE_LIMIT_KV, binding, KV_NAMESPACE);
  if (rateLimitBinding !== undefined) checkBindingName(rateLimitBinding.name, RATE_LIMIT_BINDING);
  const sources: Sources = { objects: [objects, object], kv: [kv, binding], filter: rateLimitBinding };
  return [
    OPERATION_BUDGET_PROVIDER,
    objects,
    kv,
    provide(RATE_LIMITER_CLIENT, (container) => makeLimiter(container, sources, options)),
    provideAlias(RateLimiterClient, RATE_LIMITER_CLIENT),
  ];
}

const OBJECTS = objectNamespace('RateLimiterObject');

interface Sources {
  readonly objects: readonly [provider: Provider<RateLimitSource>, name: string];
  readonly kv: readonly [provider: Provider<RateLimitSource>, name: string];
  readonly filter: RateLimitFilterBinding | undefined;
}

function makeLimiter(
  container: DependencyContainer,
  sources: Sources,
  given: RateLimiterClientOptions,
): RateLimiterClient {
  const services = { events: eventsOf(container), budget: budgetOf(container), waitUntil: waitUntilOf(container) };
  const options = withServices(given, services);
  const decider = findBound(container, sources.objects) ?? findBound(container, sources.kv);
  const { filter } = sources;
  if (filter === undefined) return new RateLimiterClient(decider ?? missing(sources), options);
  const flood = readBinding(container.resolve(ENV), filter.name, RATE_LIMIT_BINDING);
  const { limit, period } = filter;
  if (decider === undefined) return new RateLimiterClient(flood, { ...options, bindingRule: { limit, period } });
  checkRateLimitBinding(flood);
  const { events, now, timeoutMs } = options;
  const store = new LayeredRateLimitStore(flood, storeOf(decider, options), { period, events, now, timeoutMs });
  return new RateLimiterClient(store, options);
}

/** What is bound, or was put in its place; `undefined` when nothing is. Asked for first, as an error costs more than a client. */
function findBound(container: DependencyContainer, [provider, name]: Sources['kv']): RateLimitSource | undefined {
  if (isAnsweredBy(container, provider) && (container.resolve(ENV) as Record<string, unknown>)[name] == null) {
    return undefined;
  }
  return container.resolve(provider.token);
}

function missing({ objects: [, object], kv: [, binding] }: Sources): never {
  throw new CloudflareClientError(
    'MISSING_BINDING',
    `neither env.${object} nor env.${binding} is bound. Add to wrangler.jsonc ${OBJECTS.declaration(object)} for exact limits, ` +
      `or ${KV_NAMESPACE.declaration(binding)} for approximate ones.`,
  );
}
