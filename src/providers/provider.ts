import type { DependencyContainer } from 'tsyringe';
import { CloudflareClientError } from '../errors.js';
import { ENV } from '../tokens/index.js';
import type { InjectionKey, Token } from '../tokens/token.js';

/**
 * The public members of `T`. A class with `#private` fields is assignable to it, and so is an object literal that has
 * the same methods: what a test hands over in place of a client.
 */
// Mapping a function type would lose its call signature, so functions pass through.
export type Public<T> = T extends (...args: never) => unknown ? T : { [Member in keyof T]: T[Member] };

/** Says how a container obtains the value of one token or class. Made by {@link provide} and its siblings. */
export interface Provider<T = unknown> {
  /** What the provider answers for. */
  readonly token: InjectionKey<T>;
  /** Makes the value; called once per request scope, on first use. */
  readonly make: (container: DependencyContainer) => T;
  /** Whether the scope owns the value, and so disposes it. Bindings and values given from outside are not its own. */
  readonly owned: boolean;
  /** The token whose value this one passes on: a client's class is another name for its token. */
  readonly aliasOf?: InjectionKey<T>;
}

/** Providers, singly or in lists: what `provideX()` functions return. */
export type ProviderList = readonly (Provider | readonly Provider[])[];

/**
 * Provides a value that each request scope makes for itself, once, on first use.
 *
 * @param token the token or class that is resolved.
 * @param make builds the value; resolve what it needs from the container that it is given.
 * @returns the provider.
 * @example
 * ```ts
 * createContainer(provideCache(), provide(CLOCK, () => Date.now));
 * ```
 */
export function provide<T>(token: InjectionKey<T>, make: (container: DependencyContainer) => NoInfer<T>): Provider<T> {
  return { token, make, owned: true };
}

/**
 * Provides a value that exists already, the same for every scope: a constant, or a mock in a test. It is never disposed
 * by a scope. It must hold no state of a request.
 *
 * @param token the token or class that is resolved.
 * @param value anything with the same public members.
 * @returns the provider.
 */
export function provideValue<T>(token: InjectionKey<T>, value: Public<NoInfer<T>>): Provider<T> {
  return { token, make: () => value, owned: false };
}

/** Provides a second name for what `target` names. */
export function provideAlias<T>(alias: InjectionKey<T>, target: Token<T>): Provider<T> {
  return { token: alias, make: (container) => container.resolve(target), owned: false, aliasOf: target };
}

/**
 * Provides a binding of the Worker's `env`, read when it is first resolved and not before.
 *
 * @param token the token that is resolved.
 * @param name the binding's name in wrangler.jsonc, for example `CACHE_KV`.
 * @param kind what the binding is, and where wrangler.jsonc declares it; used in messages and to check the value. Without
 * it any binding will do.
 * @returns the provider. Resolving it throws `MISSING_BINDING` when `env` has no such binding and `INVALID_BINDING` when
 * it is something else.
 * @throws {CloudflareClientError} `INVALID_OPTION` when `name` is not a non-empty string.
 */
export function provideBinding<T>(
  token: Token<T>,
  name: string,
  kind: BindingKind<NoInfer<T>> = ANY_BINDING as BindingKind<T>,
): Provider<T> {
  checkBindingName(name, kind);
  return { token, make: (container) => readBinding(container.resolve(ENV), name, kind), owned: false };
}

/** A kind of binding: how to recognise it and how to declare it. */
export interface BindingKind<T> {
  /** For messages: `KV namespace`. */
  readonly description: string;
  /** Whether a value of `env` is such a binding. */
  readonly matches: (value: unknown) => value is T;
  /** What to add to wrangler.jsonc for a binding of this name. */
  readonly declaration: (name: string) => string;
}

const ANY_BINDING: BindingKind<unknown> = {
  description: 'binding',
  matches: (value): value is unknown => value != null,
  declaration: (name) => `a binding named "${name}"`,
};

/** Refuses what cannot be the name of a binding. */
export function checkBindingName(name: unknown, kind: BindingKind<unknown>): void {
  if (typeof name === 'string' && name !== '') return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `binding must be the name of a ${kind.description} in wrangler.jsonc, got ${name === '' ? "''" : typeof name}.`,
  );
}

/** Reads a binding of an env, as {@link provideBinding} does. */
export function readBinding<T>(env: object, name: string, kind: BindingKind<T>): T {
  const value = (env as Record<string, unknown>)[name];
  if (value == null) {
    throw new CloudflareClientError(
      'MISSING_BINDING',
      `env.${name} is not bound. Add ${kind.declaration(name)} to wrangler.jsonc.`,
    );
  }
  if (!kind.matches(value)) {
    throw new CloudflareClientError(
      'INVALID_BINDING',
      `env.${name} is not a ${kind.description}. Check its entry in wrangler.jsonc: ${kind.declaration(name)}.`,
    );
  }
  return value;
}
