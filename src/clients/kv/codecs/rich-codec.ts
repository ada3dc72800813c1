import { DevalueError, parse, stringify } from 'devalue';
import { CloudflareClientError } from '../../../errors.js';
import type { CacheCodec } from '../cache/cache-codec.js';
import { cannotHold, checkTextSize, corruptText, parseJson, pathOf, unknownFormat } from './codec-error.js';
import { describeKind, findDataFault, isPlain, isRootPrototype } from './value-kind.js';

const FORMAT = 'devalue';
// devalue writes Temporal as well, but not without loss: a Duration of 1,500 ms comes back as one of 1 s and 500 ms.
const SIMPLE_KINDS = [
  ...['Date', 'Map', 'Set', 'RegExp', 'URL', 'URLSearchParams', 'ArrayBuffer'],
  ...['Number', 'String', 'Boolean', 'BigInt'],
];
const REFUSED = 'refused';
// In devalue's paths: `.name`, and `["a name"]` as JSON. `.get(…)` stands for a value of a Map, or its key.
const NAMES = /\.(?!get\()([A-Za-z_$][\w$]*)|\["(?:[^"\\]|\\.)*"\]/g;

type Operations = NonNullable<NonNullable<Parameters<typeof stringify>[2]>['operations']>;

/**
 * Makes a codec that gives back what JSON loses: Date, Map, Set, RegExp, URL, URLSearchParams, bigint, `undefined`
 * (also as the whole value), NaN, the infinities, `-0`, typed arrays and their buffers, boxed primitives, sparse
 * arrays, objects without a prototype, repeated references and cycles. https://github.com/sveltejs/devalue
 *
 * It refuses what would come back changed: functions, symbols, instances of classes (of subclasses of the above too),
 * Errors, Promises, shared and resizable buffers, symbol-keyed properties, a property of the name `__proto__`, named
 * properties of arrays of up to 10,000 elements and of built-ins other than typed arrays, a RegExp whose `lastIndex` is
 * not 0. Accessors come back as the value they gave. A typed array takes its whole buffer along: `slice()` a part of a
 * large one.
 *
 * @returns a codec of the format `devalue` that works synchronously. It reads plain JSON too, so that entries written
 *   before it was chosen stay readable.
 * @throws {CloudflareClientError} `encode` throws `INVALID_VALUE`, naming path and kind (keys of Maps, and names that
 *   are no plain identifiers, are masked), also for more than 25 MiB and for nesting that overflows the stack;
 *   `decode` throws `KV_CORRUPT_VALUE`.
 */
export function richCodec(): CacheCodec {
  return {
    encode(value) {
      const text = toRichText(value);
      checkTextSize(text, 'in the format devalue');
      return { text, format: FORMAT };
    },
    decode({ text, format }) {
      if (format === '') return parseJson(text);
      if (format !== FORMAT) throw unknownFormat('richCodec', format);
      return fromRichText(text);
    },
  };
}

function toRichText(value: unknown): string {
  try {
    return stringify(value, undefined, { operations: STRICT });
  } catch (error) {
    throw error instanceof DevalueError ? refusal(value, error) : unreadable(error);
  }
}

function fromRichText(text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch {
    // Without the cause, which can quote the text.
    throw corruptText('The text is not one that richCodec wrote.');
  }
}

// What devalue asks about values, answered so that it refuses what it would lose.
const STRICT: Operations = {
  tagOf(value: object) {
    if (!isPlain(value)) return findBuiltInFault(value) === null ? tagOf(value) : REFUSED;
    if (findDataFault(value) !== null) return REFUSED;
    return Array.isArray(value) ? 'Array' : 'Object';
  },
  // Asked about what is no array and no built-in: plain objects, and what is refused.
  shapeOf(value: object) {
    if (findDataFault(value) !== null) return { kind: 'not-plain' };
    return { kind: Object.getPrototypeOf(value) === null ? 'null-proto' : 'plain', keys: Object.keys(value) };
  },
  // A function called `then` is refused like any other.
  isThenable: () => false,
};

function findBuiltInFault(value: object): string | null {
  const tag = tagOf(value);
  if (!isBuiltIn(value, tag)) return describeKind(value);
  const { lastIndex, resizable } = value as { readonly lastIndex?: unknown; readonly resizable?: unknown };
  if (tag === 'RegExp' && lastIndex !== 0) return 'a RegExp whose lastIndex is not 0';
  if (tag === 'ArrayBuffer' && resizable === true) return 'a resizable ArrayBuffer';
  // The indices of a typed array are properties as well, too many to list.
  if (ArrayBuffer.isView(value) && tag !== 'DataView') return null;
  const indices = tag === 'String' ? Number((value as { readonly length?: number }).length) : 0;
  const properties = Object.keys(value).length + Object.getOwnPropertySymbols(value).length;
  return properties > indices ? `${describeKind(value)} with properties of its own` : null;
}

function isBuiltIn(value: object, tag: string): boolean {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !SIMPLE_KINDS.includes(tag)) return false;
  const prototype = Object.getPrototypeOf(value) as object;
  // What `new Date()` makes here: with fake timers, a subclass.
  const current = (globalThis as unknown as Record<string, { readonly prototype?: unknown } | undefined>)[tag];
  if (prototype === current?.prototype) return true;
  if (!Object.hasOwn(prototype, 'constructor') || prototype.constructor.name !== tag) return false;
  // Of another realm, and no subclass of the same name: that one stands further from the root. All typed arrays share a class.
  const steps = isView && tag !== 'DataView' ? 2 : 1;
  return isRootPrototype(ancestorOf(prototype, steps));
}

function ancestorOf(prototype: object, steps: number): object | null {
  let ancestor: object | null = prototype;
  for (let step = 0; step < steps && ancestor !== null; step += 1) {
    ancestor = Object.getPrototypeOf(ancestor) as object | null;
  }
  return ancestor;
}

function tagOf(value: object): string {
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') return tag;
  // workerd tags its own classes since the compatibility date 2024-09-26 only.
  if (value instanceof URL) return 'URL';
  return value instanceof URLSearchParams ? 'URLSearchParams' : tag;
}

// devalue's own error is no cause: it holds the value.
function refusal(value: unknown, error: DevalueError): CloudflareClientError {
  const kind = findRichFault(error.value) ?? 'a value of unknown kind';
  return cannotHold('richCodec', { kind, path: maskedPath(value) }, 'give plain data');
}

function findRichFault(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return describeKind(value);
  if (!isPlain(value)) return findBuiltInFault(value);
  return (
    findDataFault(value) ?? (Object.hasOwn(value, '__proto__') ? 'an object with a property called __proto__' : null)
  );
}

// devalue's paths quote the keys of Maps, which are data. Written once more with every primitive masked, the value
// fails in the same place.
function maskedPath(value: unknown): string {
  try {
    stringify(value, undefined, { operations: { ...STRICT, toPrimitive: () => '…' } });
  } catch (error) {
    if (error instanceof DevalueError) return error.path.replace(NAMES, (_, name?: string) => pathOf(name ?? ''));
  }
  return '';
}

function unreadable(cause: unknown): CloudflareClientError {
  const message = 'richCodec cannot hold the value: it is nested too deeply, or reading it threw.';
  return new CloudflareClientError('INVALID_VALUE', message, { cause });
}
