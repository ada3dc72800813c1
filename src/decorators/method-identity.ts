import { isWellFormed, utf8Bytes } from '../clients/kv/key.js';
import { CloudflareClientError } from '../errors.js';
import { CLASS_METADATA } from '../internal/class-metadata.js';
import { isOwnedBy } from './method-decorator.js';
import type { DecoratedMethod } from './method-decorator.js';

const MAX_NAME_BYTES = 256;

interface Named {
  readonly explicitName: string | undefined;
  readonly hasKey: boolean;
}

/** What the decorated methods of an owner, by their names, are called in keys. */
const namesOf = new WeakMap<object, Map<string, Named>>();

/**
 * Names a decorated method for use in a key, so that no two implementations share a name: the defining class and method
 * (`ContentService.list`), with the class of the instance where that is another one (`Base.list@Sub`). So an override
 * that calls `super.list()` does not meet its own entry.
 *
 * An explicit name is used as it is, by subclasses too, because minifiers rename classes. Only where a subclass
 * overrides the method under the same explicit name do the inherited levels get a suffix (`name~1`).
 */
export class MethodIdentity {
  readonly #decorated: DecoratedMethod;
  readonly #explicitName: string | undefined;
  readonly #features = new WeakMap<object, string>();

  /**
   * Registers a decorated method.
   *
   * @param decorated the method.
   * @param explicitName the `name` option.
   * @param hasKey whether there is a `key` option too: then methods may share a name, and their keys tell them apart.
   * @throws {CloudflareClientError} `INVALID_DECORATION` when another method of the class would have the same keys.
   */
  constructor(decorated: DecoratedMethod, explicitName: string | undefined, hasKey: boolean) {
    this.#decorated = decorated;
    this.#explicitName = explicitName;
    const names = namesOf.get(decorated.owner) ?? new Map<string, Named>();
    refuseClash(names, decorated.name, { explicitName, hasKey });
    namesOf.set(decorated.owner, names.set(decorated.name, { explicitName, hasKey }));
  }

  /**
   * The feature part of a key, for this method called on `instance`.
   *
   * @throws {CloudflareClientError} `INVALID_DECORATION` when the class is anonymous and no name was given.
   */
  featureOf(instance: object): string {
    const prototype = Object.getPrototypeOf(instance) as object;
    let feature = this.#features.get(prototype);
    if (feature === undefined) {
      feature = encodeFeature(
        this.#explicitName === undefined ? this.#classFeature(prototype) : this.#namedFeature(prototype),
      );
      this.#features.set(prototype, feature);
    }
    return feature;
  }

  #classFeature(prototype: object): string {
    const { owner, name } = this.#decorated;
    const runtimeClass = prototype.constructor.name;
    const definer = chainOf(prototype).find((level) => isOwnedBy(level, owner));
    const definingClass = definer?.constructor.name ?? runtimeClass;
    if (definingClass === '' || runtimeClass === '') {
      throw new CloudflareClientError(
        'INVALID_DECORATION',
        `The class of the cached method ${name} has no name to put into the key: give one, @Cached({ name: '...' }).`,
      );
    }
    const inherited = definer === undefined || definer === prototype ? '' : `@${runtimeClass}`;
    return `${definingClass}.${name}${inherited}`;
  }

  #namedFeature(prototype: object): string {
    const { owner, name } = this.#decorated;
    const explicitName = this.#explicitName ?? '';
    let overrides = 0;
    for (const level of chainOf(prototype)) {
      if (isOwnedBy(level, owner)) break;
      if (explicitNameAt(level, name) === explicitName) overrides += 1;
    }
    return overrides === 0 ? explicitName : `${explicitName}~${overrides}`;
  }
}

/** Checks a name given to a decorator. */
export function checkName(name: unknown): void {
  if (name === undefined) return;
  if (
    typeof name === 'string' &&
    name !== '' &&
    isWellFormed(name) &&
    utf8Bytes(encodeFeature(name)) <= MAX_NAME_BYTES
  ) {
    return;
  }
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `@Cached: name must be a string of 1 to ${MAX_NAME_BYTES} bytes (three for each : and %), got ${typeof name === 'string' ? JSON.stringify(name).slice(0, 80) : typeof name}.`,
  );
}

function refuseClash(names: ReadonlyMap<string, Named>, method: string, { explicitName, hasKey }: Named): void {
  for (const [other, named] of names) {
    const isSameMethod = other === method && named.explicitName === explicitName;
    const isSameName = explicitName !== undefined && named.explicitName === explicitName && !(hasKey && named.hasKey);
    if (!isSameMethod && !isSameName) continue;
    throw new CloudflareClientError(
      'INVALID_DECORATION',
      `@Cached: ${method} and ${other === method ? 'another method of that name' : other} would share their keys. ` +
        'Give each a name of its own, or a key that tells them apart; and decorate a method once.',
    );
  }
}

function explicitNameAt(prototype: object, method: string): string | undefined {
  const metadata = Object.getOwnPropertyDescriptor(prototype.constructor, CLASS_METADATA)?.value as object | undefined;
  return (namesOf.get(prototype) ?? (metadata && namesOf.get(metadata)))?.get(method)?.explicitName;
}

function chainOf(prototype: object): object[] {
  const chain: object[] = [];
  for (let level: object | null = prototype; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    chain.push(level);
  }
  return chain;
}

// A colon ends the feature in `cache:{feature}:{key}`, so it may not stand inside it.
function encodeFeature(feature: string): string {
  return feature.replace(/[%:]/g, (character) => (character === ':' ? '%3A' : '%25'));
}
