import type { Limiter } from '../../src/clients/rate-limit/enforce-limit.js';
import type {
  RateLimitAttemptConfig,
  RateLimitConfig,
  RateLimitRuleConfig,
  RateLimitsConfig,
} from '../../src/clients/rate-limit/rate-limit-config.js';
import type { RateLimitResult, RateLimitsResult } from '../../src/clients/rate-limit/rate-limit-result.js';

/** A limiter that counts units per prefix and identifier, never forgets any, and records what it was asked. */
export class FakeLimiter implements Limiter {
  readonly calls: { identifier: string; config: RateLimitAttemptConfig }[] = [];
  readonly #used = new Map<string, number>();

  async checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    return this.#decide(identifier, config, [config]);
  }

  async checkLimits(identifier: string, config: RateLimitsConfig): Promise<RateLimitsResult> {
    const result = this.#decide(identifier, config, config.rules);
    return { ...result, rules: [result] };
  }

  #decide(identifier: string, config: RateLimitAttemptConfig, rules: readonly RateLimitRuleConfig[]): RateLimitResult {
    this.calls.push({ identifier, config });
    const key = config.keyPrefix + identifier;
    const used = this.#used.get(key) ?? 0;
    const { limit, window, name = 'default' } = rules.reduce((one, other) => (other.limit < one.limit ? other : one));
    const cost = config.cost ?? 1;
    const allowed = used + cost <= limit;
    if (allowed) this.#used.set(key, used + cost);
    return {
      allowed,
      name,
      limit,
      window,
      remaining: allowed ? limit - used - cost : 0,
      resetAt: 60_000,
      retryAfterMs: allowed ? 0 : 2_500,
      approximate: false,
      reason: allowed ? 'allowed' : 'limit-exceeded',
      decidedBy: 'custom',
    };
  }
}
