import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { HmacSha256 } from '../../../../src/clients/r2/signing/hmac-sha256.js';
import { digestToBytes, digestToHex, hashBlocks, sha256 } from '../../../../src/clients/r2/signing/sha256.js';

const hexOf = (message: Uint8Array | string): string => digestToHex(sha256(message));
const bytesOf = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

describe('sha256', () => {
  // NIST's examples for FIPS 180-4 and of the SHAVS short and long message tests.
  it.each([
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    [
      'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
      '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
    ],
    [
      'abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu',
      'cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1',
    ],
    ['a'.repeat(1_000_000), 'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0'],
  ])('answers for %.20j... as NIST says', (message, digest) => {
    expect(hexOf(message)).toBe(digest);
    expect(hexOf(new TextEncoder().encode(message))).toBe(digest);
  });

  it.each([
    ['d3', '28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1'],
    ['11af', '5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98'],
    ['b4190e', 'dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2'],
    ['74ba2521', 'b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e'],
  ])('answers for the bytes %s as NIST says', (message, digest) => {
    expect(hexOf(bytesOf(message))).toBe(digest);
  });

  it('answers as node:crypto for each length around the ends of blocks and of its buffer', () => {
    const lengths = [...Array(200).keys(), ...[16_300, 16_311, 16_312, 16_313, 16_384, 20_000]];
    for (const length of lengths) {
      const message = 'x'.repeat(length);
      const expected = createHash('sha256').update(message).digest();
      expect(hexOf(message)).toBe(expected.toString('hex'));
      expect(Buffer.from(digestToBytes(sha256(Buffer.from(message))))).toEqual(expected);
    }
  });

  it('answers as node:crypto for any text and bytes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 300 })), (message) => {
        expect(hexOf(message)).toBe(createHash('sha256').update(message).digest('hex'));
      }),
    );
  });

  it('goes on from blocks that it has taken, any number of times', () => {
    const start = hashBlocks('b'.repeat(128));
    for (const ending of ['', 'x', 'y'.repeat(100)]) {
      const whole = 'b'.repeat(128) + ending;
      expect(digestToHex(sha256(ending, start))).toBe(createHash('sha256').update(whole).digest('hex'));
    }
  });
});

describe('HmacSha256', () => {
  // RFC 4231, test cases 1 to 4, 6 and 7.
  it.each([
    ['0b'.repeat(20), '4869205468657265', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [
      '4a656665',
      '7768617420646f2079612077616e7420666f72206e6f7468696e673f',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
    [
      '0102030405060708090a0b0c0d0e0f10111213141516171819',
      'cd'.repeat(50),
      '82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b',
    ],
    [
      'aa'.repeat(131),
      '54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
    [
      'aa'.repeat(131),
      '5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a65206b657920616e642061206c61726765' +
        '72207468616e20626c6f636b2d73697a6520646174612e20546865206b6579206e6565647320746f20626520686173686564206265666f726520626569' +
        '6e6720757365642062792074686520484d414320616c676f726974686d2e',
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2',
    ],
  ])('answers for key %.12s... as RFC 4231 says', (key, message, code) => {
    expect(digestToHex(new HmacSha256(bytesOf(key)).digest(bytesOf(message)))).toBe(code);
  });

  it('answers as node:crypto for any key and message, whole and in two pieces', () => {
    const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 200 });
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 150 }), ascii, ascii, (key, beginning, ending) => {
        const expected = createHmac('sha256', key)
          .update(beginning + ending)
          .digest('hex');
        const hmac = new HmacSha256(key);
        expect(digestToHex(hmac.digest(beginning + ending))).toBe(expected);
        expect(digestToHex(hmac.beginningWith(beginning)(ending))).toBe(expected);
      }),
    );
  });
});
