/** How far the order may be ahead of the clock. A clock that is further behind was set back, and is followed. */
const MAX_LEAD_MS = 60_000;

/**
 * Times for loads and invalidations that keep the order in which they happened in this isolate, also within a millisecond and
 * where the clock stands still, as it does in Workers between I/O, or goes back a little: a load that begins after an
 * invalidation is later than it, and an invalidation is not before any load so far.
 */
export class EventOrder {
  #lastLoad = -Infinity;
  #lastInvalidation = -Infinity;

  /** The time of a load that begins now. */
  load(now: number): number {
    this.#follow(now);
    const time = Math.max(now, this.#lastInvalidation + 1);
    this.#lastLoad = Math.max(this.#lastLoad, time);
    return time;
  }

  /** The time of an invalidation that happens now. */
  invalidation(now: number): number {
    this.#follow(now);
    this.#lastInvalidation = Math.max(now, this.#lastLoad, this.#lastInvalidation);
    return this.#lastInvalidation;
  }

  #follow(now: number): void {
    if (this.#lastLoad - now > MAX_LEAD_MS) this.#lastLoad = -Infinity;
    if (this.#lastInvalidation - now > MAX_LEAD_MS) this.#lastInvalidation = -Infinity;
  }
}
