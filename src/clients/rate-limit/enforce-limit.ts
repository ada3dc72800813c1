import { CloudflareClientError } from '../../errors.js';
import type { RateLimitConfig, RateLimitsConfig } from './rate-limit-config.js';
import type { RateLimitResult, RateLimitsResult } from './rate-limit-result.js';
import { tooManyRequests } from './too-many-requests.js';

/** What decides about attempts: a `RateLimiterClient`, or a double of one. */
export interface Limiter {
  /** Decides about an attempt under one rule. */
  checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult>;
  /** Decides about an attempt under several rules. */
  checkLimits(identifier: string, config: RateLimitsConfig): Promise<RateLimitsResult>;
}

/** A limit refused a call, with the code `RATE_LIMITED`. The message names the limit and its prefix, never the identifier. */
export class RateLimitExceeded extends CloudflareClientError {
  /** What the limiter decided; `tooManyRequests` makes a response of it. */
  readonly result: RateLimitResult | RateLimitsResult;

  constructor(result: RateLimitResult | RateLimitsResult, keyPrefix: string) {
    super('RATE_LIMITED', sentenceOf(result, keyPrefix));
    this.result = result;
  }

  /**
   * What a framework answers with: `defineWorker` does by itself, and so does Hono, which asks what is thrown for its response.
   *
   * @returns the response of `tooManyRequests`.
   */
  getResponse(): Response {
    return tooManyRequests(this.result);
  }
}

/**
 * Decides about an attempt as `checkLimit` does, or with `rules` as `checkLimits`, and throws where it is refused. What `@RateLimited` does before a method.
 *
 * @param limiter what decides.
 * @param identifier who attempts.
 * @param config the rule, or several.
 * @returns what was decided: the attempt is allowed.
 * @throws {RateLimitExceeded} `RATE_LIMITED`, holding what was decided; what `checkLimit` and `checkLimits` throw.
 * @example
 * ```ts
 * try {
 *   await enforceLimit(new RateLimiterClient(env.RATE_LIMIT_KV), ip, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 * } catch (error) {
 *   if (!(error instanceof RateLimitExceeded)) throw error;
 *   const response = tooManyRequests(error.result);
 * }
 * ```
 */
export async function enforceLimit(
  limiter: Limiter,
  identifier: string,
  config: RateLimitConfig | RateLimitsConfig,
): Promise<RateLimitResult | RateLimitsResult> {
  const result = await ('rules' in config
    ? limiter.checkLimits(identifier, config)
    : limiter.checkLimit(identifier, config));
  if (!result.allowed) throw new RateLimitExceeded(result, config.keyPrefix);
  return result;
}

function sentenceOf({ limit, window, reason, retryAfterMs }: RateLimitResult, keyPrefix: string): string {
  const rule = `The limit of ${limit} per ${window} s under ${JSON.stringify(keyPrefix)}`;
  const again = `Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
  if (reason === 'store-error') return `${rule} could not be checked, and calls are refused then. ${again}`;
  if (reason === 'blocked') return `The caller is blocked under ${JSON.stringify(keyPrefix)}. ${again}`;
  return `${rule} is used up. ${again}`;
}
