import { runInNewContext } from 'node:vm';
import { richCodec } from '../../../../src/clients/kv/codecs/rich-codec.js';
import { fc, jsonValue } from '../../../support/kv.js';
import { context, encodeNow, refusalOf, roundTripNow } from './codec-calls.js';

const SECRET = 'top-secret';

class User {
  readonly password = SECRET;
}
class Day extends Date {}
class Registry extends Map<string, string> {}
class Rows extends Array<string> {}
class Bytes extends Uint8Array {}

const codec = richCodec();

function usedRegExp(): RegExp {
  const expression = /s/g;
  expression.exec(SECRET);
  return expression;
}

/** An instance of a subclass that has its parent's name. */
function namesakeOf(base: unknown, ...args: unknown[]): object {
  const Parent = base as new (...args: unknown[]) => object;
  class Heir extends Parent {}
  Object.defineProperty(Heir, 'name', { value: Parent.name });
  return new Heir(...args);
}

// Node 20 and workerd make resizable buffers; the compiler's library of this package does not know them.
function resizableBuffer(): ArrayBuffer {
  const Constructor = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
  return new Constructor(2, { maxByteLength: 4 });
}

function nested(depth: number): unknown {
  let value: unknown = SECRET;
  for (let level = 0; level < depth; level += 1) value = [value];
  return value;
}

