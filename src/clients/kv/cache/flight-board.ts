import type { CacheContext } from './cache-context.js';
import type { CachePolicy } from './cache-policy.js';
import { Flight } from './flight.js';

/** Flights that callers of one client can join, by key. Those who ask in other ways fly side by side. */
export class FlightBoard {
  readonly #context: CacheContext;
  readonly #isSameWay: (one: CachePolicy, two: CachePolicy) => boolean;
  #made: Map<string, Flight> | undefined;

  constructor(context: CacheContext, isSameWay: (one: CachePolicy, two: CachePolicy) => boolean) {
    this.#context = context;
    this.#isSameWay = isSameWay;
  }

  /** A flight whose outcome is what a caller who asks now, in this way, would get. */
  find(key: string, policy: CachePolicy): Flight | undefined {
    let flight = this.#flights.get(key);
    while (flight !== undefined && !this.#isJoinable(flight, key, policy)) flight = flight.older;
    return flight;
  }

  /** Whether there is any flight for `key`, joinable or not. */
  has(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Puts a flight up. */
  add(key: string, flight: Flight): void {
    flight.older = this.#flights.get(key);
    if (flight.older !== undefined) flight.older.younger = flight;
    this.#flights.set(key, flight);
  }

  /** Takes a flight down. Written for speed: every hit pays for it. */
  remove(key: string, flight: Flight): void {
    if (flight.isDown) return;
    const { older, younger } = flight;
    if (older !== undefined) older.younger = younger;
    if (younger !== undefined) younger.older = older;
    else if (older !== undefined) this.#flights.set(key, older);
    else this.#flights.delete(key);
  }

  /** Parts with every flight of a key. */
  supersede(key: string): void {
    for (let flight = this.#flights.get(key); flight !== undefined; flight = flight.older) {
      flight.supersede();
      flight.isDown = true;
    }
    this.#flights.delete(key);
  }

  /** The keys that start with `prefix`. */
  keys(prefix: string): string[] {
    return [...this.#flights.keys()].filter((key) => key.startsWith(prefix));
  }

  /** Made for the first flight: on the board of refreshes most requests have none. */
  get #flights(): Map<string, Flight> {
    return (this.#made ??= new Map());
  }

  #isJoinable(flight: Flight, key: string, policy: CachePolicy): boolean {
    const { fence, marks } = this.#context.isolate;
    if (flight.isSuperseded || flight.invalidations !== marks.count) return false;
    // While it reads, a change of the key by any request may be one that it does not see; a load has a token for that.
    if (!flight.isLoading && fence.changes.hasSince(flight.changes, key)) return false;
    return this.#isSameWay(flight.policy, policy);
  }
}

/** A flight that begins now. */
export function newFlight({ isolate }: CacheContext, policy: CachePolicy): Flight {
  return new Flight(policy, isolate);
}
