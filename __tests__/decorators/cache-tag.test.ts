import fc from 'fast-check';
import { cacheTag } from '../../src/clients/kv/cache/cache-tag.js';
import { checkTags } from '../../src/clients/kv/cache/tags.js';

describe('cacheTag', () => {
  it('is the text where that takes at most 128 bytes', () => {
    for (const text of ['a', 'x'.repeat(128), 'é'.repeat(64), '🙂'.repeat(32)]) expect(cacheTag(text)).toBe(text);
  });

  it('keeps the beginning of a longer one, in whole characters, and tells texts of one beginning apart', () => {
    expect(cacheTag(`item:${'x'.repeat(124)}`)).toMatch(/^item:x{108}~[0-9a-f]{14}$/);
    expect(cacheTag('🙂'.repeat(33))).toMatch(/^(🙂){28}~[0-9a-f]{14}$/u);
    const tags = Array.from({ length: 1_000 }, (_, index) => cacheTag(`${'x'.repeat(200)}${index}`));
    expect(new Set(tags).size).toBe(1_000);
  });

  it('is a tag for any text, the same each time, and its own tag', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 400 }), (text) => {
        const tag = cacheTag(text);
        expect(checkTags([tag])).toEqual([tag]);
        expect([cacheTag(text), cacheTag(tag)]).toEqual([tag, tag]);
      }),
    );
  });

  it('refuses what no tag can stand for', () => {
    for (const text of ['', 'a\ud800', `${'x'.repeat(200)}\ud800`, 5, undefined, null]) {
      expect(() => cacheTag(text as string)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    }
  });
});
