/** Upper bounds of latencies in milliseconds. */
export const LATENCY_SCALE_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000] as const;
/** Stands for all that takes longer. */
export const ABOVE_SCALE_MS = 1_000_000_000;

/** The bound that a latency falls under. */
export function bucketOf(durationMs: number): number {
  return LATENCY_SCALE_MS.find((bound) => durationMs <= bound) ?? ABOVE_SCALE_MS;
}
