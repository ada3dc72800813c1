import { CLASS_METADATA } from './class-metadata.js';
import type { DependencyContainer } from 'tsyringe';

const SHARED = Symbol('shared');
const DECORATED_METHODS = Symbol('decoratedMethods');

/** Marks what stands for a class, its prototype or its metadata object: methods of its instances look for a client. */
export function markDecoratedMethods(owner: object): void {
  Object.defineProperty(owner, DECORATED_METHODS, { value: true, configurable: true });
}

/**
 * Whether `value` is an instance of a class with decorated methods: only these are remembered, because a weak map of
 * everything that is resolved would cost more than the resolution itself.
 */
export function hasDecoratedMethods(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (DECORATED_METHODS in value) return true;
  const constructor = (value as { constructor?: unknown }).constructor;
  if (typeof constructor !== 'function') return false;
  const metadata = (constructor as { [CLASS_METADATA]?: object | null })[CLASS_METADATA];
  return metadata != null && DECORATED_METHODS in metadata;
}

// Kept on the instance itself, where nothing that lists or copies properties sees it: an entry in a weak map for each request makes every
// collection of garbage slower, and cost as much as the whole of a cached call (docs/performance.md).
const SCOPE = Symbol('scope');

/** Of instances that take no property. Weak, so that a scope and what it made can be collected together. */
const scopeOfSealed = new WeakMap<object, InstanceScope>();

type InstanceScope = DependencyContainer | typeof SHARED;
type Remembering = object & { [SCOPE]?: InstanceScope };

/** Remembers that `scope` resolved `instance`. An instance that a second scope resolves belongs to neither. */
export function rememberScope(instance: object, scope: DependencyContainer): void {
  const known = recall(instance);
  if (known === undefined) note(instance, scope);
  else if (known !== scope) note(instance, SHARED);
}

/** Remembers that `instance` outlives the scope that resolved it, so that none is its own. */
export function shareInstance(instance: object): void {
  note(instance, SHARED);
}

/** The scope that built `instance`: `'shared'` when several scopes resolved it, `undefined` when none did. */
export function findScope(instance: object): DependencyContainer | 'shared' | undefined {
  const known = recall(instance);
  return known === SHARED ? 'shared' : known;
}

function note(instance: Remembering, scope: InstanceScope): void {
  if (!Object.isExtensible(instance)) scopeOfSealed.set(instance, scope);
  else Object.defineProperty(instance, SCOPE, { value: scope, writable: true, configurable: true });
}

function recall(instance: Remembering): InstanceScope | undefined {
  const own = Object.hasOwn(instance, SCOPE) ? instance[SCOPE] : undefined;
  return Object.isExtensible(instance) ? own : (scopeOfSealed.get(instance) ?? own);
}
