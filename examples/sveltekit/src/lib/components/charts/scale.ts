/** An axis that begins at zero: its end, and the values that are written beside it, from zero up. */
export interface Axis {
  readonly max: number;
  readonly ticks: readonly number[];
}

const STEPS = [1, 2, 2.5, 5, 10];
const WANTED_TICKS = 4;

/** An axis that holds `largest`, with round numbers; at least 0 to 1. Counts get whole numbers. */
export function axisFor(largest: number, { isCount = false } = {}): Axis {
  const rough = Math.max(largest, 1) / WANTED_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max((STEPS.find((each) => each * power >= rough) ?? 10) * power, isCount ? 1 : 0);
  const whole = isCount ? Math.ceil(step) : step;
  const count = Math.max(1, Math.ceil(largest / whole));
  return { max: whole * count, ticks: Array.from({ length: count + 1 }, (_, index) => index * whole) };
}

/** Joins neighbours, so that no more than `most` groups are left. Each group has the same number of items but the last. */
export function inGroups<Item>(items: readonly Item[], most: number): Item[][] {
  const size = Math.max(1, Math.ceil(items.length / most));
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}

/** At most `most` of the indices 0 to `count` - 1, at equal distances, from the first on. */
export function spreadIndices(count: number, most: number): number[] {
  const step = Math.max(1, Math.ceil(count / most));
  return Array.from({ length: Math.ceil(count / step) }, (_, index) => index * step);
}
