/** A rule as a store needs it. */
export interface RateLimitRule {
  /** Attempts allowed in one window, an integer of at least 1. */
  readonly limit: number;
  /** Length of the window in milliseconds. */
  readonly windowMs: number;
  /** The part of the key that events may show. */
  readonly keyPrefix: string;
}

/** What a store decided about one attempt. */
export interface RateLimitDecision {
  readonly allowed: boolean;
  /** Attempts left in this window, 0 when refused. */
  readonly remaining: number;
  /** When the window ends, in milliseconds since the epoch; the same for every attempt of a window. */
  readonly resetAt: number;
  /** Whether attempts made elsewhere can be missing from the count. */
  readonly approximate: boolean;
}

/**
 * Where a rate limiter counts. A window starts with the first attempt; an attempt that is refused is not counted.
 * `KVRateLimitStore` is one; a Durable Object can be an exact one.
 */
export interface RateLimitStore {
  /** Decides about one attempt and counts it when it is allowed. */
  consume(key: string, rule: RateLimitRule): Promise<RateLimitDecision>;
  /** Forgets every attempt of `key`. */
  reset(key: string, keyPrefix: string): Promise<void>;
}
