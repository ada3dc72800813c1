interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock that moves when it is told to. `now` and `delay` are bound: pass them as they are.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const cache = new CacheClient(new MemoryKVNamespace({ now: clock.now }), { now: clock.now });
 * clock.advance(60_000);
 * ```
 */
export class ManualClock {
  #nowMs: number;
  #sleepers: Sleeper[] = [];

  /** Starts at `startMs`, milliseconds since the epoch; 2026-01-01 unless told. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startMs;
  }

  /** The time, in milliseconds since the epoch. */
  readonly now = (): number => this.#nowMs;

  /** Resolves when the clock has been moved on by `ms` milliseconds. */
  readonly delay = (ms: number): Promise<void> =>
    new Promise((wake) => {
      this.#sleepers.push({ at: this.#nowMs + ms, wake });
    });

  /** How many delays are waited for. */
  get waiting(): number {
    return this.#sleepers.length;
  }

  /** Moves the clock on by `ms` milliseconds and ends the delays that are due, in their order. */
  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#sleepers.filter((sleeper) => sleeper.at <= this.#nowMs).sort((a, b) => a.at - b.at);
    this.#sleepers = this.#sleepers.filter((sleeper) => sleeper.at > this.#nowMs);
    due.forEach((sleeper) => sleeper.wake());
  }
}
