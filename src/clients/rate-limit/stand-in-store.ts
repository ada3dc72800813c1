import type { ObjectRule } from '../../durable-objects/rate-limit/rate-limit-api.js';
import type { Algorithm } from '../../durable-objects/rate-limit/algorithm.js';
import type { CountState } from '../../durable-objects/rate-limit/algorithms.js';
import { fixedWindow } from '../../durable-objects/rate-limit/fixed-window.js';
import { slidingWindow } from '../../durable-objects/rate-limit/sliding-window.js';
import { BoundedMap } from './bounded-map.js';
import { toObjectRule } from './object-requests.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore, RuleDecision } from './rate-limit-store.js';

const MAX_KEYS = 10_000;

/** A rule's count in a key. */
interface Count {
  readonly rule: ObjectRule;
  readonly state: CountState;
}

/** What is counted of one key, by algorithm and window: rules that share no count in an object share none here. */
type Counts = Map<string, Count>;

/**
 * Counts in this isolate while what a limiter counts in does not answer. It is small, as every limiter carries it: it counts in fixed windows where the
 * rule says so and in sliding ones of 64 slots for all others, which never admit more than the limit, and knows no attempt again by its `requestId`.
 * It keeps 10,000 keys, those in use longest.
 */
export class StandInStore implements RateLimitStore {
  readonly #keys = new BoundedMap<Counts>(MAX_KEYS);
  readonly #now: () => number;

  /** Takes the clock, in milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Decides about an attempt and counts it. */
  consume(attempt: RateLimitAttempt): RateLimitDecision {
    const { key, cost } = attempt;
    const now = this.#now();
    this.#dropOver(now);
    const counts = liveCounts(this.#keys.get(key), now);
    const rules = attempt.rules.map(toObjectRule);
    const allowed = isAdmitted(counts, rules, cost, now);
    if (allowed || attempt.countRejected) {
      for (const rule of rules) take(counts, rule, cost, now);
      this.#keys.set(key, counts);
    }
    return decisionOf(counts, rules, allowed ? undefined : cost, now);
  }

  /** What `consume` would answer. */
  peek({ key, rules, cost }: RateLimitAttempt): RateLimitDecision {
    const now = this.#now();
    const counts = liveCounts(this.#keys.get(key), now);
    const asked = rules.map(toObjectRule);
    return decisionOf(counts, asked, isAdmitted(counts, asked, cost, now) ? undefined : cost, now);
  }

  /** Forgets the counts of `key`. */
  reset(key: string): Promise<void> {
    this.#keys.delete(key);
    return Promise.resolve();
  }

  /** Forgets the oldest key when nothing in it matters: each call takes one away, so they do not heap up. */
  #dropOver(now: number): void {
    const oldest = this.#keys.oldest();
    if (oldest !== undefined && liveCounts(oldest[1], now).size === 0) this.#keys.delete(oldest[0]);
  }
}

function algorithmOf({ algorithm }: ObjectRule): Algorithm<CountState> {
  return algorithm === 'fixed-window' ? fixedWindow : slidingWindow;
}

function nameOf({ algorithm, windowMs }: ObjectRule): string {
  return `${algorithm} ${windowMs}`;
}

/** A copy of what still matters. */
function liveCounts(counts: Counts | undefined, now: number): Counts {
  const live: Counts = new Map();
  for (const [name, count] of counts ?? []) {
    if (algorithmOf(count.rule).overAt(count.state, count.rule.windowMs) > now) live.set(name, count);
  }
  return live;
}

function stateOf(counts: Counts, rule: ObjectRule): CountState {
  return counts.get(nameOf(rule))?.state ?? algorithmOf(rule).none;
}

function waitOf(counts: Counts, rule: ObjectRule, units: number, now: number): number {
  return algorithmOf(rule).waitFor(stateOf(counts, rule), rule, units, now);
}

function isAdmitted(counts: Counts, rules: readonly ObjectRule[], cost: number, now: number): boolean {
  return rules.every((rule) => waitOf(counts, rule, cost, now) === 0);
}

function take(counts: Counts, rule: ObjectRule, cost: number, now: number): void {
  const state = algorithmOf(rule).take(stateOf(counts, rule), rule, cost, { at: now, now });
  counts.set(nameOf(rule), { rule, state });
}

/** What there is to say after an attempt; `refusedCost`: of one that was refused. */
function decisionOf(
  counts: Counts,
  rules: readonly ObjectRule[],
  refusedCost: number | undefined,
  now: number,
): RateLimitDecision {
  const decisions = rules.map((rule): RuleDecision => {
    const remaining = algorithmOf(rule).remaining(stateOf(counts, rule), rule, now);
    const resetAt = remaining >= rule.limit ? now : now + waitOf(counts, rule, remaining + 1, now);
    return { remaining, resetAt, retryAfterMs: refusedCost === undefined ? 0 : waitOf(counts, rule, refusedCost, now) };
  });
  return {
    allowed: refusedCost === undefined,
    reason: refusedCost === undefined ? 'allowed' : 'limit-exceeded',
    rules: decisions,
    retryAfterMs: Math.max(0, ...decisions.map(({ retryAfterMs }) => retryAfterMs)),
    approximate: true,
    decidedBy: 'memory',
  };
}
