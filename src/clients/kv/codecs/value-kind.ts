// Longer arrays are not searched for named properties: listing a million indices takes longer than writing them.
const MAX_SEARCHED_LENGTH = 10_000;
// Above the last index: 4294967295 is a name.
const MAX_ARRAY_LENGTH = 2 ** 32 - 1;
const BOXED = ['Number', 'String', 'Boolean', 'BigInt', 'Symbol'];

/**
 * Tells whether an object is an array or a plain object, of this realm or another, and no instance of any other class.
 *
 * @param value any object.
 * @returns `true` also for an object without a prototype.
 */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  // Of all realms, `Array.prototype` alone is a prototype of arrays and an array itself.
  if (Array.isArray(value)) return prototype === Array.prototype || Array.isArray(prototype);
  return prototype === null || isRootPrototype(prototype);
}

/**
 * Says why an object is more than an array or a plain object whose own enumerable properties are all of it. Properties
 * that are not enumerable count as no data, as they do for the spread operator.
 *
 * @param value any object.
 * @returns its kind, such as `a Date`, `an instance of User` or `an array with named properties`; `null` for plain
 *   data.
 */
export function findDataFault(value: object): string | null {
  if (!isPlain(value)) return describeKind(value);
  if (Object.getOwnPropertySymbols(value).length > 0) return `${nameOf(value)} with symbol-keyed properties`;
  return Array.isArray(value) && hasNamedProperties(value) ? `${nameOf(value)} with named properties` : null;
}

/**
 * Names what a value is, in words that hold nothing of it.
 *
 * @param value anything.
 * @returns such as `a bigint`, `a Date`, `a boxed Number`, `an instance of User`.
 */
export function describeKind(value: unknown): string {
  if (typeof value !== 'object' || value === null) return value == null ? String(value) : `a ${typeof value}`;
  const name = classNameOf(value);
  // The latter for objects that inherit from other objects.
  if (name === '' || name === 'Object') return 'an object of unknown kind';
  if (BOXED.includes(name)) return `a boxed ${name}`;
  if (!(name in globalThis)) return `an instance of ${name}`;
  return `${/^[AEIO]/.test(name) ? 'an' : 'a'} ${name}`;
}

/**
 * Tells whether an object has the prototype that is the root of its realm: an instance of nothing but `Object`.
 *
 * @param prototype what `Object.getPrototypeOf` gave.
 * @returns `true` for `Object.prototype` of any realm.
 */
export function isRootPrototype(prototype: object | null): boolean {
  if (prototype === Object.prototype) return true;
  // By structure and not by identity: an object of another realm (a Jest sandbox, an iframe) is plain as well.
  return prototype !== null && Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

function hasNamedProperties(array: unknown[]): boolean {
  if (array.length > MAX_SEARCHED_LENGTH) return false;
  // Indices come before names.
  const last = Object.keys(array).at(-1);
  return last !== undefined && !isIndex(last);
}

function isIndex(name: string): boolean {
  const index = Number(name) >>> 0;
  return index < MAX_ARRAY_LENGTH && String(index) === name;
}

function nameOf(value: object): string {
  return Array.isArray(value) ? 'an array' : 'an object';
}

// From the prototype: an own property of the name `constructor` is a value.
function classNameOf(value: object): string {
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null;
  const maker = prototype?.constructor;
  return typeof maker === 'function' && typeof maker.name === 'string' ? maker.name : '';
}
