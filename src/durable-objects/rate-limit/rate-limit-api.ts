/**
 * How attempts are counted.
 *
 * - `sliding-window`: in any window at most `limit`; times are kept in 64 slots of a window, so an attempt may be admitted up to a 64th of the
 *   window later than it could be.
 * - `sliding-log`: the same, each attempt with its own time: never refused in vain. Limits up to 10,000; what is written for an attempt is as long as
 *   the log, some ten bytes for each attempt in it.
 * - `fixed-window`: a window starts with the first attempt; across the border of two up to twice the limit come through.
 * - `gcra`: a steady rate of `limit` per window with a burst; in any window at most `limit + burst`.
 */
export type RateLimitAlgorithm = 'sliding-window' | 'sliding-log' | 'fixed-window' | 'gcra';

/**
 * A rule as an object needs it, all integers. What is counted is kept by algorithm and window: another limit goes on with the same count, and two
 * rules of one attempt that share both share their count, which the client refuses.
 */
export interface ObjectRule {
  readonly algorithm: RateLimitAlgorithm;
  /** Units in a window, at least 1. */
  readonly limit: number;
  /** At least 1. */
  readonly windowMs: number;
  /** Of `gcra` alone: units at once after a pause, at least 1. */
  readonly burst: number;
}

/** An attempt. All of its rules admit it, or none counts it. */
export interface CheckRequest {
  /** At least one. */
  readonly rules: readonly ObjectRule[];
  /** Units that the attempt takes, an integer of at least 1. The client refuses more than the smallest limit, for `gcra` the burst. */
  readonly cost: number;
  /** Whether a refused attempt is counted as well, by all rules; one that is refused by a block never is. */
  readonly countRejected: boolean;
  /**
   * Sent again with the same id, an admitted attempt is answered as the first time and not counted again. Decided anew is one that was refused, one
   * that was given back, and one that takes another cost or asks another number of rules. Empty for what is not sent again: nothing is remembered.
   */
  readonly operationId: string;
  /**
   * How long the id is remembered, in milliseconds, and a minute at least. Up to a minute costs nothing, as every id is remembered so long; above it
   * the id has a row of its own, of which an object keeps the newest 1,024. 0 for an id that is sent again for want of an answer alone: its answer
   * stands also when the key was blocked since. A block refuses one that is remembered by name.
   */
  readonly rememberMs: number;
  /**
   * Units to be taken ahead, for attempts that the caller decides about itself within `ttlMs` of sending: from 0 to `units`, and no more than an eighth
   * of what is left, so that one caller cannot strand the quota. They count as if taken at the end of that time, so no window holds more than the
   * limit. None with `gcra`, and none of a `fixed-window` that ends before the lease does.
   */
  readonly lease?: { readonly units: number; readonly ttlMs: number };
}

/** What one rule says. */
export interface RuleReply {
  /** Units left, also of an attempt that was refused because it takes more. */
  readonly remaining: number;
  /** When there will be more, in milliseconds since the epoch by the object's clock; now when there is no more to have. */
  readonly resetAt: number;
  /**
   * Milliseconds until an attempt of this cost can be admitted by the rule: then it is if nothing else happens, and no sooner. 0 when it is admitted.
   * `Number.MAX_SAFE_INTEGER` for a cost that the rule can never admit.
   */
  readonly retryAfterMs: number;
}

/** What became of an attempt. */
export interface CheckReply {
  readonly allowed: boolean;
  readonly reason: 'allowed' | 'limit-exceeded' | 'blocked';
  /** By rule, in the order asked. */
  readonly rules: readonly RuleReply[];
  /** Milliseconds until an attempt of this cost can be admitted by all, and a block is over; 0 when it is admitted. */
  readonly retryAfterMs: number;
  /** Units that the caller may spend beyond this attempt; 0 without a lease, and when the attempt is replayed, as the first answer may have come. */
  readonly leased: number;
  /** Whether the attempt was made before. */
  readonly replayed: boolean;
}

/** Units to be given back: what a window that is over held is not. */
export interface RefundRequest {
  readonly rules: readonly ObjectRule[];
  /** Units; with `attemptId` those that the attempt took, whatever stands here. */
  readonly cost: number;
  /** The attempt's operation id: what it took, without its lease, is given back once, and nothing if it was not admitted or its id is forgotten. */
  readonly attemptId?: string;
  /** Sent again with the same id, nothing more is given back. Empty for what is not sent again. */
  readonly operationId: string;
}

/** The methods of a rate-limit object. Every key has an object of its own. */
export interface RateLimitApi {
  /** Decides about an attempt and counts it. */
  check(request: CheckRequest): CheckReply;
  /** What `check` would answer, without counting: `remaining` is what is left before the attempt. */
  peek(request: Pick<CheckRequest, 'rules' | 'cost'>): CheckReply;
  /** Gives units back; answers how many: the most that a rule gave back. */
  refund(request: RefundRequest): { readonly refunded: number };
  /** Refuses everything for so many milliseconds from now, in place of an earlier block (0 ends it); answers when it ends. */
  block(request: { readonly durationMs: number }): { readonly blockedUntil: number };
  /** Forgets counts, block and operations. */
  reset(): void;
}
