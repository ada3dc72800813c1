import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  createMd5,
  hasNativeMd5,
  hexOf,
  md5Of,
  md5OfBlob,
  multipartEtag,
} from '../../../../src/clients/r2/transfer/md5.js';
import { PlainMd5 } from '../../../../src/clients/r2/transfer/plain-md5.js';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('PlainMd5', () => {
  it.each([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    ['abc', '900150983cd24fb0d6963f7d28e17f72'],
    ['message digest', 'f96b697d7cb7938d525a2f31aaf161d0'],
    ['abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b'],
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789', 'd174ab98d277d9f5a5611c2c9f419d9f'],
    ['1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a'],
  ])('answers the vectors of RFC 1321 (%j)', (text, expected) => {
    const md5 = new PlainMd5();
    md5.update(bytesOf(text));
    expect(hexOf(md5.digest())).toBe(expected);
  });

  it('agrees with node:crypto, however the content is cut', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(pieces, (chunks) => {
        const md5 = new PlainMd5();
        for (const chunk of chunks) md5.update(chunk);
        return hexOf(md5.digest()) === createHash('md5').update(Buffer.concat(chunks)).digest('hex');
      }),
    );
  });
});

describe('the platform', () => {
  it('hashes by itself in Node, and without it all the same', async () => {
    const bytes = bytesOf('content');
    const expected = createHash('md5').update(bytes).digest('hex');
    expect(hasNativeMd5()).toBe(true);
    expect([hexOf(await md5Of(bytes)), hexOf(await md5OfBlob(new Blob([bytes])))]).toEqual([expected, expected]);
    const spy = jest.spyOn(process as { getBuiltinModule: (name: string) => unknown }, 'getBuiltinModule');
    spy.mockReturnValue(undefined);
    expect(hasNativeMd5()).toBe(false);
    expect(createMd5()).toBeInstanceOf(PlainMd5);
    expect(hexOf(await md5Of(bytes))).toBe(expected);
    spy.mockRestore();
  });

  it('gives the tag of an object in parts', async () => {
    const parts = ['a', 'b'].map((text) => createHash('md5').update(text).digest());
    const expected = createHash('md5').update(Buffer.concat(parts)).digest('hex');
    expect(await multipartEtag(parts)).toBe(`${expected}-2`);
  });
});
