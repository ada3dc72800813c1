/// <reference lib="esnext.disposable" preserve="true" />
// Kept in the declarations: without it they mean nothing to an app whose own `lib` has no Disposable.
import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { Lifecycle } from 'tsyringe';
import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import { hasDecoratedMethods, rememberScope, shareInstance } from '../internal/request-scope.js';
import { ENV, EXECUTION_CONTEXT, REQUEST } from '../tokens/index.js';
import type { InjectionKey } from '../tokens/token.js';
import type { Provider } from './provider.js';
import { enterStep, leaveStep, stepError } from './resolution.js';
import { disposeAll, isDisposable } from './scope-disposal.js';
import { constructContainerScoped, lifecycleOf } from './tsyringe-lifecycle.js';

/**
 * The container of one request: a tsyringe container that can be disposed. Each token and each injectable class has one
 * instance in it, made on first use.
 */
export interface RequestScope extends DependencyContainer {
  /**
   * Ends the scope: what it made is disposed in reverse order (`Symbol.asyncDispose`, `Symbol.dispose` or `dispose()`),
   * and nothing can be resolved from it any more. Bindings and values that were handed in are left alone. Do it after the
   * response has been streamed and its `waitUntil` work is done. Calling it again does nothing.
   *
   * @throws {CloudflareClientError} `DISPOSE_FAILED` when something failed to dispose; everything else was disposed, and
   * `cause` is an `AggregateError` of the failures.
   */
  dispose(): Promise<void>;
  /** As {@link RequestScope.dispose}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

const STATE = Symbol('state');

interface ScopeState {
  readonly providers: ReadonlyMap<InjectionKey, Provider>;
  /** The one value of each key; a map of our own, because tsyringe's registry is several times as slow. */
  readonly values: Map<InjectionToken, unknown>;
  /** What the scope made, oldest first, to be disposed with it. */
  readonly made: object[];
  /** Keys that were registered or intercepted on the scope itself, which tsyringe answers for. */
  plainKeys: Set<InjectionToken> | undefined;
  /** Set when the scope was disposed: a second call waits for the same end. */
  disposal: Promise<void> | undefined;
}

interface ScopeContainer extends RequestScope {
  [STATE]: ScopeState;
}

type TsyringeMethod = (this: DependencyContainer, key: InjectionToken, ...rest: unknown[]) => unknown;

// While tsyringe builds a singleton, what is resolved for it outlives its scope and is nobody's own.
let sharing = 0;

/** Opens a scope under `parent`: a child container that knows its path, keeps one value per key and can be disposed. */
export function openScope(
  parent: DependencyContainer,
  providers: ReadonlyMap<InjectionKey, Provider>,
  plainKeys?: ReadonlySet<InjectionToken>,
): RequestScope {
  const scope = tsyringeMethod(parent, 'createChildContainer').call(parent, '') as ScopeContainer;
  const inherited = plainKeys === undefined ? undefined : new Set(plainKeys);
  scope[STATE] = { providers, values: new Map(), made: [], plainKeys: inherited, disposal: undefined };
  scope.resolve = resolveInScope as DependencyContainer['resolve'];
  scope.register = registerInScope as DependencyContainer['register'];
  scope.beforeResolution = beforeResolutionInScope as DependencyContainer['beforeResolution'];
  scope.afterResolution = afterResolutionInScope as DependencyContainer['afterResolution'];
  scope.createChildContainer = createChildScope;
  scope.dispose = disposeScope;
  scope[Symbol.asyncDispose] = disposeScope;
  return scope;
}

/** Gives a scope a value that is not its own; it is handed out as it is and never looked into. */
export function giveToScope(scope: RequestScope, key: InjectionToken, value: object): void {
  // For children of the scope, which look it up in tsyringe's registry.
  tsyringeMethod(scope, 'register').call(scope, key, { useValue: value });
  (scope as ScopeContainer)[STATE].values.set(key, value);
}

/** What a scope has for `key`, or `undefined` where neither it nor its container provides it. */
export function resolveOptional<T>(container: DependencyContainer, key: InjectionToken<T>): T | undefined {
  const state = (container as Partial<ScopeContainer>)[STATE];
  // tsyringe's own look-up would cost more than making a client.
  const isProvided =
    state === undefined
      ? container.isRegistered(key, true)
      : state.values.has(key) || state.providers.has(key as InjectionKey) || state.plainKeys?.has(key) === true;
  return isProvided ? container.resolve(key) : undefined;
}

/** What a scope has for a provider of this package's own, or for what an app put in its place. It cannot fail, and so has no step in a path. */
export function resolveOwn<T>(container: DependencyContainer, provider: Provider<T>): T | undefined {
  const key = provider.token as InjectionToken<T>;
  return isAnsweredBy(container, provider) ? (makeOnce(container, provider) as T) : resolveOptional(container, key);
}

/** Whether it is `provider` that answers for its token in a scope, and nothing that an app put in its place. */
export function isAnsweredBy(container: DependencyContainer, provider: Provider): boolean {
  const state = (container as Partial<ScopeContainer>)[STATE];
  return state?.providers.get(provider.token) === provider && state.plainKeys?.has(provider.token) !== true;
}

