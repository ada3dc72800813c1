import type {
  RateLimitAttempt,
  RateLimitDecision,
  RateLimitRule,
  RateLimitStore,
} from '../clients/rate-limit/rate-limit-store.js';
import type { RateLimitAlgorithm } from '../durable-objects/rate-limit/rate-limit-api.js';
import { rateLimitChangeCases } from './rate-limit-contract-changes.js';
import { rateLimitCountCases } from './rate-limit-contract-counts.js';

/** What not every rate-limit store can do. */
export type RateLimitFeature =
  | RateLimitAlgorithm
  | 'peek'
  | 'refund'
  | 'block'
  | 'reset'
  | 'cost'
  | 'several-rules'
  | 'request-id'
  | 'count-rejected'
  /** It says how much is left, and not only how much there can be. */
  | 'remaining';

/** The store that is examined. */
export interface RateLimitContractSubject {
  /** Makes a store; may be the same each time, as every case has a key of its own. */
  makeStore(): RateLimitStore | Promise<RateLimitStore>;
  /** What it can do. */
  readonly supports: readonly RateLimitFeature[];
  /** The rule that the cases count by, where the store knows no other; units per 60 seconds otherwise. */
  readonly rule?: RateLimitRule;
  /** Lets time pass; without it the cases that wait are left out. */
  advance?(ms: number): void | Promise<void>;
}

/** One behaviour that every rate-limit store has. */
export interface RateLimitContractCase {
  /** A sentence, unique in the list. */
  readonly name: string;
  /** Runs on a new key; throws when the store does not behave so. */
  readonly run: () => Promise<void>;
}

/** A case before it is given a store. */
export interface RateLimitCaseTemplate {
  readonly name: string;
  readonly needs: readonly (RateLimitFeature | 'time')[];
  readonly run: (bench: RateLimitBench) => Promise<void>;
}

/** What a case works with. */
export interface RateLimitBench {
  readonly store: RateLimitStore;
  readonly key: string;
  readonly rule: RateLimitRule;
  /** Makes an attempt under the rule; what is given stands in place of what it is otherwise. */
  readonly attempt: (changes?: Partial<RateLimitAttempt>) => RateLimitAttempt;
  readonly consume: (changes?: Partial<RateLimitAttempt>) => Promise<RateLimitDecision>;
  readonly advance: (ms: number) => Promise<void>;
}

/**
 * How a rate-limit store behaves, as cases for any test framework: the same run on the stores of this package, in Node and inside workerd. Cases that
 * need what the store does not support are left out.
 *
 * @example
 * ```ts
 * const clock = new ManualClock();
 * const cases = rateLimitStoreContract({
 *   makeStore: () => new MemoryRateLimitStore({ now: clock.now }),
 *   supports: ['sliding-window', 'cost', 'reset', 'remaining'],
 *   advance: (ms) => clock.advance(ms),
 * });
 * test.each(cases)('$name', ({ run }) => run());
 * ```
 */
export function rateLimitStoreContract(subject: RateLimitContractSubject): readonly RateLimitContractCase[] {
  const able = new Set<string>([...subject.supports, ...(subject.advance === undefined ? [] : ['time'])]);
  return [...rateLimitCountCases, ...rateLimitChangeCases]
    .filter(({ needs }) => needs.every((feature) => able.has(feature)))
    .map(({ name, run }) => ({ name, run: async () => run(await benchFor(subject)) }));
}

let keys = 0;

async function benchFor(subject: RateLimitContractSubject): Promise<RateLimitBench> {
  const store = await subject.makeStore();
  const rule = subject.rule ?? { limit: 5, windowMs: 60_000 };
  const keyPrefix = 'contract:';
  keys += 1;
  const key = `${keyPrefix}${keys}`;
  const attempt = (changes: Partial<RateLimitAttempt> = {}): RateLimitAttempt => {
    return { key, keyPrefix, rules: [rule], cost: 1, countRejected: false, ...changes };
  };
  return {
    store,
    key,
    rule,
    attempt,
    consume: async (changes) => store.consume(attempt(changes)),
    advance: async (ms) => subject.advance?.(ms),
  };
}
