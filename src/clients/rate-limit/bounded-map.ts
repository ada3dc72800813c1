interface Slot<Value> {
  readonly value: Value;
  /** How many values had been set when it was last moved to the end. */
  movedAt: number;
}

/**
 * A map of at most so many keys: the one that was not used for longest goes first. A key that is read moves to the end once half of the room was
 * set since it last did: that keeps what is in use as well as moving it each time, and costs a read next to nothing.
 */
export class BoundedMap<Value> {
  readonly #slots = new Map<string, Slot<Value>>();
  readonly #maximum: number;
  #sets = 0;

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#slots.size;
  }

  /** The value of `key`, or `undefined`. */
  get(key: string): Value | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    if (this.#sets - slot.movedAt > this.#maximum / 2) this.#move(key, slot);
    return slot.value;
  }

  /** Sets `key` as the one that was used last. */
  set(key: string, value: Value): void {
    this.#sets += 1;
    if (!this.#slots.delete(key) && this.#slots.size >= this.#maximum) this.#dropOldest();
    this.#slots.set(key, { value, movedAt: this.#sets });
  }

  /** Forgets `key`. */
  delete(key: string): void {
    this.#slots.delete(key);
  }

  /** The key and value that were not used for longest, or `undefined` when there is none. */
  oldest(): readonly [string, Value] | undefined {
    for (const [key, { value }] of this.#slots) return [key, value];
    return undefined;
  }

  #move(key: string, slot: Slot<Value>): void {
    this.#slots.delete(key);
    slot.movedAt = this.#sets;
    this.#slots.set(key, slot);
  }

  #dropOldest(): void {
    for (const key of this.#slots.keys()) {
      this.#slots.delete(key);
      return;
    }
  }
}
