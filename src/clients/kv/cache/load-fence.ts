import type { Flight } from './flight.js';

const MAX_KEYS = 10_000;

/** The loads under way, by key, so that what changes a key can part with those that began before. */
export class LoadFence {
  readonly #flights = new Map<string, Set<Flight>>();
  #changes = 0;

  /** How many changes there were. A read that saw another number at its start may have read what was changed since. */
  get changes(): number {
    return this.#changes;
  }

  /** Enters a load that begins now. */
  enter(key: string, flight: Flight): void {
    const flights = this.#flights.get(key);
    if (flights !== undefined) {
      flights.add(flight);
      return;
    }
    // The runtime can end a request in the middle of a load, which then never leaves.
    if (this.#flights.size >= MAX_KEYS) this.#flights.delete(this.#flights.keys().next().value ?? '');
    this.#flights.set(key, new Set([flight]));
  }

  /** Takes out a load that is over. */
  leave(key: string, flight: Flight): void {
    const flights = this.#flights.get(key);
    flights?.delete(flight);
    if (flights?.size === 0) this.#flights.delete(key);
  }

  /** Marks the loads of a key: what they load is not to be stored. */
  supersede(key: string): readonly Flight[] {
    this.#changes += 1;
    const flights = [...(this.#flights.get(key) ?? [])];
    for (const flight of flights) flight.isSuperseded = true;
    return flights;
  }

  /** The keys under way that start with `prefix`. */
  keys(prefix: string): string[] {
    return [...this.#flights.keys()].filter((key) => key.startsWith(prefix));
  }
}
