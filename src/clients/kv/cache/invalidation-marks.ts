const MAX_TAGS = 1_000;
const NEVER = -Infinity;

/** When this isolate invalidated tags and the namespace as a whole. Times in milliseconds since the epoch. */
export class InvalidationMarks {
  readonly #times = new Map<string, number>();
  /** No tag that was forgotten was invalidated later than this. */
  #floor = NEVER;
  #count = 0;

  /** How many invalidations there were. */
  get count(): number {
    return this.#count;
  }

  /** A marker was set. A clock that went back does not take an earlier invalidation back. */
  set(marker: string, time: number): void {
    this.#count += 1;
    const latest = Math.max(time, this.#times.get(marker) ?? NEVER);
    this.#times.delete(marker);
    if (this.#times.size >= MAX_TAGS) {
      const [[oldest, forgotten] = ['', NEVER]] = this.#times;
      this.#floor = Math.max(this.#floor, forgotten);
      this.#times.delete(oldest);
    }
    this.#times.set(marker, latest);
  }

  /**
   * The time of a marker.
   *
   * @param marker its key.
   * @param known what a read of KV said; where it said nothing, a marker may be one that was forgotten here.
   */
  timeOf(marker: string, known: number | undefined): number {
    return Math.max(this.#times.get(marker) ?? NEVER, known ?? this.#floor);
  }
}
