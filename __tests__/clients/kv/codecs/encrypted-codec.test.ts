import type { CacheCodec, EncodedValue } from '../../../../src/clients/kv/cache/cache-codec.js';
import { encryptedCodec } from '../../../../src/clients/kv/codecs/encrypted-codec.js';
import { gzipCodec } from '../../../../src/clients/kv/codecs/gzip-codec.js';
import { richCodec } from '../../../../src/clients/kv/codecs/rich-codec.js';
import { codeOf, fc } from '../../../support/kv.js';
import { context, plainTextCodec, refusalOf, roundTrip } from './codec-calls.js';

const MIB = 1024 * 1024;
const bytes = (length: number, first = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (first + index) % 256);
const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64');
// Every second byte is above 0x7f, so that the text has the characters in which base64 and base64url differ.
const MATERIAL = base64(bytes(32).map((byte, index) => (index % 2 === 0 ? 0xfb : byte)));

const KEY_BOUNDS = 'give 16, 24 or 32 bytes, as base64, a Uint8Array or an AES-GCM CryptoKey.';

const codec = encryptedCodec({ keys: { k1: MATERIAL }, current: 'k1' });

describe('encryptedCodec', () => {
  test('gives back any text of any size', async () => {
    const inner = encryptedCodec({ keys: { k1: bytes(32) }, current: 'k1', codec: plainTextCodec() });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary', maxLength: 500 }), fc.constant('\ufeffa')),
        fc.string(),
        async (value, key) => {
          const encoded = await inner.encode(value, { key });
          expect(encoded.format).toBe('aes:k1+plain');
          expect(Buffer.from(encoded.text, 'base64')).toHaveLength(12 + Buffer.byteLength(value) + 16);
          expect(await inner.decode(encoded, { key })).toBe(value);
        },
      ),
    );
  });

  test('is AES-GCM over IV, ciphertext and tag, bound to key and format', async () => {
    const { text, format } = await codec.encode({ a: 1 }, { key: 'cache:user:7' });
    const sealed = Buffer.from(text, 'base64');
    const key = await crypto.subtle.importKey('raw', Buffer.from(MATERIAL, 'base64'), 'AES-GCM', false, ['decrypt']);
    const algorithm = {
      name: 'AES-GCM',
      iv: sealed.subarray(0, 12),
      additionalData: new TextEncoder().encode(`cache:user:7\n${format}`),
    };
    const plain = await crypto.subtle.decrypt(algorithm, key, sealed.subarray(12));
    expect([format, Buffer.from(plain).toString()]).toEqual(['aes:k1', '{"a":1}']);
  });

  test.each<[string, string | Uint8Array]>([
    ['128 bits', bytes(16)],
    ['192 bits', bytes(24)],
    ['256 bits', bytes(32)],
    ['base64', MATERIAL],
    ['base64 without padding', MATERIAL.replaceAll('=', '')],
    ['base64url', Buffer.from(MATERIAL, 'base64').toString('base64url')],
    ['a Buffer', Buffer.from(bytes(32))],
  ])('takes keys of %s', async (_name, key) => {
    expect(await roundTrip(encryptedCodec({ keys: { k: key }, current: 'k' }), ['a'])).toEqual(['a']);
  });

  test('takes base64 and base64url of one key for the same', async () => {
    expect(MATERIAL).toMatch(/[+/]/);
    const url = encryptedCodec({ keys: { k1: Buffer.from(MATERIAL, 'base64').toString('base64url') }, current: 'k1' });
    expect(await url.decode(await codec.encode('a', context), context)).toBe('a');
  });

  test('takes a CryptoKey, one that only decrypts for an old key', async () => {
    const full = await cryptoKey(['encrypt', 'decrypt']);
    const writing = encryptedCodec({ keys: { old: full }, current: 'old' });
    const keys = { old: await cryptoKey(['decrypt']), new: bytes(32) };
    const reading = encryptedCodec({ keys, current: 'new' });
    expect(await reading.decode(await writing.encode('a', context), context)).toBe('a');
    expect(await codeOf(() => encryptedCodec({ keys, current: 'old' }))).toBe('INVALID_OPTION');
  });

  test('does not follow later changes of the bytes it was given', async () => {
    const key = bytes(32);
    const copying = encryptedCodec({ keys: { k: key }, current: 'k' });
    key.fill(0);
    const same = encryptedCodec({ keys: { k: bytes(32) }, current: 'k' });
    expect(await same.decode(await copying.encode('a', context), context)).toBe('a');
  });

  test('never repeats an IV', async () => {
    const texts = await Promise.all(Array.from({ length: 500 }, async () => codec.encode('same', context)));
    expect(new Set(texts.map(({ text }) => text.slice(0, 16))).size).toBe(500);
  });

  test('serves 50 calls at once before its key is imported', async () => {
    const fresh = encryptedCodec({ keys: { k: bytes(32) }, current: 'k' });
    const values = Array.from({ length: 50 }, (_, index) => ({ index }));
    expect(await Promise.all(values.map((value) => roundTrip(fresh, value)))).toEqual(values);
  });

  test('decrypts with older keys after a rotation, and encrypts with the current one', async () => {
    const old = await codec.encode('old', context);
    const rotated = encryptedCodec({ keys: { k1: MATERIAL, k2: bytes(32, 9) }, current: 'k2' });
    expect(await rotated.decode(old, context)).toBe('old');
    const fresh = await rotated.encode('new', context);
    expect(fresh.format).toBe('aes:k2');
    const { code, message } = await refusalOf(() => codec.decode(fresh, context));
    expect([code, message]).toEqual(['KV_CORRUPT_VALUE', 'encryptedCodec has no key "k2".']);
  });

  test('refuses a text with any byte changed', async () => {
    const { text, format } = await codec.encode({ admin: false }, context);
    const sealed = Buffer.from(text, 'base64');
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index]! ^= 1;
      expect(await codeOf(() => codec.decode({ text: base64(changed), format }, context))).toBe('KV_CORRUPT_VALUE');
    }
  });

  test.each<[string, (encoded: EncodedValue) => EncodedValue]>([
    ['cut short', ({ text, format }) => ({ text: text.slice(0, -4), format })],
    ['cut to less than a tag', ({ text, format }) => ({ text: text.slice(0, 32), format })],
    ['empty', ({ format }) => ({ text: '', format })],
    ['of no base64', ({ text, format }) => ({ text: `~${text}`, format })],
    ['with another inner format', ({ text }) => ({ text, format: 'aes:k1+gzip' })],
    ['with the id of another key', ({ text }) => ({ text, format: 'aes:k2' })],
    ['with an unknown key id', ({ text }) => ({ text, format: 'aes:k9' })],
    ['with the name of a method as key id', ({ text }) => ({ text, format: 'aes:constructor' })],
    ['without a key id', ({ text }) => ({ text, format: 'aes:' })],
    ['of another format', ({ text }) => ({ text, format: 'gzip' })],
    ['in plain JSON', () => ({ text: '{"admin":true}', format: '' })],
  ])('refuses a text %s', async (_name, change) => {
    const two = encryptedCodec({ keys: { k1: MATERIAL, k2: bytes(16) }, current: 'k1' });
    const encoded = change(await two.encode({ admin: false }, context));
    expect(await codeOf(() => two.decode(encoded, context))).toBe('KV_CORRUPT_VALUE');
  });

  test('refuses the text of another cache key', async () => {
    const encoded = await codec.encode({ admin: true }, { key: 'cache:user:1' });
    expect(await codeOf(() => codec.decode(encoded, { key: 'cache:user:2' }))).toBe('KV_CORRUPT_VALUE');
  });

  describe('with a context', () => {
    const withContext = (bound?: string): CacheCodec =>
      encryptedCodec({ keys: { k1: MATERIAL }, current: 'k1', ...(bound !== undefined && { context: bound }) });

    test('gives back what was made with the same, which it does not store', async () => {
      const encoded = await withContext('production').encode({ a: 1 }, context);
      expect(encoded.format).toBe('aes:k1');
      expect(encoded.text).toHaveLength(Math.ceil((12 + 7 + 16) / 3) * 4);
      expect(await withContext('production').decode(encoded, context)).toEqual({ a: 1 });
    });

    test.each<[string | undefined, string | undefined]>([
      ['production', 'staging'],
      ['production', undefined],
      [undefined, 'production'],
    ])('refuses the text of %p where it is %p', async (from, to) => {
      const encoded = await withContext(from).encode('a', context);
      expect(await codeOf(() => withContext(to).decode(encoded, context))).toBe('KV_CORRUPT_VALUE');
    });

    test('binds no two of key, format and context to the same bytes', async () => {
      // The parts of each, one after the other, are those of the other.
      const bound = await withContext('x').encode('a', { key: 'k' });
      expect(await codeOf(() => withContext().decode(bound, { key: 'k\naes:k1\nx' }))).toBe('KV_CORRUPT_VALUE');
      const plain = await withContext().encode('a', { key: 'k\naes:k1' });
      const moved = { text: plain.text, format: 'aes:k1\naes:k1' };
      expect(await codeOf(() => withContext().decode(moved, { key: 'k' }))).toBe('KV_CORRUPT_VALUE');
    });

    test.each(['', 'a\nb', '\ud800', 'x'.repeat(257), 5, null])('refuses the context %p', async (bound) => {
      const { code, message } = await refusalOf(() => withContext(bound as never));
      expect([code, message]).toEqual([
        'INVALID_OPTION',
        'encryptedCodec: context is refused: give 1 to 256 characters without a line break.',
      ]);
    });
  });

  test.each([undefined, null, 'k'])('refuses %p in place of options', async (options) => {
    const { code, message } = await refusalOf(() => encryptedCodec(options as never));
    expect([code, message]).toEqual([
      'INVALID_OPTION',
      'encryptedCodec: the options are refused: give an object with keys and current.',
    ]);
  });

  test.each([16, 24, 32])('refuses %i bytes in hexadecimal, which would be other bytes in base64', async (length) => {
    const hex = Buffer.from(bytes(length, 0xa0)).toString('hex');
    for (const key of [hex, hex.toUpperCase()]) {
      const { code, message, texts } = await refusalOf(() => encryptedCodec({ keys: { k: key }, current: 'k' }));
      expect([code, message]).toEqual([
        'INVALID_OPTION',
        'encryptedCodec: the key "k" is refused: it looks like hexadecimal; give its bytes as base64.',
      ]);
      expect(texts).not.toContain(key);
    }
  });

  test('takes any random key of a valid size as base64', async () => {
    const key = fc.constantFrom(16, 24, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    await fc.assert(
      fc.asyncProperty(key, fc.constantFrom('base64', 'base64url'), async (raw, encoding) => {
        const text = Buffer.from(raw).toString(encoding);
        fc.pre(!/^[0-9a-f]+$/i.test(text));
        const read = encryptedCodec({ keys: { k: text }, current: 'k' });
        const written = await encryptedCodec({ keys: { k: raw }, current: 'k' }).encode('a', context);
        expect(await read.decode(written, context)).toBe('a');
      }),
    );
  });

  test('refuses what its inner codec refuses, and what UTF-8 cannot hold', async () => {
    expect(await codeOf(() => codec.encode(new Date(0), context))).toBe('INVALID_VALUE');
    const inner = encryptedCodec({ keys: { k: bytes(16) }, current: 'k', codec: plainTextCodec() });
    expect(await codeOf(() => inner.encode('\ud800', context))).toBe('INVALID_VALUE');
  });

  test('holds 5 MiB, 18 MiB, and refuses what exceeds 25 MiB encrypted', async () => {
    const value = { text: 'é'.repeat(2.5 * MIB) };
    expect(await roundTrip(codec, value)).toEqual(value);
    expect(await roundTrip(codec, 'x'.repeat(18 * MIB))).toHaveLength(18 * MIB);
    expect(await codeOf(() => codec.encode('x'.repeat(19 * MIB), context))).toBe('INVALID_VALUE');
  });

  test.each<[string, (inner: CacheCodec) => CacheCodec, string, string]>([
    ['gzip inside', (inner) => encryptedWith(gzipCodec({ codec: inner })), 'aes:sixteen-chars-id', '+gzip+devalue'],
    ['gzip outside', (inner) => gzipCodec({ codec: encryptedWith(inner) }), 'aes:sixteen-chars-id', '+devalue'],
  ])('composes with %s', async (_name, compose, scheme, rest) => {
    const composed = compose(richCodec());
    const value = { at: new Date(0), map: new Map([[1n, 'x'.repeat(20_000)]]) };
    const encoded = await composed.encode(value, context);
    expect(encoded.format).toBe(scheme + rest);
    expect(encoded.format.length).toBeLessThanOrEqual(40);
    expect(await composed.decode(encoded, context)).toStrictEqual(value);
  });

  test.each<[string, unknown, unknown, string]>([
    ['no keys', undefined, 'k', 'keys is refused: give an object of keys by id.'],
    ['a key for keys', MATERIAL, 'k', 'keys is refused: give an object of keys by id.'],
    ['an empty object', {}, 'k', 'current is refused: give the id of one of keys.'],
    ['a current that is none', { k: MATERIAL }, MATERIAL, 'current is refused: give the id of one of keys.'],
    ['a current that is inherited', { k: MATERIAL }, 'toString', 'current is refused: give the id of one of keys.'],
    [
      'an id that is long',
      { [MATERIAL]: 'k' },
      'k',
      'an id in keys is refused: give 1 to 16 letters, digits, "-" and "_".',
    ],
    [
      'an id with a plus',
      { 'a+b': MATERIAL },
      'a+b',
      'an id in keys is refused: give 1 to 16 letters, digits, "-" and "_".',
    ],
    ['an empty id', { '': MATERIAL }, '', 'an id in keys is refused: give 1 to 16 letters, digits, "-" and "_".'],
    ['17 bytes', { k: bytes(17) }, 'k', `the key "k" of 17 bytes is refused: ${KEY_BOUNDS}`],
    [
      'base64 of 33 bytes',
      { k: `${MATERIAL.slice(0, -1)}A` },
      'k',
      `the key "k" of 33 bytes is refused: ${KEY_BOUNDS}`,
    ],
    ['no base64', { k: `${MATERIAL} ` }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
    ['base64 with bits left over', { k: `${'A'.repeat(42)}B` }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
    ['a length that base64 has not', { k: 'abcde' }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
    ['an empty text', { k: '' }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
    ['an array', { k: [...bytes(32)] }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
    ['undefined', { k: undefined }, 'k', `the key "k" is refused: ${KEY_BOUNDS}`],
  ])('refuses %s without showing key material', async (_name, keys, current, sentence) => {
    const { code, message, texts } = await refusalOf(() => encryptedCodec({ keys, current } as never));
    expect([code, message]).toEqual(['INVALID_OPTION', `encryptedCodec: ${sentence}`]);
    expect(texts).not.toContain(MATERIAL.slice(0, 12));
  });

  test('refuses a CryptoKey of another algorithm', async () => {
    const key = await crypto.subtle.importKey('raw', bytes(32), 'AES-CBC', false, ['encrypt', 'decrypt']);
    expect(await codeOf(() => encryptedCodec({ keys: { k: key }, current: 'k' }))).toBe('INVALID_OPTION');
  });
});

function encryptedWith(inner: CacheCodec): CacheCodec {
  return encryptedCodec({ keys: { 'sixteen-chars-id': MATERIAL }, current: 'sixteen-chars-id', codec: inner });
}

function cryptoKey(usages: ('encrypt' | 'decrypt')[]): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', bytes(16), 'AES-GCM', false, usages);
}
