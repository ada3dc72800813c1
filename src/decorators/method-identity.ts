import { isWellFormed, utf8Bytes } from '../clients/kv/key.js';
import { CloudflareClientError } from '../errors.js';
import { encodePart } from './cache-key.js';
import { inheritedFault, sharingFault } from './key-shape.js';
import type { KeyShape } from './key-shape.js';
import { chainOf, isOwnedBy, ofClass } from './method-decorator.js';
import type { DecoratedMethod } from './method-decorator.js';
import { claimName } from './name-claims.js';
import type { NameClaim } from './name-claims.js';

const MAX_NAME_BYTES = 256;

/** What the decorators of an owner have registered. */
const shapesOf = new WeakMap<object, KeyShape[]>();

interface Feature {
  /** The explicit name that it was made of. */
  readonly name: string | undefined;
  readonly text: string;
  /** Of a fixed name: which classes use it. */
  readonly claim: NameClaim | undefined;
}

/**
 * Names a decorated method for use in a key, so that no two implementations share a name: the defining class and method
 * (`ContentService.list`), with the class of the instance where that is another one (`Base.list@Sub`). So an override
 * that calls `super.list()` does not meet its own entry.
 *
 * An explicit name is used as it is, by a subclass too, because minifiers rename classes. What it cannot tell apart is
 * refused: an override under the name of what it overrides, and two classes that inherit one fixed name. Only a
 * `@CachePut` may override another under its name, because both mean one entry; the inherited level gets a suffix (`name~1`).
 */
export class MethodIdentity {
  readonly #decorated: DecoratedMethod;
  readonly #shape: KeyShape;
  readonly #features = new WeakMap<object, Feature>();

  /**
   * Registers a decorated method.
   *
   * @param decorated the method.
   * @param shape which options it was given.
   * @throws {CloudflareClientError} `INVALID_DECORATION` when another method of the class, or one that it inherits, would
   * have the same keys.
   */
  constructor(decorated: DecoratedMethod, shape: KeyShape) {
    this.#decorated = decorated;
    this.#shape = shape;
    const { owner } = decorated;
    const own = shapesOf.get(owner) ?? [];
    for (const known of own) refuse(decorated, known, ownFault(known, shape));
    for (const level of chainOf(owner).slice(1)) {
      const inherited = (shapesOf.get(level) ?? []).filter((known) => isSameName(known, shape));
      for (const known of inherited) refuse(decorated, known, inheritedFault(known, shape));
    }
    shapesOf.set(owner, [...own, shape]);
  }

  /**
   * The feature part of a key, for this method called on `instance`.
   *
   * @throws {CloudflareClientError} `INVALID_DECORATION` when the class is anonymous and no name was given, and when the
   * name would give it the keys of another method or of another class; `INVALID_ARGUMENT` when `name` is a function and
   * gives none.
   */
  featureOf(instance: object): string {
    const prototype = Object.getPrototypeOf(instance) as object;
    const { name } = this.#shape;
    const found = typeof name === 'function' ? answeredName(name, instance, this.#decorated) : name;
    let feature = this.#features.get(prototype);
    // One name a class is kept: those of a function may be as many as there are instances.
    if (feature === undefined || feature.name !== found) {
      feature = found === undefined ? this.#classFeature(prototype) : this.#namedFeature(instance, found);
      this.#features.set(prototype, feature);
    }
    feature.claim?.refuseSecond(this.#decorated);
    return feature.text;
  }

  #classFeature(prototype: object): Feature {
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
    return { name: undefined, text: encodePart(`${definingClass}.${name}${inherited}`), claim: undefined };
  }

  // Here and not only at definition: what a function answers is known now, and so are the classes below.
  #namedFeature(instance: object, name: string): Feature {
    const { owner } = this.#decorated;
    const levels = chainOf(Object.getPrototypeOf(instance) as object);
    let overrides = 0;
    let root = owner;
    let isBelow = true;
    for (const level of levels) {
      if (isOwnedBy(level, owner)) isBelow = false;
      const shapes = ofClass(shapesOf, level) ?? [];
      const sharing = shapes.filter((shape) => nameOn(instance, shape) === name);
      if (sharing.length > 0) root = level;
      for (const known of sharing) {
        if (known === this.#shape) continue;
        const find = shapes.includes(this.#shape) ? sharingFault : inheritedFault;
        refuse(this.#decorated, known, find(known, this.#shape));
        if (isBelow && known.method === this.#shape.method) overrides += 1;
      }
    }
    return {
      name,
      text: encodePart(overrides === 0 ? name : `${name}~${overrides}`),
      // What a function answers is meant for the class of the instance.
      claim: typeof this.#shape.name === 'function' ? undefined : claimName(root, name, levels),
    };
  }
}

/** Checks a name given to a decorator. */
export function checkName(decorator: string, name: unknown): void {
  if (name === undefined || typeof name === 'function' || isName(name)) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${decorator}: name must be ${nameFault(name)}, or a function that gives one.`,
  );
}

function answeredName(
  name: (self: never) => unknown,
  instance: object,
  { decorator, name: method }: DecoratedMethod,
): string {
  const answer = name(instance as never);
  if (isName(answer)) return answer;
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `${decorator} method ${method}: name must return ${nameFault(answer)}.`,
  );
}

function isName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && isWellFormed(name) && utf8Bytes(encodePart(name)) <= MAX_NAME_BYTES;
}

function nameFault(got: unknown): string {
  const shown = typeof got === 'string' ? JSON.stringify(got).slice(0, 80) : typeof got;
  return `a string of 1 to ${MAX_NAME_BYTES} bytes (three for each : and %), got ${shown}`;
}

/** The explicit name that some decorated method has on an instance. */
function nameOn(instance: object, { name }: KeyShape): string | undefined {
  if (typeof name !== 'function') return name;
  try {
    return name(instance as never);
  } catch {
    // No matter of the method that is called; a call of that one will say so, and compare the two.
    return undefined;
  }
}

function isSameName(one: KeyShape, other: KeyShape): boolean {
  return one.name !== undefined && one.name === other.name;
}

/** Why two methods of a class cannot have the options they have; `null` when they can. */
function ownFault(known: KeyShape, shape: KeyShape): string | null {
  const fault = isSameName(known, shape) ? sharingFault(known, shape) : null;
  if (fault !== null || known.method !== shape.method || known.name !== shape.name) return fault;
  return 'Give each a name of its own, and decorate a method once';
}

function refuse({ decorator, name: method }: DecoratedMethod, known: KeyShape, fault: string | null): void {
  if (fault === null) return;
  throw new CloudflareClientError(
    'INVALID_DECORATION',
    `${decorator}: ${method} and ${known.method === method ? 'another method of that name' : known.method} would share their keys. ${fault}.`,
  );
}
