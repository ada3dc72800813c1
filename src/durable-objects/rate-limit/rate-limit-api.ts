/**
 * How attempts are counted.
 *
 * - `sliding-window`: in any window at most `limit`; times are kept in 64 slots of a window, so an attempt may be admitted up to a 64th of the
 *   window later than it could be.
 * - `sliding-log`: the same, each attempt with its own time: never refused in vain. Limits up to 10,000.
 * - `fixed-window`: a window starts with the first attempt; across the border of two up to twice the limit come through.
 * - `gcra`: a steady rate of `limit` per window with a burst; in any window at most `limit + burst`.
 */
export type RateLimitAlgorithm = 'sliding-window' | 'sliding-log' | 'fixed-window' | 'gcra';

/** A rule as an object needs it. What is counted is kept by algorithm and window: another limit goes on with the same count. */
export interface ObjectRule {
  readonly algorithm: RateLimitAlgorithm;
  readonly limit: number;
  readonly windowMs: number;
  /** Of `gcra` alone: attempts at once after a pause. */
  readonly burst: number;
}

/** An attempt. All of its rules admit it, or none counts it. */
export interface CheckRequest {
  readonly rules: readonly ObjectRule[];
  /** Units that the attempt takes. */
  readonly cost: number;
  /** Whether a refused attempt is counted as well. */
  readonly countRejected: boolean;
  /** Sent again with the same id, an admitted attempt is answered as the first time and not counted again. */
  readonly operationId: string;
  /** How long the id is remembered at least, in milliseconds; 0: for as long as a caller tries again. */
  readonly rememberMs: number;
  /**
   * Units to be taken ahead, for attempts that the caller decides about itself within `ttlMs`: as many as there are, from 0 to `units`. They count
   * as if taken at the end of that time, so no window can hold more than the limit. Not with `gcra`.
   */
  readonly lease?: { readonly units: number; readonly ttlMs: number };
}

/** What one rule says. */
export interface RuleReply {
  /** Units left. */
  readonly remaining: number;
  /** When there will be more, in milliseconds since the epoch by the object's clock; now when there is no more to have. */
  readonly resetAt: number;
  /** Milliseconds until an attempt of this cost can be admitted; 0 when it is. `Infinity` is never sent: a cost above the limit is refused before. */
  readonly retryAfterMs: number;
}

/** What became of an attempt. */
export interface CheckReply {
  readonly allowed: boolean;
  readonly reason: 'allowed' | 'limit-exceeded' | 'blocked';
  /** By rule, in the order asked. */
  readonly rules: readonly RuleReply[];
  /** Milliseconds until an attempt of this cost can be admitted by all; 0 when it is. */
  readonly retryAfterMs: number;
  /** Units that the caller may spend beyond this attempt; 0 without a lease. */
  readonly leased: number;
  /** Whether the attempt was made before. */
  readonly replayed: boolean;
}

/** Units to be given back. */
export interface RefundRequest {
  readonly rules: readonly ObjectRule[];
  /** Units; with `attemptId` those that the attempt took, whatever stands here. */
  readonly cost: number;
  /** The attempt's operation id: what it took is given back once, and nothing if it was not admitted. */
  readonly attemptId?: string;
  readonly operationId: string;
}

/** The methods of a rate-limit object. Every key has an object of its own. */
export interface RateLimitApi {
  /** Decides about an attempt and counts it. */
  check(request: CheckRequest): CheckReply;
  /** What `check` would answer; nothing is counted. */
  peek(request: Pick<CheckRequest, 'rules' | 'cost'>): CheckReply;
  /** Gives units back; answers how many. */
  refund(request: RefundRequest): { readonly refunded: number };
  /** Refuses everything for so many milliseconds from now, in place of an earlier block; answers when it ends. */
  block(request: { readonly durationMs: number }): { readonly blockedUntil: number };
  /** Forgets counts and block. */
  reset(): void;
}
