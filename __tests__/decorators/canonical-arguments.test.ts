import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { canonicalArguments } from '../../src/decorators/canonical-arguments.js';

const encode = (...args: unknown[]) => canonicalArguments(args);

/** Data of every kind that a key can hold. */
const data = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array({ maxLength: 4 }),
  ),
  node: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('node'), { maxKeys: 3 }),
    fc.array(fc.tuple(tie('leaf'), tie('node')), { maxLength: 3 }).map((entries) => new Map(entries)),
    fc.array(tie('leaf'), { maxLength: 3 }).map((values) => new Set(values)),
  ),
})).node;

describe('canonicalArguments', () => {
  it('writes plain data as JSON', () => {
    expect(encode('a"b', 1, true, null, { b: [1, 'x'], a: {} })).toBe('["a\\"b",1,true,null,{"a":{},"b":[1,"x"]}]');
  });

  it('tells apart what JSON does not', () => {
    const values = [
      undefined, null, 'undefined', 'null', 0, -0, NaN, Infinity, -Infinity, 'NaN', 1, 1n, '1', '1n', true, 'true', [], {}, [[]], [undefined], [null],
      '', '[]', new Date(0), new Date(NaN), 0, 'Date(0)', '1970-01-01T00:00:00.000Z', new Map(), new Set(), new Map([[1, 2]]), new Set([1]), new Set(['1']),
      [[1, 2]], { 1: 2 }, { a: undefined }, new Uint8Array([1]), new Uint8Array([1, 0]), new Uint16Array([1]), new Int8Array([1]),
      new URL('https://a.example/'), 'https://a.example/', new Array<number>(1),
    ]; // prettier-ignore
    const texts = values.map((value) => encode(value, 'end'));
    const distinct = new Set(values.map((value) => (Object.is(value, 0) ? 'zero' : value)));
    expect(new Set(texts).size).toBe(distinct.size);
  });

  it('does not depend on the order of properties, at any depth', () => {
    expect(encode({ a: 1, b: { c: [{ x: 1, y: 2 }], d: 3 } })).toBe(encode({ b: { d: 3, c: [{ y: 2, x: 1 }] }, a: 1 }));
  });

  it('does not depend on the order of Map and Set entries', () => {
    const forwards = [new Map([['a', 1], ['b', 2]]), new Set(['x', 'y'])]; // prettier-ignore
    const backwards = [new Map([['b', 2], ['a', 1]]), new Set(['y', 'x'])]; // prettier-ignore
    expect(canonicalArguments(forwards)).toBe(canonicalArguments(backwards));
  });

  it('counts trailing undefined arguments as not given, and only those', () => {
    expect(encode(undefined, undefined)).toBe(encode());
    expect(encode('a', undefined)).toBe(encode('a'));
    expect(encode(undefined, 'a')).not.toBe(encode('a'));
    expect(encode(null)).not.toBe(encode());
  });

  it('cannot be confused by strings that hold brackets, quotes and commas', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.array(fc.string()), (left, right) => {
        expect(canonicalArguments(left) === canonicalArguments(right)).toBe(
          JSON.stringify(left) === JSON.stringify(right),
        );
      }),
    );
  });

  it('gives equal data equal texts and other data other texts', () => {
    const same = (left: unknown, right: unknown): boolean =>
      canonicalArguments([left, 0]) === canonicalArguments([right, 0]);
    fc.assert(
      fc.property(data, data, (left, right) => {
        expect(same(left, structuredClone(left))).toBe(true);
        expect(same(left, right)).toBe(isEqual(left, right));
      }),
      { numRuns: 500 },
    );
  });

  it('takes objects of another realm and without a prototype', () => {
    expect(canonicalArguments(runInNewContext('[{ a: [new Date(5), new Map([[1, 2]])] }]') as unknown[])).toBe(
      encode({ a: [new Date(5), new Map([[1, 2]])] }),
    );
    expect(encode(Object.assign(Object.create(null) as object, { a: 1 }))).toBe(encode({ a: 1 }));
  });

  it('takes the same object twice, which is no cycle', () => {
    const shared = { a: 1 };
    expect(encode(shared, [shared, shared])).toBe('[{"a":1},[{"a":1},{"a":1}]]');
  });

  it('takes the built-ins of other realms, and tells a Buffer from its bytes', () => {
    const source = '[[1], new Uint8Array([1]), new DataView(new ArrayBuffer(1)), new ArrayBuffer(2), new Set([1])]';
    expect(canonicalArguments(runInNewContext(source) as unknown[])).toBe(
      encode([1], new Uint8Array([1]), new DataView(new ArrayBuffer(1)), new ArrayBuffer(2), new Set([1])),
    );
    expect(encode(Buffer.from([1]))).toBe('[Buffer(01)]');
    expect(encode(new URL('https://a.example/b'))).toBe('[URL("https://a.example/b")]');
  });

  it('refuses built-ins that hold more than their text shows, and what extends them', () => {
    const builtIns = (): object[] => [
      [1], new Uint8Array(1), new BigInt64Array(1), new ArrayBuffer(1), new DataView(new ArrayBuffer(1)), Buffer.from([1]),
      new Date(0), new Map(), new Set(), new URL('https://a.example/'),
    ]; // prettier-ignore
    class Token extends Uint8Array {
      user = 'alice';
    }
    class View extends (DataView as unknown as new (buffer: ArrayBuffer) => object) {}
    class Bytes extends ArrayBuffer {}
    class List extends Array<unknown> {
      user = 'alice';
    }
    const refused = [
      ...builtIns().map((value) => Object.assign(value, { user: 'alice' })),
      ...builtIns().map((value) => Object.assign(value, { [Symbol('user')]: 'alice' })),
      new Token(1), new View(new ArrayBuffer(1)), new Bytes(1), List.from([1]),
      Object.assign([1], { 4294967295: 'alice' }), Object.assign([1], { '01': 'alice' }), Object.setPrototypeOf([], [1]) as object,
    ]; // prettier-ignore
    for (const value of builtIns()) expect(() => encode(value)).not.toThrow();
    for (const value of refused) {
      expect(() => encode({ value })).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
    }
  });

  it('refuses what has no text, instead of losing it', () => {
    class Point {
      x = 1;
    }
    const cycle: unknown[] = [];
    cycle.push({ cycle });
    let deep: unknown = 1;
    for (let depth = 0; depth < 101; depth += 1) deep = [deep];
    const refused = [
      () => {}, Symbol('s'), new Point(), new (class extends Map {})(), new (class extends Date {})(), /a/g, new Error('e'),
      Promise.resolve(), new WeakMap(), Object(1), Object('a'), { [Symbol('s')]: 1 }, { f: () => {} }, 'match'.match(/a/), cycle, deep,
      Object.assign(new Date(0), { zone: 'UTC' }), Object.create({ inherited: 1 }), new (class { get [Symbol.toStringTag]() { return 'Map'; } })(), { nested: [new Map([['k', () => {}]])] },
    ]; // prettier-ignore
    for (const value of refused) {
      expect(() => encode(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
    }
  });
});

/** Structural equality with `Object.is` for leaves and without order for properties, Map and Set. */
function isEqual(left: unknown, right: unknown): boolean {
  if (typeof left !== 'object' || left === null || typeof right !== 'object' || right === null)
    return Object.is(left, right);
  const kind = (value: object) => Object.prototype.toString.call(value);
  if (kind(left) !== kind(right)) return false;
  if (left instanceof Date && right instanceof Date) return Object.is(left.getTime(), right.getTime());
  if (left instanceof Map && right instanceof Map) return isSameBag([...left], [...right]);
  if (left instanceof Set && right instanceof Set) return isSameBag([...left], [...right]);
  const leftKeys = Object.keys(left);
  if (leftKeys.length !== Object.keys(right).length) return false;
  return leftKeys.every(
    (key) =>
      Object.hasOwn(right, key) &&
      isEqual((left as Record<string, unknown>)[key], (right as Record<string, unknown>)[key]),
  );
}

function isSameBag(left: unknown[], right: unknown[]): boolean {
  const rest = [...right];
  for (const item of left) {
    const index = rest.findIndex((other) => isEqual(item, other));
    if (index < 0) return false;
    rest.splice(index, 1);
  }
  return rest.length === 0;
}
