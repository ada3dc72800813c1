import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';

/** Options of `MemoryRateLimitStore`. */
export interface MemoryRateLimitStoreOptions {
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Most keys that are kept, an integer from 1 to 1,000,000; the one not used for longest is forgotten first.
   *
   * @default 10_000
   */
  readonly maxKeys?: number | undefined;
}

/** Counts in memory, by the state machine of the Durable Objects. */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #options: MemoryRateLimitStoreOptions;
  /** Takes the options. */
  constructor(options: MemoryRateLimitStoreOptions = {}) {
    this.#options = options;
  }
  /** To be built. */
  consume(attempt: RateLimitAttempt): RateLimitDecision {
    throw new Error(`not built yet ${attempt.cost} ${this.#options.maxKeys ?? 0}`);
  }
  /** To be built. */
  async reset(_key: string, _keyPrefix: string): Promise<void> {}
}
