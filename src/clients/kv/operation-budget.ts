import { CloudflareClientError } from '../../errors.js';

/** KV operations that one invocation of a Worker may make. https://developers.cloudflare.com/kv/platform/limits/ */
const MAX_OPERATIONS = 1000;
const RESERVED_SHARE = 0.1;

/**
 * Counts the KV operations of one request, over all clients that share it, so that they degrade before the platform throws: with a tenth left,
 * caches stop to store what they load; with nothing left, reads are misses and explicit writes are refused.
 *
 * @example
 * ```ts
 * const budget = new OperationBudget();
 * const cache = new CacheClient(env.CACHE_KV, { budget });
 * const settings = new KVClient(env.CACHE_KV, { budget });
 * ```
 */
export class OperationBudget {
  /** How many operations there are in all. */
  readonly limit: number;
  #used = 0;
  #told: 'nothing' | 'writes' | 'all' = 'nothing';

  /**
   * Makes a budget.
   *
   * @param limit an integer from 1, or `Infinity`; a Worker on the free plan has 50 subrequests in all.
   * @throws {CloudflareClientError} `INVALID_OPTION`.
   */
  constructor(limit = MAX_OPERATIONS) {
    if (limit !== Infinity && !(Number.isInteger(limit) && limit >= 1)) {
      throw new CloudflareClientError(
        'INVALID_OPTION',
        `Operation budget ${String(limit)} is refused: give an integer of at least 1, or Infinity.`,
      );
    }
    this.limit = limit;
  }

  /** How many operations were made. */
  get used(): number {
    return this.#used;
  }

  /** Whether an automatic write may be made: the last tenth is kept for reads and explicit writes. */
  get allowsAutomaticWrites(): boolean {
    return this.#used < this.limit * (1 - RESERVED_SHARE);
  }

  /**
   * Takes one operation.
   *
   * @returns `false` when none is left; then nothing is taken.
   */
  take(): boolean {
    if (this.#used >= this.limit) return false;
    this.#used += 1;
    return true;
  }

  /**
   * Whether what is spent is to be reported now: the first client that meets it does.
   *
   * @internal
   */
  isNews(spent: 'writes' | 'all'): boolean {
    const isNews = this.#told !== 'all' && this.#told !== spent;
    if (isNews) this.#told = spent;
    return isNews;
  }
}
