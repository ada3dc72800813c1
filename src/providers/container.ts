import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { container as globalContainer } from 'tsyringe';
import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import { ENV, EXECUTION_CONTEXT, REQUEST } from '../tokens/index.js';
import type { InjectionKey } from '../tokens/token.js';
import type { Provider, ProviderList } from './provider.js';
import { giveToScope, makeOnce, openScope } from './request-scope.js';
import type { RequestScope } from './request-scope.js';

/** What a request brings to its scope. */
export interface ScopeInput {
  /** The bindings and variables of the Worker (`platform.env` in SvelteKit; `{}` where there is none). */
  readonly env: object;
  /** The execution context, for work that goes on after the response. */
  readonly ctx?: ExecutionContextLike | undefined;
  /** The request being served. */
  readonly request?: Request | undefined;
}

/**
 * The composition root of an app: which providers there are. It holds no state of a request and may live at module
 * scope; {@link Container.scope} makes the container of one request.
 */
export interface Container {
  /**
   * Opens the scope of one request, queue batch or scheduled run. Nothing is built before it is resolved.
   *
   * @param input the env, and where there are some the execution context and the request.
   * @returns a tsyringe container in which each token has one instance, shared with no other scope.
   * @throws {CloudflareClientError} `INVALID_OPTION` when `env` is not an object.
   */
  scope(input: ScopeInput): RequestScope;
  /**
   * A copy of this container with other providers for some tokens, for tests; this one stays as it is.
   *
   * @param overrides providers that replace those of the same token; the last one wins.
   * @returns the copy.
   */
  with(...overrides: ProviderList): Container;
}

/**
 * Makes the composition root. Call it once, at module scope: it does nothing there that Workers forbid.
 *
 * @param providers what can be resolved: `provideCloudflareClients()`, or one `provideX()` per client that is used, and
 * your own; of two providers for one token the last one wins.
 * @returns the container.
 * @example
 * ```ts
 * const app = createContainer(provideCache(), provideSessionCache());
 *
 * export default {
 *   fetch(request, env, ctx) {
 *     const container = app.scope({ env, ctx, request });
 *     return container.resolve(ContentController).handle(request);
 *   },
 * } satisfies ExportedHandler<Env>;
 * ```
 */
export function createContainer(...providers: ProviderList): Container {
  const byToken = new Map<InjectionKey, Provider>();
  for (const provider of providers.flat()) place(byToken, provider);
  let root: DependencyContainer | undefined;
  return {
    scope(input) {
      checkInput(input);
      root ??= registerAll(byToken.values());
      const scope = openScope(root, byToken);
      giveToScope(scope, ENV, input.env);
      if (input.ctx != null) giveToScope(scope, EXECUTION_CONTEXT, input.ctx);
      if (input.request != null) giveToScope(scope, REQUEST, input.request);
      return scope;
    },
    with: (...overrides) => createContainer([...byToken.values()], ...overrides),
  };
}

/** What replaces a client's class replaces its token too: both name one instance. */
function place(byToken: Map<InjectionKey, Provider>, provider: Provider): void {
  const target = provider.aliasOf === undefined ? byToken.get(provider.token)?.aliasOf : undefined;
  if (target === undefined) byToken.set(provider.token, provider);
  else byToken.set(target, { ...provider, token: target });
}

function checkInput(input: ScopeInput): void {
  const env: unknown = (input as ScopeInput | null | undefined)?.env;
  if (typeof env === 'object' && env !== null) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    'scope({ env, ctx }) needs the env object of the handler; where there is none (prerendering, tests) pass {}.',
  );
}

function registerAll(providers: Iterable<Provider>): DependencyContainer {
  const root = globalContainer.createChildContainer();
  for (const provider of providers) {
    root.register(provider.token as InjectionToken, { useFactory: (container) => makeOnce(container, provider) });
  }
  return root;
}
