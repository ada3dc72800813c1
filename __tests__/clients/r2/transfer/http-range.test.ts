import fc from 'fast-check';
import { parseRange, resolveRange } from '../../../../src/clients/r2/transfer/http-range.js';

describe('a Range header', () => {
  const size = fc.integer({ min: 0, max: 50 });
  const position = fc.integer({ min: 0, max: 60 });

  it('means what slicing by its numbers means', () => {
    fc.assert(
      fc.property(size, position, position, (bytes, first, last) => {
        const all = Array.from({ length: bytes }, (_, index) => index);
        const sliced = (header: string): number[] | null => {
          const range = parseRange(header);
          const resolved = range === null ? null : resolveRange(range, bytes);
          return resolved === null ? null : all.slice(resolved.offset, resolved.offset + resolved.length);
        };
        const orNull = (expected: number[]): number[] | null => (expected.length === 0 ? null : expected);
        expect(sliced(`bytes=${first}-`)).toEqual(orNull(all.slice(first)));
        expect(sliced(`bytes=-${last}`)).toEqual(orNull(last === 0 ? [] : all.slice(-last)));
        expect(sliced(`bytes=${first}-${last}`)).toEqual(last < first ? null : orNull(all.slice(first, last + 1)));
      }),
    );
  });

  it('never lies outside of the object, whatever it says', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), size, (text, bytes) => {
        const range = parseRange(`bytes=${text}`);
        const resolved = range === null ? null : resolveRange(range, bytes);
        return (
          resolved === null ||
          (resolved.offset >= 0 && resolved.length > 0 && resolved.offset + resolved.length <= bytes)
        );
      }),
    );
  });
});
