import { CloudflareClientError } from '../../../errors.js';
import type { CacheCodec } from '../cache/cache-codec.js';
import { toJson } from '../value.js';
import { cannotHold, parseJson, pathOf, unknownFormat } from './codec-error.js';
import { describeKind, findDataFault } from './value-kind.js';

// Far more than data has, and little enough for JSON.stringify, whose own bound is the stack.
const MAX_DEPTH = 1_000;
// What the remedies name is true: these come back from richCodec(), and these make even loose JSON throw.
const RICH_HOLDS = /^(undefined|a hole|NaN|-?Infinity|a bigint|a cycle)$/;
const RICH_HOLDS_OBJECT =
  /^an? (Date|Map|Set|RegExp|URL|URLSearchParams|ArrayBuffer|DataView|\w+\d+(Clamped)?Array|boxed (?!Symbol)\w+)$/;
const LOOSE_REFUSES = /^(a bigint|a cycle|data nested .*)$/;
const LOOSE_REFUSES_AT_TOP = /^(undefined|a function|a symbol)$/;

/** Options of `jsonCodec`. */
export interface JsonCodecOptions {
  /**
   * Whether to write what `JSON.stringify` writes, losing what it loses: a Date becomes a string, a Map `{}`.
   *
   * @default false
   */
  readonly loose?: boolean;
}

interface Fault {
  readonly kind: string;
  /** From the inside out. */
  readonly path: string[];
}

/**
 * Makes the codec of plain JSON, which other readers of the namespace understand. A cache uses it by default.
 *
 * It refuses what JSON would lose: `undefined` and holes in arrays, NaN and the infinities, bigints, functions,
 * symbols, cycles, Dates, Maps and every other instance of a class, whatever has a `toJSON`, symbol-keyed properties,
 * named properties of arrays of up to 10,000 elements, nesting deeper than 1,000.
 *
 * Accepted all the same: a property that is `undefined` (left out, and reading it gives `undefined`), `-0` (comes back
 * as `0`), objects without a prototype (come back with one), repeated references (come back as copies), accessors (come
 * back as the value they gave).
 *
 * @param options whether to be loose.
 * @returns a codec of the format `''` that works synchronously.
 * @throws {CloudflareClientError} `INVALID_OPTION`; `encode` throws `INVALID_VALUE`, also for more than 25 MiB;
 *   `decode` throws `KV_CORRUPT_VALUE`.
 */
export function jsonCodec(options: JsonCodecOptions = {}): CacheCodec {
  const { loose = false } = options;
  if (typeof loose !== 'boolean') {
    const message = `jsonCodec: loose of type ${typeof loose} is refused: give true or false.`;
    throw new CloudflareClientError('INVALID_OPTION', message);
  }
  const write = loose ? toJson : toStrictJson;
  return {
    encode: (value) => ({ text: write(value), format: '' }),
    decode({ text, format }) {
      if (format !== '') throw unknownFormat('jsonCodec', format);
      return parseJson(text);
    },
  };
}

/**
 * Turns a value into JSON that gives it back as it was. The value is walked first and then written in one go, which
 * takes less time than a replacer.
 *
 * @param value plain data.
 * @param remedy what to do about a value that is refused, an imperative clause.
 * @returns JSON of at most 25 MiB.
 * @throws {CloudflareClientError} `INVALID_VALUE` for what JSON would lose, naming its path (names that are no plain
 *   identifiers are masked) and kind, never the value; for more than 25 MiB; for a value that throws when it is read.
 */
export function toStrictJson(value: unknown, remedy?: string): string {
  let fault: Fault | null;
  try {
    fault = findFault(value, []);
  } catch (cause) {
    const message = 'JSON cannot hold the value: reading it threw, or the stack had no room left.';
    throw new CloudflareClientError('INVALID_VALUE', message, { cause });
  }
  if (fault === null) return toJson(value);
  const path = fault.path.reverse().join('');
  throw cannotHold('JSON', { kind: fault.kind, path }, remedy ?? remedyOf(fault));
}

function findFault(value: unknown, ancestors: object[]): Fault | null {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return null;
    case 'number':
      return Number.isFinite(value) ? null : faultOf(String(value));
    case 'object':
      return value === null ? null : findObjectFault(value, ancestors);
    default:
      return faultOf(describeKind(value));
  }
}

function findObjectFault(value: object, ancestors: object[]): Fault | null {
  if (ancestors.includes(value)) return faultOf('a cycle');
  if (ancestors.length >= MAX_DEPTH) return faultOf(`data nested deeper than ${MAX_DEPTH}`);
  const kind = findDataFault(value) ?? findToJson(value);
  if (kind !== null) return faultOf(kind);
  ancestors.push(value);
  const fault = Array.isArray(value)
    ? findElementFault(value, ancestors)
    : findPropertyFault(value as Record<string, unknown>, ancestors);
  ancestors.pop();
  return fault;
}

function findElementFault(array: unknown[], ancestors: object[]): Fault | null {
  for (let index = 0; index < array.length; index += 1) {
    const element = array[index];
    const isHole = element === undefined && !(index in array);
    const fault = isHole ? faultOf('a hole') : findFault(element, ancestors);
    if (fault !== null) return within(`[${index}]`, fault);
  }
  return null;
}

function findPropertyFault(object: Record<string, unknown>, ancestors: object[]): Fault | null {
  for (const key of Object.keys(object)) {
    const value = object[key];
    const fault = value === undefined ? null : findFault(value, ancestors);
    if (fault !== null) return within(pathOf(key), fault);
  }
  return null;
}

function findToJson(value: object): string | null {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === 'function'
    ? 'an object with a toJSON method'
    : null;
}

function faultOf(kind: string): Fault {
  return { kind, path: [] };
}

function within(segment: string, fault: Fault): Fault {
  fault.path.push(segment);
  return fault;
}

function remedyOf({ kind, path }: Fault): string {
  const isLost = !LOOSE_REFUSES.test(kind) && !(path.length === 0 && LOOSE_REFUSES_AT_TOP.test(kind));
  const isHeld = RICH_HOLDS.test(kind) || RICH_HOLDS_OBJECT.test(kind);
  const codecs = [isHeld && 'richCodec()', isLost && 'jsonCodec({ loose: true })'].filter(Boolean);
  return codecs.length === 0 ? 'give plain data' : `use ${codecs.join(' or ')}`;
}
