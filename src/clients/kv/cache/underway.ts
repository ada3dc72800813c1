import type { CacheContext } from './cache-context.js';
import { isSameCall, isSameLoad } from './cache-policy.js';
import type { Flight } from './flight.js';
import { FlightBoard } from './flight-board.js';
import type { Tiers } from './tiers.js';

/** What is under way for one client, and what becomes of it when a key changes. */
export class Underway {
  /** The first callers' reads and loads, which later callers join. */
  readonly flights: FlightBoard;
  /** Background refreshes, which a caller who needs the value joins. */
  readonly refreshes: FlightBoard;
  #made: Map<string, Set<Flight>> | undefined;
  readonly #context: CacheContext;
  readonly #tiers: Tiers;

  constructor(context: CacheContext, tiers: Tiers) {
    this.#context = context;
    this.#tiers = tiers;
    this.flights = new FlightBoard(context, isSameCall);
    this.refreshes = new FlightBoard(context, isSameLoad);
  }

  /** A load or a write begins: from now on a change of its key parts with it. */
  enter(key: string, flight: Flight): void {
    flight.token = this.#context.isolate.fence.enter(key, this.#context.now());
    const loads = this.#loads.get(key);
    if (loads === undefined) this.#loads.set(key, new Set([flight]));
    else loads.add(flight);
  }

  /** A load is over, and so is its write. */
  leave(key: string, flight: Flight): void {
    if (flight.token !== undefined) this.#context.isolate.fence.leave(key, flight.token);
    const loads = this.#loads.get(key);
    loads?.delete(flight);
    if (loads?.size === 0) this.#loads.delete(key);
  }

  /** The same, once its write is done; nobody waits for that. */
  leaveAfter(key: string, flight: Flight, written: Promise<unknown> | undefined): void {
    if (written === undefined) this.leave(key, flight);
    else void written.then(() => this.leave(key, flight));
  }

  /**
   * Parts with everything under way for a key that changes now, in every request of the isolate. A write that one of this
   * client began is let through first, so that it cannot land later; those of other requests cannot be waited for.
   */
  async supersede(key: string): Promise<void> {
    const own = this.part(key);
    this.#tiers.drop(key);
    await Promise.all(own.map(async (flight) => flight.writing));
  }

  /** Parts with what is under way, and leaves what is at hand. Answers with the flights of this client. */
  part(key: string): readonly Flight[] {
    const { fence, loads } = this.#context.isolate;
    this.flights.supersede(key);
    this.refreshes.supersede(key);
    const own = [...(this.#loads.get(key) ?? [])];
    for (const flight of own) flight.supersede();
    fence.supersede(key);
    loads.drop(key);
    return own;
  }

  /** The same for every key that starts with `prefix`. */
  async supersedePrefix(prefix: string): Promise<void> {
    const { fence } = this.#context.isolate;
    const own = [...this.#loads.keys()].filter((key) => key.startsWith(prefix));
    const keys = [...this.flights.keys(prefix), ...this.refreshes.keys(prefix), ...own, ...fence.keys(prefix)];
    fence.supersedeAll();
    this.#tiers.dropPrefix(prefix);
    await Promise.all([...new Set(keys)].map((key) => this.supersede(key)));
  }

  /** A change is done, or failed and may be done all the same: what began meanwhile may have read what was before it. */
  changed(key: string): void {
    this.part(key);
    this.#tiers.drop(key);
  }

  /** Loads and writes of this client, until what they write is written. Made for the first: a hit has none. */
  get #loads(): Map<string, Set<Flight>> {
    return (this.#made ??= new Map());
  }
}
