const MAX_KEYS = 10_000;

/** Counts changes, and knows of each key which was its last. Bounded: keys that are forgotten count as changed. */
export class KeyChanges {
  readonly #last = new Map<string, number>();
  /** The change up to which keys that are not in the map count as changed. */
  #floor = 0;
  #count = 0;

  /** How many there were so far. */
  get count(): number {
    return this.#count;
  }

  /** Whether `key` changed after the given number of changes. */
  hasSince(count: number, key: string): boolean {
    return Math.max(this.#last.get(key) ?? 0, this.#floor) > count;
  }

  /** A key changed. */
  add(key: string): void {
    this.#count += 1;
    this.#last.delete(key);
    if (this.#last.size >= MAX_KEYS) {
      const [oldest = ['', 0]] = this.#last;
      this.#floor = Math.max(this.#floor, oldest[1]);
      this.#last.delete(oldest[0]);
    }
    this.#last.set(key, this.#count);
  }

  /** Any key may have changed. */
  addAll(): void {
    this.#count += 1;
    this.#floor = this.#count;
    this.#last.clear();
  }
}
