import { isWellFormed, utf8Bytes } from '../clients/kv/key.js';
import { CloudflareClientError } from '../errors.js';
import { encodePart } from './cache-key.js';
import { chainOf, isOwnedBy, ofClass } from './method-decorator.js';
import type { DecoratedMethod } from './method-decorator.js';

const MAX_NAME_BYTES = 256;

/** Which of the options that make a key a method was given. */
export interface KeyShape {
  /** The `name` option. */
  readonly explicitName: string | undefined;
  /** Whether there is a `key` option: then methods may share a name, and their keys tell them apart. */
  readonly hasKey: boolean;
  /** Whether there is a `scope` option. Keys of one name have one all or none, so that none can be read as another. */
  readonly hasScope: boolean;
}

/** What the decorated methods of an owner, by their names, are called in keys. */
const namesOf = new WeakMap<object, Map<string, KeyShape>>();

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
   * @param shape which options it was given.
   * @throws {CloudflareClientError} `INVALID_DECORATION` when another method of the class would have the same keys.
   */
  constructor(decorated: DecoratedMethod, shape: KeyShape) {
    this.#decorated = decorated;
    this.#explicitName = shape.explicitName;
    const names = namesOf.get(decorated.owner) ?? new Map<string, KeyShape>();
    refuseClash(names, decorated, shape);
    namesOf.set(decorated.owner, names.set(decorated.name, shape));
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
      feature = encodePart(
        this.#explicitName === undefined ? this.#classFeature(prototype) : this.#namedFeature(prototype),
      );
      this.#features.set(prototype, feature);
    }
    return feature;
  }

  #classFeature(prototype: object): string {
    const { owner, name, decorator } = this.#decorated;
    const runtimeClass = prototype.constructor.name;
    const definer = chainOf(prototype).find((level) => isOwnedBy(level, owner));
    const definingClass = definer?.constructor.name ?? runtimeClass;
    if (definingClass === '' || runtimeClass === '') {
      throw new CloudflareClientError(
        'INVALID_DECORATION',
        `The class of the cached method ${name} has no name to put into the key: give one, ${decorator}({ name: '...' }).`,
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
export function checkName(decorator: string, name: unknown): void {
  if (name === undefined) return;
  if (typeof name === 'string' && name !== '' && isWellFormed(name) && utf8Bytes(encodePart(name)) <= MAX_NAME_BYTES) {
    return;
  }
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${decorator}: name must be a string of 1 to ${MAX_NAME_BYTES} bytes (three for each : and %), got ${typeof name === 'string' ? JSON.stringify(name).slice(0, 80) : typeof name}.`,
  );
}

function refuseClash(names: ReadonlyMap<string, KeyShape>, decorated: DecoratedMethod, shape: KeyShape): void {
  const { name: method, decorator } = decorated;
  for (const [other, known] of names) {
    const isSameName = shape.explicitName !== undefined && known.explicitName === shape.explicitName;
    const fault = isSameName ? sharingFault(known, shape) : null;
    if (fault === null && !(other === method && known.explicitName === shape.explicitName)) continue;
    throw new CloudflareClientError(
      'INVALID_DECORATION',
      `${decorator}: ${method} and ${other === method ? 'another method of that name' : other} would share their keys. ` +
        `${fault ?? 'Give each a name of its own'}; and decorate a method once.`,
    );
  }
}

/** Why two methods cannot share a name; `null` when they can. */
function sharingFault(one: KeyShape, other: KeyShape): string | null {
  if (!one.hasKey || !other.hasKey) {
    return 'Give each a name of its own, or both a key: methods that share a name, as @Cached and @CachePut do for one entry, both say with key which entry a call means';
  }
  return one.hasScope === other.hasScope ? null : 'Give both a scope or neither, or each a name of its own';
}

function explicitNameAt(prototype: object, method: string): string | undefined {
  return ofClass(namesOf, prototype)?.get(method)?.explicitName;
}
