import { fc } from '../../support/kv.js';
import { checkKey, checkPrefix, keyPrefix, quote, utf8Bytes } from '../../../src/clients/kv/key.js';
import { isCloudflareClientError } from '../../../src/errors.js';

function codeOf(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return isCloudflareClientError(error) ? error.code : 'NOT_OURS';
  }
}

describe('checkKey', () => {
  test.each(['a', '...', 'a'.repeat(512), 'é'.repeat(256), '😀'.repeat(128), ' ', '\u0000'])('takes %j', (key) => {
    expect(codeOf(() => checkKey(key))).toBeNull();
  });

  test.each([
    '',
    '.',
    '..',
    'a'.repeat(513),
    'é'.repeat(257),
    '😀'.repeat(129),
    'a\ud800',
    '\udc00b',
    5,
    null,
    undefined,
  ])('refuses %j', (key) => {
    expect(codeOf(() => checkKey(key))).toBe('INVALID_KEY');
  });

  test('names the key, shortened, and the bound', () => {
    expect(() => checkKey('k'.repeat(600))).toThrow(
      `Key "${'k'.repeat(48)}…" takes 600 bytes in UTF-8; the bound is 512.`,
    );
  });

  test('takes exactly the keys that UTF-8 can hold in 512 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (key) => {
        const fits = new TextEncoder().encode(key).byteLength <= 512 && key !== '.' && key !== '..';
        expect(codeOf(() => checkKey(key)) === null).toBe(fits);
      }),
    );
  });
});

describe('checkPrefix', () => {
  test('takes the empty prefix and refuses 513 bytes', () => {
    expect(codeOf(() => checkPrefix(''))).toBeNull();
    expect(codeOf(() => checkPrefix('a'.repeat(513)))).toBe('INVALID_PREFIX');
    expect(codeOf(() => checkPrefix(undefined))).toBe('INVALID_PREFIX');
  });
});

test('utf8Bytes counts what TextEncoder writes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(utf8Bytes(text)).toBe(new TextEncoder().encode(text).byteLength);
    }),
  );
});

test.each([
  ['cache:content:featured', 'cache:content:'],
  ['cache:content', 'cache:'],
  ['session:abc:def', 'session:'],
  ['rl:login:1.2.3.4', 'rl:'],
  ['plain', ''],
])('keyPrefix of %s is %j', (key, prefix) => {
  expect(keyPrefix(key)).toBe(prefix);
});

test('quote names a value that is no string by its type alone', () => {
  expect([quote({ secret: 1 }), quote(null), quote('a"b')]).toEqual(['of type object', 'null', '"a\\"b"']);
});
