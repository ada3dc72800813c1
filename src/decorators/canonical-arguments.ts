import { isRootPrototype } from '../clients/kv/codecs/value-kind.js';
import { CloudflareClientError } from '../errors.js';

const MAX_DEPTH = 100;

/**
 * Writes call arguments as text so that two lists give the same text exactly when they hold the same data. JSON, with
 * sorted properties, plus what JSON cannot tell apart: `undefined`, `-0`, `NaN`, bigint, Date, Map, Set, URL,
 * bytes. Map
 * and Set entries count in any order. Trailing `undefined` arguments count as not given.
 *
 * @param args the arguments of a call.
 * @returns the text, beginning with `[`.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` where an argument has no such text: functions, symbols, instances
 * of classes (also of those that extend a built-in), built-ins with properties of their own, cycles, nesting deeper than 100.
 */
export function canonicalArguments(args: readonly unknown[]): string {
  let length = args.length;
  while (length > 0 && args[length - 1] === undefined) length -= 1;
  let text = '[';
  for (let index = 0; index < length; index += 1) {
    if (index > 0) text += ',';
    const argument = args[index];
    text += typeof argument === 'string' ? JSON.stringify(argument) : encode(argument, []);
  }
  return `${text}]`;
}

function encode(value: unknown, ancestors: object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return `${value}n`;
    case 'boolean':
    case 'undefined':
      return String(value);
    case 'object':
      return value === null ? 'null' : encodeObject(value, ancestors);
    default:
      throw unrepresentable(`a ${typeof value}`);
  }
}

function encodeObject(value: object, ancestors: object[]): string {
  if (ancestors.includes(value)) throw unrepresentable('a cycle');
  if (ancestors.length >= MAX_DEPTH) throw unrepresentable(`data nested deeper than ${MAX_DEPTH}`);
  ancestors.push(value);
  const text = Array.isArray(value) ? encodeArray(value, ancestors) : encodeByKind(value, ancestors);
  ancestors.pop();
  return text;
}

function encodeArray(array: unknown[], ancestors: object[]): string {
  if (!isPlainArray(array)) throw unrepresentable(describe(array));
  if (Object.keys(array).some((key) => !isIndexOf(array, key)) || hasSymbols(array)) {
    throw unrepresentable('an array with named properties');
  }
  // A hole is not `undefined`: only the latter is an element.
  const elements = Array.from(array, (element, index) => (index in array ? encode(element, ancestors) : 'hole'));
  return `[${elements.join(',')}]`;
}

function encodeByKind(value: object, ancestors: object[]): string {
  if (isPlain(value)) return encodePlain(value as Record<string, unknown>, ancestors);
  const kind = builtInKind(value);
  if (kind === undefined || hasMore(value)) throw unrepresentable(describe(value));
  switch (kind) {
    case 'bytes':
      return encodeBytes(value as ArrayBufferView);
    case 'Date':
      return `Date(${Date.prototype.getTime.call(value)})`;
    case 'URL':
      return `URL(${JSON.stringify((value as URL).href)})`;
    case 'ArrayBuffer':
      return encodeBytes(new Uint8Array(value as ArrayBuffer));
    case 'Map':
      return `Map{${encodeEntries(value as Map<unknown, unknown>, ancestors)}}`;
    case 'Set':
      return `Set{${encodeEntries(value as Set<unknown>, ancestors)}}`;
  }
}

function encodePlain(value: Record<string, unknown>, ancestors: object[]): string {
  if (Object.getOwnPropertySymbols(value).length > 0) throw unrepresentable('an object with symbol properties');
  let text = '{';
  const keys = Object.keys(value);
  // Written in order as they mostly are, they need no sorting, which costs more than all the rest.
  if (keys.some((key, index) => index > 0 && key < (keys[index - 1] ?? ''))) keys.sort();
  for (const key of keys) {
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(key)}:${encode(value[key], ancestors)}`;
  }
  return `${text}}`;
}

function encodeEntries(collection: Iterable<unknown>, ancestors: object[]): string {
  return Array.from(collection, (entry) => encode(entry, ancestors))
    .sort()
    .join(',');
}

function encodeBytes(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${isBuffer(view) ? 'Buffer' : tagOf(view)}(${hex})`;
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || isRootPrototype(prototype);
}

// Of all realms, `Array.prototype` alone is a prototype of arrays, an array itself, and next to the root.
function isPlainArray(array: unknown[]): boolean {
  const prototype = Object.getPrototypeOf(array) as object | null;
  return prototype === Array.prototype || (Array.isArray(prototype) && depthOf(array) === 2);
}

// An index is less than the length, and 4294967295 is no index.
function isIndexOf(array: unknown[], key: string): boolean {
  return String(Number(key) >>> 0) === key && Number(key) < array.length;
}

function hasSymbols(value: object): boolean {
  return Object.getOwnPropertySymbols(value).some((symbol) =>
    Object.prototype.propertyIsEnumerable.call(value, symbol),
  );
}

/** Whether a built-in has properties that its text would not show. Those that are not enumerable count as no data. */
function hasMore(value: object): boolean {
  const { length: elements = 0 } = ArrayBuffer.isView(value) ? (value as Partial<Uint8Array>) : {};
  return Object.keys(value).length > elements || hasSymbols(value);
}

const BUILT_IN_KINDS = ['Date', 'Map', 'Set', 'URL', 'ArrayBuffer'] as const;

// A subclass may hold more than the built-in shows, so only direct instances count.
function builtInKind(value: object): (typeof BUILT_IN_KINDS)[number] | 'bytes' | undefined {
  const depth = depthOf(value);
  const tag = tagOf(value);
  if (ArrayBuffer.isView(value)) return depth === (tag === 'DataView' ? 2 : 3) || isBuffer(value) ? 'bytes' : undefined;
  if (depth !== 2) return undefined;
  const prototype = Object.getPrototypeOf(value) as object;
  return BUILT_IN_KINDS.find((kind) => kind === tag && prototype.constructor.name === kind);
}

// Node's, which Workers have under `nodejs_compat`: the one built-in that extends another and holds no more than its bytes.
function isBuffer(value: object): boolean {
  const { Buffer } = globalThis as { readonly Buffer?: { readonly prototype: object } };
  return Buffer !== undefined && Object.getPrototypeOf(value) === Buffer.prototype;
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** How many prototypes an object has, down to that of its realm's `Object`; 0 where it ends elsewhere. */
function depthOf(value: object): number {
  let depth = 0;
  let level = Object.getPrototypeOf(value) as object | null;
  while (level !== null) {
    depth += 1;
    if (isRootPrototype(level)) return depth;
    level = Object.getPrototypeOf(level) as object | null;
  }
  return 0;
}

function describe(value: object): string {
  const name = (value.constructor as { name?: string } | undefined)?.name;
  return name ? `an instance of ${name}` : 'an object of unknown kind';
}

function unrepresentable(what: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_ARGUMENT', `${what} cannot be part of a cache key`);
}
