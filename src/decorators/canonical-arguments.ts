import { CloudflareClientError } from '../errors.js';

const MAX_DEPTH = 100;

/**
 * Writes call arguments as text so that two lists give the same text exactly when they hold the same data. JSON, with
 * sorted properties, plus what JSON cannot tell apart: `undefined`, `-0`, `NaN`, bigint, Date, Map, Set, URL, bytes. Map
 * and Set entries count in any order. Trailing `undefined` arguments count as not given.
 *
 * @param args the arguments of a call.
 * @returns the text, beginning with `[`.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` where an argument has no such text: functions, symbols, instances
 * of classes, cycles, nesting deeper than 100.
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
  const keys = Object.keys(array);
  if (keys.some((key) => String(Number(key) >>> 0) !== key)) throw unrepresentable('an array with named properties');
  // A hole is not `undefined`: only the latter is an element.
  const elements = Array.from(array, (element, index) => (index in array ? encode(element, ancestors) : 'hole'));
  return `[${elements.join(',')}]`;
}

function encodeByKind(value: object, ancestors: object[]): string {
  if (isPlain(value)) return encodePlain(value as Record<string, unknown>, ancestors);
  if (ArrayBuffer.isView(value)) return encodeBytes(value);
  const kind = builtInKind(value);
  if (kind === undefined || Object.keys(value).length > 0) throw unrepresentable(describe(value));
  switch (kind) {
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
  return `${Object.prototype.toString.call(view).slice(8, -1)}(${hex})`;
}

// By structure and not by identity: an object of another realm (a Jest sandbox, an iframe) is plain as well.
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === Object.prototype || prototype === null || isRootPrototype(prototype);
}

function isRootPrototype(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf');
}

const BUILT_IN_KINDS = ['Date', 'Map', 'Set', 'URL', 'ArrayBuffer'] as const;

// A subclass may hold more than the built-in shows, so only direct instances count.
function builtInKind(value: object): (typeof BUILT_IN_KINDS)[number] | undefined {
  const prototype = Object.getPrototypeOf(value) as object;
  if (!isRootPrototype((Object.getPrototypeOf(prototype) as object | null) ?? value)) return undefined;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return BUILT_IN_KINDS.find((kind) => kind === tag && prototype.constructor.name === kind);
}

function describe(value: object): string {
  const name = (value.constructor as { name?: string } | undefined)?.name;
  return name ? `an instance of ${name}` : 'an object of unknown kind';
}

function unrepresentable(what: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_ARGUMENT', `${what} cannot be part of a cache key`);
}
