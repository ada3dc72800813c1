import { isSameRule } from './block-cache.js';
import { BoundedMap } from './bounded-map.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitRule, RuleDecision } from './rate-limit-store.js';

const MAX_ENTRIES = 10_000;

interface Lease {
  readonly rules: readonly RateLimitRule[];
  /** What the object said when it gave the lease. */
  readonly decisions: readonly RuleDecision[];
  readonly askedAt: number;
  readonly until: number;
  units: number;
}

/**
 * Units that the objects gave ahead, for attempts that are decided here. A lease lasts from the asking for it: the object counts its units until
 * later, so none is spent after it stopped counting. Units that are not spent lapse.
 */
export class LeaseBook {
  readonly #leases = new BoundedMap<Lease>(MAX_ENTRIES);
  /** Until when a lease is being asked for, by key: one at a time, or a burst would take many. */
  readonly #asking = new BoundedMap<number>(MAX_ENTRIES);

  /** Admits an attempt from the lease of its key, or answers `undefined`. */
  spend(attempt: RateLimitAttempt, now: number): RateLimitDecision | undefined {
    const lease = this.#leases.get(attempt.key);
    if (lease === undefined) return undefined;
    if (now >= lease.until || now < lease.askedAt) {
      this.#leases.delete(attempt.key);
      return undefined;
    }
    if (lease.units < attempt.cost || !areSameRules(attempt.rules, lease.rules)) return undefined;
    lease.units -= attempt.cost;
    const { decisions, units } = lease;
    const rules = decisions.map(({ remaining, resetAt }) => ({
      remaining: remaining + units,
      resetAt,
      retryAfterMs: 0,
    }));
    return { allowed: true, reason: 'allowed', rules, retryAfterMs: 0, approximate: false, decidedBy: 'isolate' };
  }

  /** Whether to ask for a lease now; the answer is to be given to `keep`, or `giveUp` called. */
  begin(key: string, now: number, timeoutMs: number): boolean {
    // Of other rules, or of too little for this attempt: another in its place would strand its units.
    const lease = this.#leases.get(key);
    if (lease !== undefined && lease.units > 0 && now >= lease.askedAt && now < lease.until) return false;
    const askingUntil = this.#asking.get(key);
    if (askingUntil !== undefined && now < askingUntil) return false;
    // A time and not a flag: a request that asks can die.
    this.#asking.set(key, now + timeoutMs);
    return true;
  }

  /** Nothing is being asked for any longer. */
  giveUp(key: string): void {
    this.#asking.delete(key);
  }

  /** Keeps what was given. */
  keep(attempt: RateLimitAttempt, lease: Omit<Lease, 'rules'>): void {
    if (lease.units > 0) this.#leases.set(attempt.key, { ...lease, rules: attempt.rules });
  }

  /** Forgets the lease of `key`. */
  forget(key: string): void {
    this.#leases.delete(key);
  }
}

function areSameRules(some: readonly RateLimitRule[], others: readonly RateLimitRule[]): boolean {
  return some.length === others.length && some.every((rule, index) => isSameRule(rule, others[index]));
}
