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

type InstanceScope = DependencyContainer | typeof SHARED;

/** Of instances that take no property, as no engine has to let a class add a private field to them. Weak, so that a scope and what it made can be collected together. */
const scopeOfSealed = new WeakMap<object, InstanceScope>();

/** Makes what it is given into `this` of a class that extends it, so that the class can add a private field to any object. */
// eslint-disable-next-line @typescript-eslint/no-extraneous-class -- what it returns is all that it is for
class Given {
  constructor(instance: object) {
    return instance;
  }
}

/**
 * The scope of an instance, in a private field on the instance itself, where nothing sees it: an entry in a weak map for each request makes
 * every collection of garbage slower, and cost as much as the whole of a cached call (docs/performance.md); a hidden property cost half of it.
 */
class Remembered extends Given {
  #scope: InstanceScope;

  private constructor(instance: object, scope: InstanceScope) {
    super(instance);
    this.#scope = scope;
  }

  static note(instance: object, scope: InstanceScope): void {
    if (#scope in instance) instance.#scope = scope;
    else if (!Object.isExtensible(instance)) scopeOfSealed.set(instance, scope);
    else new Remembered(instance, scope);
  }

  static recall(instance: object): InstanceScope | undefined {
    return #scope in instance ? instance.#scope : scopeOfSealed.get(instance);
  }
}

/** Remembers that `scope` resolved `instance`. An instance that a second scope resolves belongs to neither. */
export function rememberScope(instance: object, scope: DependencyContainer): void {
  const known = Remembered.recall(instance);
  if (known === undefined) Remembered.note(instance, scope);
  else if (known !== scope) Remembered.note(instance, SHARED);
}

/** Remembers that `instance` outlives the scope that resolved it, so that none is its own. */
export function shareInstance(instance: object): void {
  Remembered.note(instance, SHARED);
}

/** The scope that built `instance`: `'shared'` when several scopes resolved it, `undefined` when none did. */
export function findScope(instance: object): DependencyContainer | 'shared' | undefined {
  const known = Remembered.recall(instance);
  return known === SHARED ? 'shared' : known;
}
