import { assertFence } from '../../../src/index.js';
import { codeOf, errorOf, fc } from '../../support/kv.js';

function storageOver(rows: Map<string, unknown>) {
  let puts = 0;
  return {
    get: (key: string) => rows.get(key),
    put: (key: string, value: unknown) => {
      puts += 1;
      rows.set(key, value);
    },
    puts: () => puts,
  };
}

describe('assertFence', () => {
  it('takes what is not below the highest that it has seen, and writes only what is higher', async () => {
    const storage = storageOver(new Map());
    [5, 5, 9, 9].forEach((fence) => assertFence(storage, fence));
    expect(storage.puts()).toBe(2);
    expect(await errorOf(() => assertFence(storage, 8))).toMatchObject({
      code: 'FENCE_STALE',
      message: 'Fence 8 is stale: 9 was here before.',
    });
    assertFence(storage, 9);
    expect(storage.puts()).toBe(2);
  });

  it('keeps resources apart', async () => {
    const rows = new Map<string, unknown>();
    const storage = storageOver(rows);
    assertFence(storage, 9, 'playlist');
    assertFence(storage, 1, 'cover');
    expect([...rows]).toEqual([
      ['fence:playlist', 9],
      ['fence:cover', 1],
    ]);
    expect(await codeOf(() => assertFence(storage, 8, 'playlist'))).toBe('FENCE_STALE');
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 53, '5', undefined])('refuses what is no fence: %p', async (fence) => {
    expect(await codeOf(() => assertFence(storageOver(new Map()), fence as number))).toBe('INVALID_ARGUMENT');
  });

  it('accepts a sequence that never goes back, whatever is tried', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 })), (tried) => {
        const storage = storageOver(new Map());
        const accepted = tried.filter((fence) => {
          try {
            assertFence(storage, fence);
            return true;
          } catch {
            return false;
          }
        });
        expect(accepted).toEqual([...accepted].sort((one, other) => one - other));
        expect(Math.max(0, ...accepted)).toBe(Math.max(0, ...tried));
      }),
      { seed: 3 },
    );
  });
});
