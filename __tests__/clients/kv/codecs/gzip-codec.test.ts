import { gzipSync } from 'node:zlib';
import { gzipCodec } from '../../../../src/clients/kv/codecs/gzip-codec.js';
import { richCodec } from '../../../../src/clients/kv/codecs/rich-codec.js';
import { codeOf, fc, jsonValue } from '../../../support/kv.js';
import { context, plainTextCodec, refusalOf, roundTrip } from './codec-calls.js';

const MIB = 1024 * 1024;
const wellFormed = (): fc.Arbitrary<string> => fc.string({ unit: 'binary', maxLength: 3000 });

describe('gzipCodec', () => {
  test('leaves texts below the threshold as they are', async () => {
    const codec = gzipCodec();
    const below = 'x'.repeat(9_997);
    expect(await codec.encode(below, context)).toEqual({ text: JSON.stringify(below), format: '' });
    const at = `${below}x`;
    const encoded = await codec.encode(at, context);
    expect(encoded.format).toBe('gzip');
    expect(encoded.text.length).toBeLessThan(100);
    expect(await codec.decode(encoded, context)).toBe(at);
  });

  test('measures the threshold in UTF-8 bytes', async () => {
    const codec = gzipCodec({ thresholdBytes: 3_000, codec: plainTextCodec('') });
    expect((await codec.encode('é'.repeat(1_499), context)).format).toBe('');
    expect((await codec.encode('é'.repeat(1_500), context)).format).toBe('gzip');
  });

  test('leaves what does not become smaller as it is', async () => {
    const codec = gzipCodec({ thresholdBytes: 0 });
    expect(await codec.encode('ab', context)).toEqual({ text: '"ab"', format: '' });
  });

  test('gives back any text, compressed or not', async () => {
    const codec = gzipCodec({ thresholdBytes: 100, codec: plainTextCodec() });
    const text = fc.oneof(
      wellFormed(),
      wellFormed().map((part) => part.repeat(7)),
      fc.constant('\ufeff'.repeat(200)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (value) => {
        const encoded = await codec.encode(value, context);
        expect(['plain', 'gzip+plain']).toContain(encoded.format);
        expect(Buffer.byteLength(encoded.text)).toBeLessThanOrEqual(Buffer.byteLength(value));
        expect(await codec.decode(encoded, context)).toBe(value);
      }),
    );
  });

  test('gives back what its inner codec holds', async () => {
    const codec = gzipCodec({ thresholdBytes: 0, codec: richCodec() });
    const value = { at: new Date(0), list: new Array<bigint>(500).fill(1n) };
    expect((await codec.encode(value, context)).format).toBe('gzip+devalue');
    expect(await roundTrip(codec, value)).toStrictEqual(value);
  });

  test('writes what gzip of other makes reads, and reads what it writes', async () => {
    const text = 'naïve '.repeat(100);
    const encoded = { text: gzipSync(text).toString('base64'), format: 'gzip+plain' };
    expect(await gzipCodec({ codec: plainTextCodec() }).decode(encoded, context)).toBe(text);
  });

  test('reads the entries that its inner codec wrote alone', async () => {
    await fc.assert(
      fc.asyncProperty(jsonValue(), async (value) => {
        expect(await gzipCodec().decode({ text: JSON.stringify(value), format: '' }, context)).toStrictEqual(value);
      }),
    );
  });

  test('compresses what is compressed already a second time only where that pays', async () => {
    const codec = gzipCodec({ thresholdBytes: 0, codec: gzipCodec({ thresholdBytes: 0 }) });
    expect(await roundTrip(codec, 'a'.repeat(100_000))).toBe('a'.repeat(100_000));
  });

  test('holds 5 MiB that hardly compress', async () => {
    const units = Uint16Array.from(
      { length: 2.5 * MIB },
      (_, index) => 0x400 + ((index * 7919 + (index >> 7)) % 0x1000),
    );
    const text = new TextDecoder('utf-16le').decode(units);
    expect(await roundTrip(gzipCodec({ codec: plainTextCodec() }), text)).toBe(text);
  });

  test('holds 25 MiB', async () => {
    const text = 'x'.repeat(25 * MIB - 2);
    expect(await roundTrip(gzipCodec(), text)).toBe(text);
  });

  test('refuses half of a surrogate pair, which UTF-8 would replace', async () => {
    for (const text of ['\ud800', 'x'.repeat(20_000) + '\udc00']) {
      const codec = gzipCodec({ codec: plainTextCodec() });
      expect(await codeOf(() => codec.encode(text, context))).toBe('INVALID_VALUE');
    }
    expect(await roundTrip(gzipCodec({ thresholdBytes: 0 }), '\ud800'.repeat(99))).toBe('\ud800'.repeat(99));
  });

  test('refuses more than 64 MiB before compression', async () => {
    const codec = gzipCodec({ codec: plainTextCodec('') });
    expect(await codeOf(() => codec.encode('x'.repeat(64 * MIB + 1), context))).toBe('INVALID_VALUE');
  });

  test('refuses formats of more than 40 characters', async () => {
    const codec = gzipCodec({ codec: plainTextCodec('f'.repeat(36)) });
    expect(await codeOf(() => codec.encode('x'.repeat(20_000), context))).toBe('INVALID_VALUE');
  });

  test.each(['gzip', 'gzip+mine'])(
    'refuses the format %s of an inner codec: it could not be told from its own',
    async (format) => {
      const codec = gzipCodec({ codec: plainTextCodec(format) });
      for (const value of ['short', 'x'.repeat(20_000)]) {
        const { code, message } = await refusalOf(() => codec.encode(value, context));
        expect([code, message]).toEqual([
          'INVALID_VALUE',
          `gzipCodec: the inner codec's format "${format}" is refused: give its format another name.`,
        ]);
      }
    },
  );

  test.each(['gzip2', 'mine+gzip'])('takes the format %s of an inner codec', async (format) => {
    const codec = gzipCodec({ codec: plainTextCodec(format) });
    for (const value of ['short', 'x'.repeat(20_000)]) expect(await roundTrip(codec, value)).toBe(value);
  });

  test('does not unpack more than 64 MiB, whatever size the text names', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * MIB + 1));
    const { code, message } = await refusalOf(() => decodeGzip(bomb));
    expect([code, message]).toEqual(['KV_CORRUPT_VALUE', 'The text is not one that gzipCodec wrote.']);
    bomb.writeUInt32LE(1_000, bomb.length - 4);
    const decode = jest.spyOn(TextDecoder.prototype, 'decode');
    expect(await codeOf(() => decodeGzip(bomb))).toBe('KV_CORRUPT_VALUE');
    // The first chunk was more than it names.
    expect(decode).not.toHaveBeenCalled();
    decode.mockRestore();
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['without its end', (bytes) => bytes.subarray(0, -9)],
    ['without its second half', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['with a changed byte', (bytes) => (bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30), bytes)],
    ['with another checksum', (bytes) => (bytes.writeUInt32LE(7, bytes.length - 8), bytes)],
    ['with more after it', (bytes) => Buffer.concat([bytes, Buffer.alloc(40)])],
    ['that is empty', () => Buffer.alloc(0)],
    ['of something else', () => Buffer.from('x'.repeat(100))],
    ['of bytes that are no UTF-8', () => gzipSync(Buffer.alloc(100, 0xff))],
  ])('refuses a text %s', async (_name, damage) => {
    const bytes = damage(gzipSync(JSON.stringify(Array.from({ length: 500 }, (_, index) => index))));
    expect(await codeOf(() => decodeGzip(bytes))).toBe('KV_CORRUPT_VALUE');
  });

  test('refuses text that is no base64, and formats that neither codec wrote', async () => {
    expect(await codeOf(() => gzipCodec().decode({ text: '~~~~', format: 'gzip' }, context))).toBe('KV_CORRUPT_VALUE');
    expect(await codeOf(() => gzipCodec().decode({ text: '1', format: 'brotli' }, context))).toBe('KV_CORRUPT_VALUE');
    const devalue = { text: gzipSync('[1]').toString('base64'), format: 'gzip+devalue' };
    expect(await codeOf(() => gzipCodec().decode(devalue, context))).toBe('KV_CORRUPT_VALUE');
  });

  test.each([-1, 1.5, NaN, Infinity, 26_214_401, '10', null])('refuses the threshold %p', async (thresholdBytes) => {
    const { code, message } = await refusalOf(() => gzipCodec({ thresholdBytes } as never));
    expect(code).toBe('INVALID_OPTION');
    expect(message).toMatch(/^gzipCodec: thresholdBytes .* is refused: give an integer from 0 to 26214400\.$/);
  });

  test.each([{}, 'gzip', null, { encode: () => '' }])('refuses the inner codec %p', async (codec) => {
    expect(await codeOf(() => gzipCodec({ codec } as never))).toBe('INVALID_OPTION');
  });
});

function decodeGzip(bytes: Uint8Array): unknown {
  return gzipCodec().decode({ text: Buffer.from(bytes).toString('base64'), format: 'gzip' }, context);
}
