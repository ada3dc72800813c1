import { isWellFormed } from '../clients/kv/key.js';
import { CloudflareClientError, isCloudflareClientError } from '../errors.js';
import { cacheKey, scopePart } from './cache-key.js';
import { canonicalArguments } from './canonical-arguments.js';
import type { InstanceFunction } from './decorator-options.js';
import type { KeyName } from './key-shape.js';
import type { DecoratedMethod } from './method-decorator.js';
import { MethodIdentity } from './method-identity.js';

/** The options that make the keys of a method, and the entries under them. */
export interface KeyOptions {
  readonly name: KeyName | undefined;
  readonly key: InstanceFunction | undefined;
  readonly scope: InstanceFunction | undefined;
  readonly codec: unknown;
}

/** What the calls of a decorated method are called in the cache. */
export class CallKeys {
  readonly #decorated: DecoratedMethod;
  readonly #identity: MethodIdentity;
  readonly #key: InstanceFunction | undefined;
  readonly #scope: InstanceFunction | undefined;

  /**
   * Registers a decorated method.
   *
   * @throws {CloudflareClientError} `INVALID_DECORATION` when another method of the class would have the same keys.
   */
  constructor(decorated: DecoratedMethod, { name, key, scope, codec }: KeyOptions) {
    this.#decorated = decorated;
    this.#key = key;
    this.#scope = scope;
    this.#identity = new MethodIdentity(decorated, {
      method: decorated.name,
      isPut: decorated.decorator === '@CachePut',
      name,
      hasKey: key !== undefined,
      hasScope: scope !== undefined,
      codec,
    });
  }

  /**
   * The full key of a call on `instance`.
   *
   * @returns the key; a promise of it only where it is hashed.
   * @throws {CloudflareClientError} `INVALID_ARGUMENT` where the arguments, `key`, `scope` or `name` give none, and
   * `INVALID_DECORATION` where another class uses the name.
   */
  of(instance: object, args: unknown[]): string | Promise<string> {
    const key =
      this.#key === undefined
        ? argumentsKey(args, instance, this.#decorated)
        : givenKey(this.#key.apply(instance, args), this.#decorated);
    const feature = this.#identity.featureOf(instance);
    if (this.#scope === undefined) return cacheKey(feature, key);
    const { decorator, name } = this.#decorated;
    const scope = scopePart(this.#scope.apply(instance, args), `${decorator} method ${name}`);
    return cacheKey(feature, key, scope);
  }
}

function argumentsKey(args: readonly unknown[], instance: object, { name, decorator }: DecoratedMethod): string {
  try {
    return canonicalArguments(args);
  } catch (error) {
    if (!isCloudflareClientError(error)) throw error;
    throw new CloudflareClientError(
      'INVALID_ARGUMENT',
      `${instance.constructor.name}.${name}: ${error.message}. Give the decorator a key: ${decorator}({ ttl, key: (...args) => '...' }).`,
      { cause: error },
    );
  }
}

function givenKey(key: unknown, { name, decorator }: DecoratedMethod): string {
  if (typeof key === 'string' && key !== '' && isWellFormed(key)) return key;
  const got = typeof key === 'string' ? JSON.stringify(key.slice(-20)) : `a ${typeof key}`;
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `${decorator} method ${name}: key must return a non-empty string without half of a surrogate pair, got ${got}.`,
  );
}
