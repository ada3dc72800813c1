import fc from 'fast-check';
import { planParts, plannedLength } from '../../../../src/clients/r2/signing/part-plan.js';

const MIB = 1024 ** 2;
const MAX_OBJECT_BYTES = 5 * 1024 ** 4 - 5 * 1024 ** 3;

describe('planParts', () => {
  it('cuts any file as R2 asks for', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 1, max: MAX_OBJECT_BYTES }), fc.integer({ min: 1, max: 100 * MIB })),
        fc.option(fc.integer({ min: 5 * MIB, max: 5115 * MIB }), { nil: undefined }),
        (size, wanted) => {
          const plan = planParts(size, wanted);
          expect(plan.sizeBytes).toBe(size);
          expect(plan.partSizeBytes).toBeGreaterThanOrEqual(5 * MIB);
          expect(plan.partSizeBytes).toBeLessThanOrEqual(5115 * MIB);
          expect(plan.partCount).toBeLessThanOrEqual(10_000);
          expect(plan.lastPartSizeBytes).toBeGreaterThan(0);
          expect(plan.lastPartSizeBytes).toBeLessThanOrEqual(plan.partSizeBytes);
          expect((plan.partCount - 1) * plan.partSizeBytes + plan.lastPartSizeBytes).toBe(size);
          if (wanted !== undefined && wanted * 10_000 >= size) expect(plan.partSizeBytes).toBe(wanted);
        },
      ),
    );
  });

  it.each([
    [1, undefined, [16 * MIB, 1, 1]],
    [16 * MIB, undefined, [16 * MIB, 1, 16 * MIB]],
    [16 * MIB + 1, undefined, [16 * MIB, 2, 1]],
    [12 * MIB, 5 * MIB, [5 * MIB, 3, 2 * MIB]],
    [200 * 1024 ** 3, undefined, [21 * MIB, 9753, 8 * MIB]],
  ])('cuts %d bytes (wanted %p)', (size, wanted, [partSizeBytes, partCount, lastPartSizeBytes]) => {
    expect(planParts(size, wanted)).toEqual({ sizeBytes: size, partSizeBytes, partCount, lastPartSizeBytes });
  });

  it.each([[0], [-1], [1.5], [NaN], [MAX_OBJECT_BYTES + 1], ['5' as unknown as number]])(
    'refuses the size %p',
    (size) => {
      expect(() => planParts(size)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    },
  );

  it.each([5 * MIB - 1, 5115 * MIB + 1, NaN])('refuses the part size %p', (partSize) => {
    expect(() => planParts(1, partSize)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
  });

  it('knows the size of each part, and takes no plan that was forged', () => {
    const plan = planParts(12 * MIB, 5 * MIB);
    expect([1, 2, 3].map((part) => plannedLength(plan, part))).toEqual([5 * MIB, 5 * MIB, 2 * MIB]);
    expect(() => plannedLength(plan, 4)).toThrow('plan has 3 parts, and no part 4.');
    expect(() => plannedLength({ ...plan, lastPartSizeBytes: 5 * MIB }, 3)).toThrow('plan is not one');
    expect(() => plannedLength({ ...plan, partCount: 4 }, 4)).toThrow('plan is not one');
    expect(() => plannedLength({ ...planParts(20 * MIB), partSizeBytes: undefined as never }, 1)).toThrow(
      'plan is not one',
    );
    expect(() => plannedLength({ ...planParts(100 * 1024 * MIB), partSizeBytes: 5 * MIB }, 1)).toThrow(
      'plan is not one',
    );
    for (const nothing of [null, 'plan', 5, []] as never[]) {
      expect(() => plannedLength(nothing, 1)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    }
  });
});
