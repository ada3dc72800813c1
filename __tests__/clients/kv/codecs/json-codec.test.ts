import { runInNewContext } from 'node:vm';
import { jsonCodec, toStrictJson } from '../../../../src/clients/kv/codecs/json-codec.js';
import { codeOf, fc, jsonValue } from '../../../support/kv.js';
import { context, encodeNow, refusalOf, roundTripNow } from './codec-calls.js';

const SECRET = 'top-secret';
const RICH = 'use richCodec() or jsonCodec({ loose: true })';
const RICH_ONLY = 'use richCodec()';
const LOOSE = 'use jsonCodec({ loose: true })';

class User {
  readonly password = SECRET;
}
class Rows extends Array<string> {}

function cycle(): object {
  const value: Record<string, unknown> = { text: SECRET };
  value['self'] = { list: [value] };
  return value;
}

function nested(depth: number): unknown {
  let value: unknown = SECRET;
  for (let level = 0; level < depth; level += 1) value = { v: value };
  return value;
}

describe('jsonCodec', () => {
  const codec = jsonCodec();

  test('gives back whatever JSON holds, in plain JSON', () => {
    fc.assert(
      fc.property(jsonValue(), (value) => {
        expect(encodeNow(codec, value)).toEqual({ text: JSON.stringify(value), format: '' });
        expect(roundTripNow(codec, value)).toStrictEqual(value);
      }),
    );
  });

  test.each<[string, unknown, string, string, string]>([
    ['undefined', undefined, 'undefined', '$', RICH_ONLY],
    ['an undefined element', ['a', undefined], 'undefined', '$[1]', RICH],
    // eslint-disable-next-line no-sparse-arrays
    ['a hole', { list: ['a', , 'b'] }, 'a hole', '$.list[1]', RICH],
    ['a function', () => SECRET, 'a function', '$', 'give plain data'],
    ['a method', { a: () => SECRET }, 'a function', '$.a', LOOSE],
    ['a symbol', { a: Symbol(SECRET) }, 'a symbol', '$.a', LOOSE],
    ['a bigint', [{ 'a b': 123456789n }], 'a bigint', '$[0]["…"]', RICH_ONLY],
    ['NaN', { a: NaN }, 'NaN', '$.a', RICH],
    ['Infinity', { a: [Infinity] }, 'Infinity', '$.a[0]', RICH],
    ['-Infinity', -Infinity, '-Infinity', '$', RICH],
    ['a Date', [{ createdAt: new Date(0) }], 'a Date', '$[0].createdAt', RICH],
    ['a Map', { a: new Map([[SECRET, SECRET]]) }, 'a Map', '$.a', RICH],
    ['a Set', { a: new Set([SECRET]) }, 'a Set', '$.a', RICH],
    ['a RegExp', { a: /top-secret/ }, 'a RegExp', '$.a', RICH],
    ['a URL', { a: new URL(`https://${SECRET}`) }, 'a URL', '$.a', RICH],
    ['an Error', { a: new Error(SECRET) }, 'an Error', '$.a', LOOSE],
    ['a TypeError', { a: new TypeError(SECRET) }, 'a TypeError', '$.a', LOOSE],
    ['bytes', { a: new Uint8Array(2) }, 'a Uint8Array', '$.a', RICH],
    ['an ArrayBuffer', { a: new ArrayBuffer(2) }, 'an ArrayBuffer', '$.a', RICH],
    ['a boxed string', { a: Object(SECRET) as unknown }, 'a boxed String', '$.a', RICH],
    ['a boxed number', { a: Object(1) as unknown }, 'a boxed Number', '$.a', RICH],
    ['a Promise', { a: Promise.resolve(SECRET) }, 'a Promise', '$.a', LOOSE],
    ['a class instance', { user: new User() }, 'an instance of User', '$.user', LOOSE],
    ['a subclassed array', { rows: Rows.from([SECRET]) }, 'an instance of Rows', '$.rows', LOOSE],
    ['an heir of an object', Object.create({ a: SECRET }), 'an object of unknown kind', '$', LOOSE],
    ['toJSON', { a: { toJSON: () => SECRET } }, 'an object with a toJSON method', '$.a', LOOSE],
    ['an array with toJSON', [Object.assign([], { toJSON: () => 1 })], 'an array with named properties', '$[0]', LOOSE],
    ['a symbol key', { a: { [Symbol(SECRET)]: SECRET } }, 'an object with symbol-keyed properties', '$.a', LOOSE],
    ['a match', /(top)-/.exec(SECRET), 'an array with named properties', '$', LOOSE],
    [
      'a property above the last index',
      Object.assign([1], { 4294967295: 2 }),
      'an array with named properties',
      '$',
      LOOSE,
    ],
    ['a cycle', cycle(), 'a cycle', '$.self.list[0]', RICH_ONLY],
    ['of another realm', runInNewContext('({ d: [new Date(0)] })'), 'a Date', '$.d[0]', RICH],
  ])('refuses %s, naming kind, path and remedy', async (_name, value, kind, path, remedy) => {
    const { code, message, texts } = await refusalOf(() => codec.encode(value, context));
    expect({ code, message }).toEqual({
      code: 'INVALID_VALUE',
      message: `JSON cannot hold ${kind} at ${path}; ${remedy}`,
    });
    expect(texts).not.toContain(SECRET);
  });

  test('takes nesting of 1,000 and refuses more, however deep', async () => {
    expect(roundTripNow(codec, nested(1000))).toEqual(nested(1000));
    for (const depth of [1001, 200_000]) {
      const { code, message } = await refusalOf(() => toStrictJson(nested(depth)));
      expect(code).toBe('INVALID_VALUE');
      expect(message).toMatch(/^JSON cannot hold data nested deeper than 1000 at \$(\.v){99}\.…; give plain data$/);
    }
  });

  test('refuses a value that throws when it is read', async () => {
    const value = {
      get a(): string {
        throw new RangeError('unreadable');
      },
    };
    expect(await codeOf(() => toStrictJson(value))).toBe('INVALID_VALUE');
  });

  test.each([
    ['joe@secret.example', '["…"]'],
    ['', '["…"]'],
    ['7', '["…"]'],
    ['2b', '["…"]'],
    ['a.b', '["…"]'],
    ['naïve', '["…"]'],
    ['a\n', '["…"]'],
    ['k'.repeat(41), '["…"]'],
    ['k'.repeat(40), `.${'k'.repeat(40)}`],
    ['$ref_2', '.$ref_2'],
  ])('shows the name %j in a path as %s', async (name, shown) => {
    const { message } = await refusalOf(() => toStrictJson({ list: [{ [name]: NaN }] }));
    expect(message).toBe(`JSON cannot hold NaN at $.list[0]${shown}; ${RICH}`);
  });

  test('names the remedy that it is given', async () => {
    const { message } = await refusalOf(() => toStrictJson([NaN], 'give numbers'));
    expect(message).toBe('JSON cannot hold NaN at $[0]; give numbers');
  });

  test('leaves undefined properties out', () => {
    expect(encodeNow(codec, { a: undefined, b: 1 }).text).toBe('{"b":1}');
  });

  test('takes -0 and gives back 0', () => {
    expect(Object.is(roundTripNow(codec, -0), 0)).toBe(true);
  });

  test('takes objects without a prototype, of other realms, and repeated references', () => {
    const shared = { a: 1 };
    const value = [shared, shared, Object.assign(Object.create(null) as object, shared)];
    expect(roundTripNow(codec, value)).toStrictEqual([shared, shared, shared]);
    const foreign = runInNewContext('({ list: [{ a: 1 }, [2]] })') as object;
    expect(roundTripNow(codec, foreign)).toStrictEqual({ list: [{ a: 1 }, [2]] });
  });

  test('gives back an own property called __proto__', () => {
    const value = JSON.parse('{"__proto__":{"admin":true}}') as object;
    const back = roundTripNow(codec, value) as object;
    expect(Object.getOwnPropertyNames(back)).toEqual(['__proto__']);
    expect('admin' in back).toBe(false);
  });

  test('gives back lone surrogates', () => {
    expect(roundTripNow(codec, ['\ud800', { '\udc00': 1 }])).toEqual(['\ud800', { '\udc00': 1 }]);
  });

  test('holds 5 MiB and refuses more than 25 MiB', async () => {
    const large = { text: 'é'.repeat(2.5 * 1024 * 1024) };
    expect(roundTripNow(codec, large)).toEqual(large);
    expect(await codeOf(() => codec.encode('x'.repeat(25 * 1024 * 1024 - 1), context))).toBe('INVALID_VALUE');
    expect(encodeNow(codec, 'x'.repeat(25 * 1024 * 1024 - 2)).text).toHaveLength(25 * 1024 * 1024);
  });

  test('reads no other format, and quotes no text that is not JSON', async () => {
    expect(await codeOf(() => codec.decode({ text: '[1]', format: 'devalue' }, context))).toBe('KV_CORRUPT_VALUE');
    const { code, texts } = await refusalOf(() => codec.decode({ text: SECRET, format: '' }, context));
    expect(code).toBe('KV_CORRUPT_VALUE');
    expect(texts).not.toContain(SECRET);
  });
});

describe('jsonCodec({ loose: true })', () => {
  const codec = jsonCodec({ loose: true });

  test.each([
    [{ d: new Date(0), m: new Map([[1, 2]]), f: () => 1, u: undefined }],
    [[NaN, undefined, () => 1, Symbol('a'), new User(), Object(1)]],
    [{ toJSON: () => 'mine' }],
  ])('writes what JSON.stringify writes of %p', (value) => {
    expect(encodeNow(codec, value)).toEqual({ text: JSON.stringify(value), format: '' });
  });

  test.each([[undefined], [() => 1], [Symbol('a')], [1n], [cycle()]])('refuses %p', async (value) => {
    expect(await codeOf(() => codec.encode(value, context))).toBe('INVALID_VALUE');
  });

  test('refuses options of another type', async () => {
    const { code, message } = await refusalOf(() => jsonCodec({ loose: 'yes' } as never));
    expect([code, message]).toEqual([
      'INVALID_OPTION',
      'jsonCodec: loose of type string is refused: give true or false.',
    ]);
  });
});
