import { BoundedMap } from './bounded-map.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitRule, RuleDecision } from './rate-limit-store.js';

const MAX_ENTRIES = 10_000;

interface Block {
  readonly reason: 'limit-exceeded' | 'blocked';
  readonly rules: readonly RateLimitRule[];
  readonly decisions: readonly RuleDecision[];
  readonly cost: number;
  readonly retryAfterMs: number;
  /** When the object was asked, by the clock of this isolate: it decided then or later. */
  readonly askedAt: number;
  readonly until: number;
}

/** How long a refusal is remembered. */
export interface BlockTime {
  /** When the object was asked, by the clock of this isolate. */
  readonly askedAt: number;
  /** At most so many milliseconds from then. */
  readonly maxBlockMs: number;
}

/**
 * Remembers refusals, so that who is refused already costs no call. A refusal holds for the same rules and the same cost or more, and a block for
 * all, until the attempt could be admitted: the object said how long that is, and it said so after it was asked, so counted from the asking it is
 * never too long; of an attempt that takes more it is what it is at least. It ends earlier after `maxBlockMs`, as a reset elsewhere is not heard of.
 */
export class BlockCache {
  readonly #blocks = new BoundedMap<Block>(MAX_ENTRIES);

  /** The refusal of an attempt, or `undefined` when the object is to be asked. */
  find(attempt: RateLimitAttempt, now: number): RateLimitDecision | undefined {
    const block = this.#blocks.get(attempt.key);
    if (block === undefined) return undefined;
    const elapsed = now - block.askedAt;
    // A clock that was set back says nothing about how much of the time is over.
    if (now >= block.until || elapsed < 0) {
      this.#blocks.delete(attempt.key);
      return undefined;
    }
    if (block.reason !== 'blocked' && !isCovered(attempt, block)) return undefined;
    return {
      allowed: false,
      reason: block.reason,
      rules: block.reason === 'blocked' ? attempt.rules.map(() => blockedRule(block)) : later(block.decisions, elapsed),
      retryAfterMs: block.retryAfterMs - elapsed,
      approximate: false,
      decidedBy: 'isolate',
    };
  }

  /** Remembers that an attempt was refused. */
  refuse(attempt: RateLimitAttempt, decision: RateLimitDecision, { askedAt, maxBlockMs }: BlockTime): void {
    const { reason, rules: decisions, retryAfterMs } = decision;
    if (reason === 'allowed' || retryAfterMs <= 0) return;
    const until = askedAt + Math.min(retryAfterMs, maxBlockMs);
    const { key, rules, cost } = attempt;
    this.#blocks.set(key, { reason, rules, decisions, cost, retryAfterMs, askedAt, until });
  }

  /** Remembers a block. */
  block(key: string, durationMs: number, { askedAt, maxBlockMs }: BlockTime): void {
    const until = askedAt + Math.min(durationMs, maxBlockMs);
    const told = { reason: 'blocked', rules: [], decisions: [], cost: 1 } as const;
    this.#blocks.set(key, { ...told, retryAfterMs: durationMs, askedAt, until });
  }

  /** Forgets what is known of `key`. */
  forget(key: string): void {
    this.#blocks.delete(key);
  }
}

function isCovered({ rules, cost }: RateLimitAttempt, block: Block): boolean {
  if (cost < block.cost || rules.length !== block.rules.length) return false;
  for (let index = 0; index < rules.length; index += 1) {
    if (!isSameRule(rules[index], block.rules[index])) return false;
  }
  return true;
}

/** Whether two rules count alike. */
export function isSameRule(one: RateLimitRule | undefined, other: RateLimitRule | undefined): boolean {
  return (
    one?.limit === other?.limit &&
    one?.windowMs === other?.windowMs &&
    one?.algorithm === other?.algorithm &&
    one?.burst === other?.burst
  );
}

function later(decisions: readonly RuleDecision[], elapsed: number): RuleDecision[] {
  return decisions.map(({ remaining, resetAt, retryAfterMs }) => ({
    remaining,
    resetAt,
    retryAfterMs: Math.max(0, retryAfterMs - elapsed),
  }));
}

function blockedRule({ askedAt, retryAfterMs }: Block): RuleDecision {
  return { remaining: 0, resetAt: askedAt + retryAfterMs, retryAfterMs };
}
