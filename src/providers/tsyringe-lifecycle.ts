import 'reflect-metadata/lite';
import '../internal/reflect-polyfill.js';
import { container as globalContainer } from 'tsyringe';
import type { DependencyContainer, InjectionToken, Lifecycle } from 'tsyringe';

interface Registrations {
  getRegistration?(key: InjectionToken): { readonly options?: { readonly lifecycle?: Lifecycle } } | null;
}

/** The lifecycle of a registration outside the scope, such as that of `@singleton()`; `undefined` where there is none. */
export function lifecycleOf(container: DependencyContainer, key: InjectionToken): Lifecycle | undefined {
  // Not public, and the only way to tell. Where a later tsyringe lacks it, everything counts as transient.
  return (container as unknown as Registrations).getRegistration?.(key)?.options?.lifecycle;
}

/**
 * Builds a class that tsyringe knows as container-scoped, with its dependencies from `scope`. A registration that was made
 * after the root container would otherwise be one instance for the whole isolate: tsyringe copies such registrations
 * into a child when the child is made, and no later.
 */
export function constructContainerScoped(scope: DependencyContainer, key: InjectionToken): unknown {
  const copy = globalContainer.createChildContainer();
  const construct = copy.resolve.bind(copy);
  copy.resolve = <T>(wanted: InjectionToken<T>): T =>
    wanted === key ? construct<T>(wanted) : scope.resolve<T>(wanted);
  return copy.resolve<unknown>(key);
}
