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

  /** A tag was invalidated, or everything. A clock that went back does not take an earlier invalidation back. */
  set(tag: string, time: number): void {
    this.#count += 1;
    const latest = Math.max(time, this.#times.get(tag) ?? NEVER);
    this.#times.delete(tag);
    if (this.#times.size >= MAX_TAGS) {
      const [[oldest, forgotten] = ['', NEVER]] = this.#times;
      this.#floor = Math.max(this.#floor, forgotten);
      this.#times.delete(oldest);
    }
    this.#times.set(tag, latest);
  }

  /**
   * The time of the latest invalidation.
   *
   * @param tag a tag, or what stands for everything.
   * @param known what a read of KV said; where it said nothing, it may be one that was forgotten here.
   */
  timeOf(tag: string, known: number | undefined): number {
    return Math.max(this.#times.get(tag) ?? NEVER, known ?? this.#floor);
  }
}
