import type { RateLimitDecider } from '../../events.js';

/** Why an attempt was decided as it was. */
export type RateLimitReason =
  /** There was room. */
  | 'allowed'
  /** There was none. */
  | 'limit-exceeded'
  /** The identifier was blocked by `block`. */
  | 'blocked'
  /** The store did not answer: `onStoreError` decided. */
  | 'store-error'
  /** It would have been refused, but the limiter only watches (`shadow`). */
  | 'shadow';

/** What one rule says about an attempt. */
export interface RateLimitRuleResult {
  /** The rule's name, for headers: the given one, or `default`; of several rules without one `5-per-900s`. */
  name: string;
  /** The rule's limit. */
  limit: number;
  /** The rule's window in seconds. */
  window: number;
  /**
   * Units left, also of an attempt that was refused because it takes more; 0 when blocked. Where the store cannot know (`decidedBy: 'binding'`), the
   * most that there can be.
   */
  remaining: number;
  /**
   * When there will be more, in milliseconds since the epoch. Of a fixed window its end, the same for every attempt of it; of a binding, which does
   * not say, the latest time that it can be.
   */
  resetAt: number;
  /** Milliseconds until an attempt of this cost can be allowed; 0 when it can be now. */
  retryAfterMs: number;
}

/** What became of an attempt. Of several rules, limit and the like are those of the rule that is nearest to refusing, or longest in refusing. */
export interface RateLimitResult extends RateLimitRuleResult {
  /** Whether to go on. */
  allowed: boolean;
  /** Milliseconds until an attempt of this cost can be allowed; 0 when this one was. In shadow mode what it would have been. */
  retryAfterMs: number;
  /**
   * Whether attempts made elsewhere can be missing from the count: `false` on a Durable Object, `true` on KV, on a binding, in memory, and when
   * `onStoreError` decided.
   */
  approximate: boolean;
  /** Why it was decided so. */
  reason: RateLimitReason;
  /** Where it was decided; `isolate`: from what this isolate knew, without a call. */
  decidedBy: RateLimitDecider;
}

/** What became of an attempt under several rules. */
export interface RateLimitsResult extends RateLimitResult {
  /** By rule, in the order given. When refused, none of them counted the attempt. */
  rules: readonly RateLimitRuleResult[];
}
