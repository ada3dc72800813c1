import type { RateLimitAlgorithm } from '../../durable-objects/rate-limit/rate-limit-api.js';
import type { RateLimitDecider } from '../../events.js';

/** A rule as a store needs it. */
export interface RateLimitRule {
  /** Units allowed in one window, an integer of at least 1. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** How attempts are counted; `undefined`: as the store does it best. */
  readonly algorithm?: RateLimitAlgorithm | undefined;
  /** Of `gcra`: attempts at once after a pause. `undefined`: the limit. */
  readonly burst?: number | undefined;
}

/** An attempt, as a store is asked about it. What is refused is refused by the client, before. */
export interface RateLimitAttempt {
  /** Prefix and identifier. */
  readonly key: string;
  /** The part of the key that events may show. */
  readonly keyPrefix: string;
  /** At least one; all admit, or none counts. */
  readonly rules: readonly RateLimitRule[];
  /** Units that it takes, an integer of at least 1 and at most the smallest limit. */
  readonly cost: number;
  /** Whether a refused attempt is counted as well. */
  readonly countRejected: boolean;
  /** Names the attempt, so that it is counted once however often it is made. */
  readonly requestId?: string | undefined;
}

/** What one rule says about an attempt. */
export interface RuleDecision {
  /** Units left, also of an attempt that was refused because it takes more; 0 when blocked. */
  readonly remaining: number;
  /** When there will be more, in milliseconds since the epoch. */
  readonly resetAt: number;
  /** Milliseconds until an attempt of this cost can be allowed; 0 when it can be now. */
  readonly retryAfterMs: number;
}

/** What a store decided about an attempt. */
export interface RateLimitDecision {
  readonly allowed: boolean;
  readonly reason: 'allowed' | 'limit-exceeded' | 'blocked';
  /** By rule, in the order asked. */
  readonly rules: readonly RuleDecision[];
  readonly retryAfterMs: number;
  /** Whether attempts made elsewhere can be missing from the count. */
  readonly approximate: boolean;
  readonly decidedBy: RateLimitDecider;
}

/**
 * Where a rate limiter counts. What a store cannot do it refuses with `INVALID_OPTION`. Where an answer is at hand, it is given at once, not as a
 * promise: a client that is refused from memory should cost next to nothing.
 */
export interface RateLimitStore {
  /** What it counts in, such as a binding, where stores are made per request: memory that stands in for it is kept by that. */
  readonly origin?: object | undefined;
  /** Decides about an attempt and counts it. */
  consume(attempt: RateLimitAttempt): RateLimitDecision | Promise<RateLimitDecision>;
  /** What is known about an attempt without a call, so that a filter before this store is not asked in vain: as `consume`, or `undefined`. */
  recall?(attempt: RateLimitAttempt): RateLimitDecision | undefined;
  /** What `consume` would answer; nothing is counted. */
  peek?(attempt: RateLimitAttempt): RateLimitDecision | Promise<RateLimitDecision>;
  /** Gives the units of an attempt back: of the one with its `requestId`, once, where it has one. Answers how many. */
  refund?(attempt: RateLimitAttempt): Promise<number>;
  /** Refuses everything under `key` for so many milliseconds. Answers when the block ends, in milliseconds since the epoch. */
  block?(key: string, keyPrefix: string, durationMs: number): Promise<number>;
  /** Forgets the counts and the block of `key`. */
  reset(key: string, keyPrefix: string): Promise<void>;
}
