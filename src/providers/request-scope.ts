import type { DependencyContainer, InjectionToken } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import { rememberScope } from '../internal/request-scope.js';
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
  readonly made: unknown[];
  disposed: boolean;
}

interface ScopeContainer extends RequestScope {
  [STATE]: ScopeState;
}

type TsyringeResolve = (
  this: DependencyContainer,
  key: InjectionToken,
  context?: unknown,
  isOptional?: boolean,
) => unknown;

let tsyringeResolve: TsyringeResolve | undefined;

/** Opens a scope under `root`: a child container that knows its path, keeps one instance per key and can be disposed. */
export function openScope(root: DependencyContainer): RequestScope {
  const scope = root.createChildContainer() as ScopeContainer;
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its container below
  tsyringeResolve ??= scope.resolve as TsyringeResolve;
  scope[STATE] = { made: [], disposed: false };
  scope.resolve = resolveInScope as DependencyContainer['resolve'];
  scope.dispose = disposeScope;
  scope[Symbol.asyncDispose] = disposeScope;
  return scope;
}

/** Makes `value`, which a provider made, the scope's own: it is disposed with it, and its `@Cached` methods find its cache. */
export function adopt(container: DependencyContainer, value: object): void {
  (container as Partial<ScopeContainer>)[STATE]?.made.push(value);
}

function resolveInScope(this: ScopeContainer, key: InjectionToken, context?: unknown, isOptional?: boolean): unknown {
  const step = enterStep(this, key);
  try {
    const { made, disposed } = this[STATE];
    if (disposed) throw new CloudflareClientError('SCOPE_DISPOSED', 'the request scope has been disposed.');
    const isUnregisteredClass = typeof key === 'function' && !this.isRegistered(key, true);
    const value = tsyringeResolve?.call(this, key, context, isOptional);
    if (typeof value !== 'object' || value === null) return value;
    if (isUnregisteredClass) {
      // tsyringe would build another one next time; a scope has one instance of each class.
      this.register(key, { useValue: value });
      made.push(value);
    }
    rememberScope(value, this);
    return value;
  } catch (error) {
    throw stepError(step, error);
  } finally {
    leaveStep(step);
  }
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

async function disposeValue(value: unknown): Promise<void> {
  const disposable = value as Partial<AsyncDisposable & Disposable & { dispose: unknown }>;
  const dispose: unknown = disposable[Symbol.asyncDispose] ?? disposable[Symbol.dispose] ?? disposable.dispose;
  if (typeof dispose === 'function') await Promise.resolve(dispose.call(disposable));
}
