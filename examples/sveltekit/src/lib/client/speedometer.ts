/** How fast a number grows, over the last few seconds. */
export class Speedometer {
  readonly #windowMs: number;
  #readings: { readonly value: number; readonly atMs: number }[] = [];

  constructor(windowMs = 4000) {
    this.#windowMs = windowMs;
  }

  /** Takes a reading, and gives the growth per second; 0 until there are two. */
  read(value: number, atMs: number): number {
    this.#readings = [...this.#readings.filter((each) => atMs - each.atMs <= this.#windowMs), { value, atMs }];
    const first = this.#readings[0];
    if (first === undefined || first.atMs === atMs) return 0;
    return Math.max(0, ((value - first.value) / (atMs - first.atMs)) * 1000);
  }

  /** Forgets what it read: after a pause. */
  reset(): void {
    this.#readings = [];
  }
}