/** Answers for `provider` in `container`: what its scope has already, or else what the provider makes now. */
export function makeOnce(container: DependencyContainer, provider: Provider): unknown {
  const state = (container as Partial<ScopeContainer>)[STATE];
  if (state === undefined) return provider.make(container);
  const { token } = provider as { token: InjectionToken };
  return state.values.has(token) ? state.values.get(token) : keep(state, provider, provider.make(container));
}

function keep(state: ScopeState, { token, owned }: Pick<Provider, 'token' | 'owned'>, value: unknown): unknown {
  state.values.set(token as InjectionToken, value);
  // What a singleton takes in outlives the scope.
  if (owned && sharing === 0 && typeof value === 'object' && value !== null) state.made.push(value);
  return value;
}

function resolveInScope(this: ScopeContainer, key: InjectionToken, context?: unknown, isOptional?: boolean): unknown {
  const state = this[STATE];
  const known = state.values.get(key);
  if (known !== undefined && state.disposal === undefined && sharing === 0) return known;
  const step = enterStep(this, key);
  try {
    if (state.disposal !== undefined) {
      throw new CloudflareClientError('SCOPE_DISPOSED', 'the request scope has been disposed.');
    }
    const value = known ?? makeInScope(this, key, context, isOptional);
    // A delayed class (an object as key) is a proxy that would be built by being looked at.
    if (typeof key !== 'object' && key !== ENV && hasDecoratedMethods(value)) {
      if (sharing > 0) shareInstance(value);
      else rememberScope(value, this);
    }
    return value;
  } catch (error) {
    throw stepError(step, error);
  } finally {
    leaveStep(step);
  }
}

function makeInScope(scope: ScopeContainer, key: InjectionToken, context: unknown, isOptional?: boolean): unknown {
  const state = scope[STATE];
  const isPlain = state.plainKeys?.has(key) === true;
  const provider = isPlain ? undefined : state.providers.get(key as InjectionKey);
  if (provider !== undefined) return makeOnce(scope, provider);
  const byTsyringe = (): unknown => tsyringeMethod(scope, 'resolve').call(scope, key, context, isOptional);
  if (isPlain || typeof key === 'object') return byTsyringe();
  const lifecycle = lifecycleOf(scope, key);
  // tsyringe would build another instance next time; a scope has one of each class.
  if (lifecycle === undefined && typeof key === 'function')
    return keep(state, { token: key, owned: true }, byTsyringe());
  if (lifecycle === Lifecycle.ContainerScoped) {
    return keep(state, { token: key as InjectionKey, owned: true }, constructContainerScoped(scope, key));
  }
  return lifecycle === Lifecycle.Singleton ? whileSharing(byTsyringe) : byTsyringe();
}

function whileSharing<T>(resolve: () => T): T {
  sharing += 1;
  try {
    return resolve();
  } finally {
    sharing -= 1;
  }
}

function registerInScope(this: ScopeContainer, key: InjectionToken, ...rest: unknown[]): unknown {
  return leaveToTsyringe(this, 'register', key, rest);
}

function beforeResolutionInScope(this: ScopeContainer, key: InjectionToken, ...rest: unknown[]): unknown {
  return leaveToTsyringe(this, 'beforeResolution', key, rest);
}

function afterResolutionInScope(this: ScopeContainer, key: InjectionToken, ...rest: unknown[]): unknown {
  return leaveToTsyringe(this, 'afterResolution', key, rest);
}

function createChildScope(this: ScopeContainer): RequestScope {
  const { providers, plainKeys, values } = this[STATE];
  const child = openScope(this, providers, plainKeys) as ScopeContainer;
  // What belongs to the request belongs to the child as well; everything else it makes for itself, as in tsyringe.
  for (const key of [ENV, EXECUTION_CONTEXT, REQUEST]) {
    if (values.has(key)) child[STATE].values.set(key, values.get(key));
  }
  return child;
}

type Registering = 'register' | 'beforeResolution' | 'afterResolution';

function leaveToTsyringe(scope: ScopeContainer, method: Registering, key: InjectionToken, rest: unknown[]): unknown {
  const result = tsyringeMethod(scope, method).call(scope, key, ...rest);
  (scope[STATE].plainKeys ??= new Set()).add(key);
  scope[STATE].values.delete(key);
  return result;
}

function tsyringeMethod(
  container: DependencyContainer,
  name: Registering | 'resolve' | 'createChildContainer',
): TsyringeMethod {
  return (Object.getPrototypeOf(container) as Record<typeof name, TsyringeMethod>)[name];
}

/** Whether disposing a scope would do anything but close it. One that has been disposed holds nothing more. */
export function holdsDisposables(scope: RequestScope): boolean {
  const state = (scope as ScopeContainer)[STATE];
  return state.disposal === undefined && state.made.some(isDisposable) && ownValues(state).some(isDisposable);
}

function disposeScope(this: ScopeContainer): Promise<void> {
  const state = this[STATE];
  return (state.disposal ??= disposeAll(ownValues(state)));
}

/** What the scope made, without what a provider merely passed on: a binding, or a value that was given from outside. */
function ownValues({ providers, values, made }: ScopeState): object[] {
  const foreign = new Set<unknown>();
  for (const [key, value] of values) {
    const provider = providers.get(key as InjectionKey);
    if (provider === undefined ? typeof key !== 'function' : !provider.owned) foreign.add(value);
  }
  return [...new Set(made)].filter((value) => !foreign.has(value));
}
