import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import { hasCachedMethods, rememberScope } from '../internal/request-scope.js';
import type { InjectionKey } from '../tokens/token.js';
import type { Provider } from './provider.js';
import { enterStep, leaveStep, stepError } from './resolution.js';

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
  /** The one instance of each key; a map of our own, because tsyringe's registry is several times as slow. */
  readonly values: Map<InjectionToken, object>;
  /** What the scope made, oldest first, to be disposed with it. */
  readonly made: object[];
  /** Keys that were registered or intercepted on the scope itself, which tsyringe answers for. */
  plainKeys: Set<InjectionToken> | undefined;
  disposed: boolean;
}

interface ScopeContainer extends RequestScope {
  [STATE]: ScopeState;
}

type TsyringeMethod = (this: DependencyContainer, key: InjectionToken, ...rest: unknown[]) => unknown;

/** Opens a scope under `root`: a child container that knows its path, keeps one instance per key and can be disposed. */
export function openScope(root: DependencyContainer, providers: ReadonlyMap<InjectionKey, Provider>): RequestScope {
  const scope = root.createChildContainer() as ScopeContainer;
  scope[STATE] = { providers, values: new Map(), made: [], plainKeys: undefined, disposed: false };
  scope.resolve = resolveInScope as DependencyContainer['resolve'];
  scope.register = registerInScope as DependencyContainer['register'];
  scope.beforeResolution = beforeResolutionInScope as DependencyContainer['beforeResolution'];
  scope.afterResolution = afterResolutionInScope as DependencyContainer['afterResolution'];
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

/** What `container` has for `key`, or `undefined` where nothing provides it. */
export function resolveOptional<T>(container: DependencyContainer, key: InjectionToken<T>): T | undefined {
  const state = (container as Partial<ScopeContainer>)[STATE];
  const isProvided =
    state === undefined
      ? container.isRegistered(key, true)
      : state.values.has(key) || state.providers.has(key as InjectionKey) || state.plainKeys?.has(key) === true;
  return isProvided ? container.resolve(key) : undefined;
}

/** Answers for `provider` in `container`: what its scope has already, or else what the provider makes now. */
export function makeOnce(container: DependencyContainer, provider: Provider): unknown {
  const state = (container as Partial<ScopeContainer>)[STATE];
  if (state !== undefined) {
    return state.values.get(provider.token as InjectionToken) ?? keep(state, provider, provider.make(container));
  }
  // A child container that somebody made of a scope keeps its instances in tsyringe's way.
  const value = provider.make(container);
  if (value != null) container.register(provider.token as InjectionToken, { useValue: value });
  return value;
}

function keep(state: ScopeState, { token, owned }: Pick<Provider, 'token' | 'owned'>, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  state.values.set(token as InjectionToken, value);
  if (owned) state.made.push(value);
  return value;
}

function resolveInScope(this: ScopeContainer, key: InjectionToken, context?: unknown, isOptional?: boolean): unknown {
  const state = this[STATE];
  const known = state.values.get(key);
  if (known !== undefined && !state.disposed) return known;
  const step = enterStep(this, key);
  try {
    if (state.disposed) throw new CloudflareClientError('SCOPE_DISPOSED', 'the request scope has been disposed.');
    const value = makeInScope(this, key, context, isOptional);
    if (hasCachedMethods(value)) rememberScope(value, this);
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
  if (provider !== undefined) return keep(state, provider, provider.make(scope));
  const isUnregisteredClass = !isPlain && typeof key === 'function' && !scope.isRegistered(key, true);
  const value = tsyringeMethod(scope, 'resolve').call(scope, key, context, isOptional);
  // tsyringe would build another one next time; a scope has one instance of each class.
  return isUnregisteredClass ? keep(state, { token: key, owned: true }, value) : value;
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

type Registering = 'register' | 'beforeResolution' | 'afterResolution';

function leaveToTsyringe(scope: ScopeContainer, method: Registering, key: InjectionToken, rest: unknown[]): unknown {
  const result = tsyringeMethod(scope, method).call(scope, key, ...rest);
  (scope[STATE].plainKeys ??= new Set()).add(key);
  scope[STATE].values.delete(key);
  return result;
}

function tsyringeMethod(scope: DependencyContainer, name: Registering | 'resolve'): TsyringeMethod {
  return (Object.getPrototypeOf(scope) as Record<typeof name, TsyringeMethod>)[name];
}

async function disposeScope(this: ScopeContainer): Promise<void> {
  const state = this[STATE];
  if (state.disposed) return;
  state.disposed = true;
  const failures: unknown[] = [];
  for (const value of state.made.reverse()) {
    try {
      await disposeValue(value);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 0) return;
  throw new CloudflareClientError(
    'DISPOSE_FAILED',
    `${failures.length} of ${state.made.length} values of the request scope failed to dispose.`,
    { cause: new AggregateError(failures) },
  );
}

async function disposeValue(value: object): Promise<void> {
  const dispose =
    ownMethod(value, Symbol.asyncDispose) ?? ownMethod(value, Symbol.dispose) ?? ownMethod(value, 'dispose');
  if (dispose !== undefined) await Promise.resolve(dispose.call(value));
}

/**
 * A method that the object or a class of it defines. Not by reading the property: on a stub of a Durable Object every name
 * is a remote method, and disposing the stub must not call `dispose` on the object.
 */
function ownMethod(value: object, name: PropertyKey): ((this: object) => unknown) | undefined {
  for (let level: object | null = value; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    const method: unknown = Object.getOwnPropertyDescriptor(level, name)?.value;
    if (typeof method === 'function') return method as (this: object) => unknown;
  }
  return undefined;
}
