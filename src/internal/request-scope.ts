import { CLASS_METADATA } from './class-metadata.js';
import type { DependencyContainer } from 'tsyringe';

const SHARED = Symbol('shared');
const CACHED_METHODS = Symbol('cachedMethods');

/** Marks what stands for a class, its prototype or its metadata object: instances have cached methods. */
export function markCachedMethods(owner: object): void {
  Object.defineProperty(owner, CACHED_METHODS, { value: true, configurable: true });
}

/**
 * Whether `value` is an instance of a class with cached methods: only these are remembered, because a weak map of
 * everything that is resolved would cost more than the resolution itself.
 */
export function hasCachedMethods(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (CACHED_METHODS in value) return true;
  const constructor = (value as { constructor?: unknown }).constructor;
  if (typeof constructor !== 'function') return false;
  const metadata = (constructor as { [CLASS_METADATA]?: object | null })[CLASS_METADATA];
  return metadata != null && CACHED_METHODS in metadata;
}

/** Which request scope made an instance; weak, so that a scope and what it made can be collected together. */
const scopeOf = new WeakMap<object, DependencyContainer | typeof SHARED>();

/** Remembers that `scope` resolved `instance`. An instance that a second scope resolves belongs to neither. */
export function rememberScope(instance: object, scope: DependencyContainer): void {
  const known = scopeOf.get(instance);
  if (known === undefined) scopeOf.set(instance, scope);
  else if (known !== scope) scopeOf.set(instance, SHARED);
}

/** Remembers that `instance` outlives the scope that resolved it, so that none is its own. */
export function shareInstance(instance: object): void {
  scopeOf.set(instance, SHARED);
}

/** The scope that built `instance`: `'shared'` when several scopes resolved it, `undefined` when none did. */
export function findScope(instance: object): DependencyContainer | 'shared' | undefined {
  const known = scopeOf.get(instance);
  return known === SHARED ? 'shared' : known;
}
