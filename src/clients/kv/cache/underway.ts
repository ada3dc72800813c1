import type { CacheContext } from './cache-context.js';
import type { Flight } from './flight.js';
import { LoadFence } from './load-fence.js';
import type { Tiers } from './tiers.js';

/** The reads and loads of one client that are under way, and what becomes of them when their key changes. */
export class Underway {
  /** The first callers' reads and loads, which later callers join. */
  readonly flights = new Map<string, Flight>();
  /** Background refreshes, which a caller who needs the value joins. */
  readonly refreshes = new Map<string, Flight>();
  readonly #loads = new LoadFence();
  readonly #context: CacheContext;
  readonly #tiers: Tiers;

  constructor(context: CacheContext, tiers: Tiers) {
    this.#context = context;
    this.#tiers = tiers;
  }

  /** A load begins: from now on a change of its key parts with it. */
  enter(key: string, flight: Flight): void {
    this.#loads.enter(key, flight);
    this.#context.isolate.fence.enter(key, flight);
  }

  /** A load is over. */
  leave(key: string, flight: Flight): void {
    this.#loads.leave(key, flight);
    this.#context.isolate.fence.leave(key, flight);
  }

  /**
   * Parts with everything under way for a key that changes now, in every request of the isolate. A write that one of this
   * client began is let through first, so that it cannot land later; those of other requests cannot be waited for.
   */
  async supersede(key: string): Promise<void> {
    const { fence, loads } = this.#context.isolate;
    const reading = this.flights.get(key);
    if (reading !== undefined) reading.isSuperseded = true;
    this.flights.delete(key);
    this.refreshes.delete(key);
    loads.drop(key);
    const own = this.#loads.supersede(key);
    fence.supersede(key);
    this.#tiers.drop(key);
    await Promise.all([reading?.writing, ...own.map((flight) => flight.writing)]);
  }

  /** The same for every key that starts with `prefix`. */
  async supersedePrefix(prefix: string): Promise<void> {
    const { fence } = this.#context.isolate;
    const reading = [...this.flights.keys()].filter((key) => key.startsWith(prefix));
    const keys = new Set([...reading, ...this.#loads.keys(prefix), ...fence.keys(prefix)]);
    this.#tiers.dropPrefix(prefix);
    fence.supersede('');
    await Promise.all([...keys].map((key) => this.supersede(key)));
  }

  /** A change is done: what was read meanwhile may be from before it. */
  changed(key: string): void {
    this.#context.isolate.fence.supersede('');
    this.#tiers.drop(key);
  }
}
