import { CloudflareClientError } from '../errors.js';
import type { DecoratedMethod } from './method-decorator.js';

/** Which classes use a fixed name, as far as this isolate has seen. */
export class NameClaim {
  readonly #name: string;
  readonly #first: object;
  #second: object | undefined;

  constructor(name: string, first: object) {
    this.#name = name;
    this.#first = first;
  }

  /** Remembers a class that uses the name. */
  add(prototype: object): void {
    if (prototype !== this.#first) this.#second ??= prototype;
  }

  /**
   * Refuses a call once two classes have used the name. The first one's calls too: in another isolate it came second, and
   * the entries are those of the other class.
   *
   * @throws {CloudflareClientError} `INVALID_DECORATION`.
   */
  refuseSecond({ decorator, name }: DecoratedMethod): void {
    if (this.#second === undefined) return;
    throw new CloudflareClientError(
      'INVALID_DECORATION',
      `${decorator} method ${name} has the fixed name ${JSON.stringify(this.#name)}, and ${className(this.#first)} and ` +
        `${className(this.#second)} both use it: each would be given the entries of the other. Say the name of each class, ` +
        `${decorator}({ name: (self) => '...' }); where both are to share their entries, give the same for both.`,
    );
  }
}

/** The claims on fixed names, by the class that brought the name in. */
const claimsOf = new WeakMap<object, Map<string, NameClaim>>();

/**
 * Claims a fixed name for the class of an instance.
 *
 * @param root the first class with the name, or what marks it.
 * @param name the name.
 * @param levels the prototypes of the instance, the nearest first.
 */
export function claimName(root: object, name: string, levels: readonly object[]): NameClaim | undefined {
  // Of an object that was made from an instance, the class is that of the instance.
  const prototype = levels.find((level) => Object.hasOwn(level, 'constructor'));
  // A plain object that the method is called on, as tests do, belongs to no class.
  if (prototype === undefined || Object.getPrototypeOf(prototype) === null) return undefined;
  const claims = claimsOf.get(root) ?? new Map<string, NameClaim>();
  claimsOf.set(root, claims);
  const claim = claims.get(name) ?? new NameClaim(name, prototype);
  claims.set(name, claim);
  claim.add(prototype);
  return claim;
}

function className(prototype: object): string {
  return prototype.constructor.name === '' ? 'an anonymous class' : prototype.constructor.name;
}
