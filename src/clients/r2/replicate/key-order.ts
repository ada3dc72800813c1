/**
 * Compares keys as listings order them: by their bytes in UTF-8. JavaScript's own order, by UTF-16 units, differs beyond U+FFFF.
 *
 * @returns less than 0 when `one` comes first, 0 when they are the same, more than 0 otherwise.
 */
export function compareKeys(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index += 1) {
    const left = one.charCodeAt(index);
    const right = other.charCodeAt(index);
    if (left !== right) return rank(left) - rank(right);
  }
  return one.length - other.length;
}

/** Surrogates stand for what is beyond U+FFFF, so they go behind U+E000 to U+FFFF. */
function rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
