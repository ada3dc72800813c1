import { fromBase64, toBase64 } from '../../../../src/clients/kv/codecs/base64.js';
import { fc } from '../../../support/kv.js';

test('toBase64 writes what Buffer writes, and fromBase64 reads it', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), (bytes) => {
      const text = toBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString('base64'));
      expect(fromBase64(text)).toEqual(bytes);
    }),
  );
});

test.each([6143, 6144, 6145, 25 * 1024 * 1024])('toBase64 joins the chunks of %i bytes', (length) => {
  const bytes = Uint8Array.from({ length }, (_, index) => index * 7);
  const text = toBase64(bytes);
  expect(text === Buffer.from(bytes).toString('base64')).toBe(true);
  expect(Buffer.compare(fromBase64(text), bytes)).toBe(0);
});

test('toBase64 and fromBase64 use the functions of the engine where it has them', () => {
  const bytes = Object.assign(Uint8Array.of(1), { toBase64: () => 'native' });
  expect(toBase64(bytes)).toBe('native');
  const constructor = Uint8Array as { fromBase64?: (text: string) => Uint8Array };
  const { fromBase64: original } = constructor;
  constructor.fromBase64 = (text) => Uint8Array.from(Buffer.from(text, 'base64'));
  try {
    expect(fromBase64('AQID')).toEqual(Uint8Array.of(1, 2, 3));
  } finally {
    if (original === undefined) delete constructor.fromBase64;
    else constructor.fromBase64 = original;
  }
});

test('fromBase64 refuses what is no base64', () => {
  expect(() => fromBase64('~')).toThrow();
});
