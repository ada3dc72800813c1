/** How far the order may run ahead of the clock; one that is further behind was set back. */
const MAX_LEAD_MS = 1_000;

/**
 * Times for loads and invalidations that keep the order in which they happened in this isolate, also within a millisecond and
 * where the clock stands still, as it does in Workers between I/O: a load that begins after an invalidation is later than it.
 */
export class EventOrder {
  #last = -Infinity;

  /** The time of a load that begins now: after every invalidation so far. */
  load(now: number): number {
    if (!this.#isAhead(now)) return now;
    this.#last += 1;
    return this.#last;
  }

  /** The time of an invalidation that happens now: not before any load so far. */
  invalidation(now: number): number {
    if (!this.#isAhead(now)) this.#last = now;
    return this.#last;
  }

  #isAhead(now: number): boolean {
    return this.#last >= now && this.#last - now <= MAX_LEAD_MS;
  }
}