describe('richCodec', () => {
  test('gives back any nesting of what it holds', () => {
    const anything = fc.anything({
      key: fc.string({ unit: 'binary' }).filter((key) => key !== '__proto__'),
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      stringUnit: 'binary',
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(encodeNow(codec, value).format).toBe('devalue');
        expect(roundTripNow(codec, value)).toStrictEqual(value);
      }),
      { numRuns: 500 },
    );
  });

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['NaN', NaN],
    ['-0', -0],
    ['Infinity', -Infinity],
    ['a bigint', -(2n ** 80n)],
    ['a Date', new Date(8.64e15)],
    ['a RegExp', /a\/<b>\n/giu],
    ['a URL', new URL('https://example.com/a?b=c#d')],
    ['URLSearchParams', new URLSearchParams('a=1&a=2')],
    ['an ArrayBuffer', Uint8Array.of(1, 2, 255).buffer],
    ['a view of a part', Uint16Array.of(1, 2, 3, 4).subarray(1, 3)],
    ['a DataView', new DataView(Uint8Array.of(1, 2, 3).buffer, 1, 1)],
    ['big integers in bulk', BigInt64Array.of(-1n, 2n)],
    ['undefined in all places', { a: undefined, b: [undefined], c: new Map([[undefined, undefined]]) }],
    // eslint-disable-next-line no-sparse-arrays
    ['holes', [1, , undefined, , 2]],
    ['a long sparse array', Object.assign([], { 4294967290: 'end' })],
    ['keys of Maps of any kind', new Map<unknown, unknown>([[{ a: 1 }, new Set([NaN, -1])]])],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['lone surrogates', ['\ud800', { '\udc00': 1 }]],
  ])('gives back %s', (_name, value) => {
    const back = roundTripNow(codec, value);
    expect(back).toStrictEqual(value);
    expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(value));
  });

  test('gives back an invalid Date, and properties with names that mean something', () => {
    const back = roundTripNow(codec, [new Date(NaN), { constructor: { name: 'x' }, then: 1, toJSON: 'no' }]) as [
      Date,
      object,
    ];
    expect(back[0].getTime()).toBeNaN();
    expect(JSON.stringify(back[1])).toBe('{"constructor":{"name":"x"},"then":1,"toJSON":"no"}');
  });

  test('gives back the href of a URL and the source of a RegExp', () => {
    const back = roundTripNow(codec, [new URL('https://a.b/?c'), /d/u]) as [URL, RegExp];
    expect([back[0].href, back[1].source, back[1].flags]).toEqual(['https://a.b/?c', 'd', 'u']);
  });

  test('keeps repeated references and cycles', () => {
    const shared = { at: new Date(0) };
    const value: Record<string, unknown> = { a: shared, b: [shared] };
    value['self'] = value;
    const back = roundTripNow(codec, value) as { a: object; b: object[]; self: unknown };
    expect(back.b[0]).toBe(back.a);
    expect(back.self).toBe(back);
  });

  test('gives back what other realms made, as objects of this one', () => {
    const source =
      '({ a: [new Date(0), new Map([[1, new Set([2n])]])], b: new Uint16Array([1]), v: new DataView(new ArrayBuffer(1)), r: /x/ })';
    const value: unknown = runInNewContext(source);
    expect(roundTripNow(codec, value)).toStrictEqual({
      a: [new Date(0), new Map([[1, new Set([2n])]])],
      b: Uint16Array.of(1),
      v: new DataView(new ArrayBuffer(1)),
      r: /x/,
    });
  });

  test('takes the Dates that fake timers make', () => {
    jest.useFakeTimers({ now: 5 });
    try {
      const text = encodeNow(codec, { at: new Date() });
      expect((codec.decode(text, context) as { at: Date }).at.getTime()).toBe(5);
    } finally {
      jest.useRealTimers();
    }
  });

  test('gives back the value of an accessor', () => {
    const value = {
      get total() {
        return 3;
      },
    };
    expect(Object.getOwnPropertyDescriptor(roundTripNow(codec, value), 'total')).toMatchObject({ value: 3 });
  });

  test.each<[string, unknown, string, string]>([
    ['a function', () => SECRET, 'a function', '$'],
    ['a method', { a: [{ 'b c': () => SECRET }] }, 'a function', '$.a[0]["…"]'],
    ['a thenable', { then: () => SECRET }, 'a function', '$.then'],
    ['a symbol', [Symbol(SECRET)], 'a symbol', '$[0]'],
    ['a symbol in a Set', { a: new Set([Symbol(SECRET)]) }, 'a symbol', '$.a'],
    ['a function in a Map', new Map([[SECRET, [() => 1]]]), 'a function', '$.get("…")[0]'],
    ['a function under a bigint', new Map([[12345n, () => 1]]), 'a function', '$.get("…")'],
    ['a key of a Map', new Map([[new User(), 1]]), 'an instance of User', '$.get(...)'],
    ['a class instance', { user: new User() }, 'an instance of User', '$.user'],
    ['an Error', { a: new Error(SECRET) }, 'an Error', '$.a'],
    ['a Promise', { a: Promise.resolve(SECRET) }, 'a Promise', '$.a'],
    ['a WeakMap', { a: new WeakMap() }, 'a WeakMap', '$.a'],
    ['a boxed symbol', { a: Object(Symbol(SECRET)) as unknown }, 'a boxed Symbol', '$.a'],
    ['a subclassed Date', [new Day(0)], 'an instance of Day', '$[0]'],
    ['a subclassed Map', [new Registry([[SECRET, SECRET]])], 'an instance of Registry', '$[0]'],
    ['a subclassed array', Rows.from([SECRET]), 'an instance of Rows', '$'],
    ['a subclassed typed array', [new Bytes(1)], 'an instance of Bytes', '$[0]'],
    ['a namesake of its typed array', [namesakeOf(Uint8Array, 1)], 'a Uint8Array', '$[0]'],
    ['a namesake of DataView', [namesakeOf(DataView, new ArrayBuffer(1))], 'a DataView', '$[0]'],
    ['a namesake of Map', [namesakeOf(Map)], 'a Map', '$[0]'],
    ['a property above the last index', Object.assign([1], { 4294967295: 2 }), 'an array with named properties', '$'],
    ['a Buffer', [Buffer.from(SECRET)], 'a Buffer', '$[0]'],
    ['a shared buffer', { a: new SharedArrayBuffer(1) }, 'a SharedArrayBuffer', '$.a'],
    ['a view of a shared buffer', [new Uint8Array(new SharedArrayBuffer(1))], 'a SharedArrayBuffer', '$[0]'],
    ['a resizable buffer', { a: resizableBuffer() }, 'a resizable ArrayBuffer', '$.a'],
    ['a view of a resizable buffer', [new Uint8Array(resizableBuffer())], 'a resizable ArrayBuffer', '$[0]'],
    ['a match', [/(top)-/.exec(SECRET)], 'an array with named properties', '$[0]'],
    ['a symbol key', { a: { [Symbol(SECRET)]: 1 } }, 'an object with symbol-keyed properties', '$.a'],
    [
      'a symbol on an array',
      [Object.assign([], { [Symbol('a')]: 1 })],
      'an array with symbol-keyed properties',
      '$[0]',
    ],
    ['a property of a Date', Object.assign(new Date(0), { zone: SECRET }), 'a Date with properties of its own', '$'],
    ['a property of a Map', [Object.assign(new Map(), { a: SECRET })], 'a Map with properties of its own', '$[0]'],
    ['a used RegExp', [usedRegExp()], 'a RegExp whose lastIndex is not 0', '$[0]'],
    ['__proto__', { a: JSON.parse('{"__proto__":1}') as unknown }, 'an object with a property called __proto__', '$.a'],
  ])('refuses %s, naming kind and path', async (_name, value, kind, path) => {
    const { code, message, texts } = await refusalOf(() => codec.encode(value, context));
    expect({ code, message }).toEqual({
      code: 'INVALID_VALUE',
      message: `richCodec cannot hold ${kind} at ${path}; give plain data`,
    });
    expect(texts).not.toContain(SECRET);
  });

  test.each([
    ['joe@secret.example', '["…"]'],
    ['a"]["b', '["…"]'],
    ['back\\slash"', '["…"]'],
    ['.get("x")', '["…"]'],
    ['\u2028', '["…"]'],
    ['', '["…"]'],
    ['k'.repeat(41), '["…"]'],
    ['k'.repeat(40), `.${'k'.repeat(40)}`],
    ['get', '.get'],
    ['getter', '.getter'],
  ])('shows the name %j in a path as %s', async (name, shown) => {
    const map = new Map([['key', { [name]: { list: [() => 1] } }]]);
    const { message } = await refusalOf(() => codec.encode({ [name]: map }, context));
    const path = `$${shown}.get("…")${shown}.list[0]`;
    expect(message).toBe(`richCodec cannot hold a function at ${path}; give plain data`);
  });

  test.each<[string, unknown]>([
    ['nesting that overflows the stack', nested(100_000)],
    ['a counterfeit Map', Object.create(Map.prototype)],
    ['a revoked proxy', revokedProxy()],
    ['a view of a buffer that was transferred', transferred()],
    ['more than 25 MiB', 'x'.repeat(25 * 1024 * 1024)],
  ])('refuses %s', async (_name, value) => {
    const { code, texts } = await refusalOf(() => codec.encode(value, context));
    expect(code).toBe('INVALID_VALUE');
    expect(texts).not.toContain(SECRET);
  });

  test('reads plain JSON, whatever wrote it', () => {
    fc.assert(
      fc.property(jsonValue(), (value) => {
        expect(codec.decode({ text: JSON.stringify(value), format: '' }, context)).toStrictEqual(value);
      }),
    );
  });

  test.each([
    ['gzip', '[1]'],
    ['devalue', SECRET],
    ['devalue', '{}'],
    ['devalue', '[["Secret",1]]'],
    ['', SECRET],
  ])('refuses the format %j of %j', async (format, text) => {
    const { code, texts } = await refusalOf(() => codec.decode({ text, format }, context));
    expect(code).toBe('KV_CORRUPT_VALUE');
    expect(texts).not.toContain(SECRET);
  });

  test('holds 5 MiB', () => {
    const value = { bytes: new Uint8Array(2 * 1024 * 1024).fill(7), text: 'é'.repeat(1024 * 1024), at: new Date(0) };
    expect(roundTripNow(codec, value)).toStrictEqual(value);
  });
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function transferred(): Uint8Array {
  const view = new Uint8Array(8);
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}
