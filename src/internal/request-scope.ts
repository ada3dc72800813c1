import type { DependencyContainer } from 'tsyringe';

const SHARED = Symbol('shared');

/** Which request scope made an instance; weak, so that a scope and what it made can be collected together. */
const scopeOf = new WeakMap<object, DependencyContainer | typeof SHARED>();

/** Remembers that `scope` resolved `instance`. An instance that a second scope resolves belongs to neither. */
export function rememberScope(instance: object, scope: DependencyContainer): void {
  const known = scopeOf.get(instance);
  if (known === undefined) scopeOf.set(instance, scope);
  else if (known !== scope) scopeOf.set(instance, SHARED);
}

/** The scope that built `instance`: `'shared'` when several scopes resolved it, `undefined` when none did. */
export function findScope(instance: object): DependencyContainer | 'shared' | undefined {
  const known = scopeOf.get(instance);
  return known === SHARED ? 'shared' : known;
}
