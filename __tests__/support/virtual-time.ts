interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * Time that passes when nothing else is left to do: `setTimeout` and `clearTimeout` of the global object run on it while it is
 * installed. 10,000 calls of several timers each take seconds; Jest's fake timers wait a real timer for each.
 */
export class VirtualTime {
  readonly #heap: Timer[] = [];
  readonly #live = new Set<number>();
  #elapsedMs = 0;
  #order = 0;

  /** Milliseconds since the start. */
  readonly elapsed = (): number => this.#elapsedMs;

  /** Resolves `ms` milliseconds later. */
  readonly delay = (ms: number): Promise<void> => new Promise((resolve) => this.#add(resolve, ms));

  /** How many timers are set. */
  get pending(): number {
    return this.#live.size;
  }

  /** Takes the place of the global timers; answers with what gives them back. */
  install(): () => void {
    const { setTimeout: realSet, clearTimeout: realClear } = globalThis;
    const set = (fire: () => void, ms = 0): number => this.#add(fire, ms);
    const clear = (order: number | undefined): void => void this.#live.delete(order ?? 0);
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    return () => Object.assign(globalThis, { setTimeout: realSet, clearTimeout: realClear });
  }

  /** Lets time pass until no timer is left. */
  async run(): Promise<void> {
    await settled();
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      this.#elapsedMs = next.at;
      // What the timers of one millisecond start runs when all have fired, as it may in a busy event loop.
      for (let due = next as Timer | undefined; due?.at === next.at; due = this.#next()) this.#fire(due);
      await settled();
    }
  }

  #add(fire: () => void, ms: number): number {
    const timer = { at: this.#elapsedMs + Math.max(1, Math.round(ms)), order: (this.#order += 1), fire };
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    this.#live.add(timer.order);
    return timer.order;
  }

  #fire(timer: Timer): void {
    this.#live.delete(timer.order);
    timer.fire();
  }

  /** The earliest timer that was not cleared. */
  #next(): Timer | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#live.has(first.order)) return first;
      const last = this.#heap.pop()!;
      if (this.#heap.length === 0) continue;
      this.#heap[0] = last;
      this.#sink(0);
    }
    return undefined;
  }

  #rise(index: number): void {
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1;
      if (!this.#isEarlier(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  #sink(index: number): void {
    for (let parent = index; ;) {
      let earliest = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#heap.length && this.#isEarlier(child, earliest)) earliest = child;
      }
      if (earliest === parent) return;
      this.#swap(parent, earliest);
      parent = earliest;
    }
  }

  #isEarlier(one: number, other: number): boolean {
    const a = this.#heap[one]!;
    const b = this.#heap[other]!;
    return a.at < b.at || (a.at === b.at && a.order < b.order);
  }

  #swap(one: number, other: number): void {
    [this.#heap[one], this.#heap[other]] = [this.#heap[other]!, this.#heap[one]!];
  }
}

/** Resolves when every promise that can settle by itself has. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
