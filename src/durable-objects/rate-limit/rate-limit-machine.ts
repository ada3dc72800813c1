import type { ObjectHost, ObjectMachine } from '../object-host.js';
import { JOURNAL_MS } from '../operation-journal.js';
import type { Moment } from './algorithm.js';
import { ALGORITHMS } from './algorithms.js';
import type { CheckReply, CheckRequest, ObjectRule, RateLimitApi, RefundRequest, RuleReply } from './rate-limit-api.js';
import { RateLimitState } from './rate-limit-state.js';

/** What is leased at once is at most this part of what is left. */
const LEASE_SHARE = 8;
// Ids of operations of different kinds are told apart by what they begin with.
const CHECK = '+';
const REFUND = '-';
const REFUND_OF = '~';

/** What is kept of an attempt that was admitted: when, how much, and for each rule what was left and when there was to be more. */
type AttemptRecord = readonly [at: number, cost: number, ...remainingAndResetAt: number[]];

/**
 * The rate limiter of one key. It decides and counts in one step without waiting, keeps what it knows in memory, and writes one row for an attempt that
 * it admits and none for one that it refuses. When nothing that it counted matters any more, its alarm empties it.
 */
export class RateLimitMachine implements RateLimitApi, ObjectMachine {
  readonly #host: ObjectHost;
  #state: RateLimitState | undefined;

  constructor(host: ObjectHost) {
    this.#host = host;
  }

  /** Decides about an attempt and counts it. */
  check(request: CheckRequest): CheckReply {
    const { rules, cost, countRejected, operationId } = request;
    const state = this.#read();
    const now = this.#host.now();
    const id = `${CHECK}${operationId}`;
    const known = state.journal.find(id) ?? state.remembered.find(id, now);
    if (known !== undefined) return replay(known);
    if (state.blockedUntil > now) return refusal(state, request, now);
    if (!isAdmitted(state, request, now)) {
      if (countRejected) this.#write(state, now, () => takeAll(state, rules, cost, { at: now, now }));
      return refusal(state, request, now);
    }
    let leased = 0;
    let replies: readonly RuleReply[] = [];
    this.#write(state, now, () => {
      takeAll(state, rules, cost, { at: now, now });
      leased = takeLease(state, request, now);
      replies = rules.map((rule) => ruleReply(state, rule, now, 0));
      remember(state, request, now, replies);
    });
    return { allowed: true, reason: 'allowed', rules: replies, retryAfterMs: 0, leased, replayed: false };
  }

  /** What `check` would answer; nothing is counted. */
  peek(request: Pick<CheckRequest, 'rules' | 'cost'>): CheckReply {
    const state = this.#read();
    const now = this.#host.now();
    if (state.blockedUntil > now || !isAdmitted(state, request, now)) return refusal(state, request, now);
    const rules = request.rules.map((rule) => ruleReply(state, rule, now, 0));
    return { allowed: true, reason: 'allowed', rules, retryAfterMs: 0, leased: 0, replayed: false };
  }

  /** Gives units back: those of an attempt once, or so many as are still counted. */
  refund({ rules, cost, attemptId, operationId }: RefundRequest): { readonly refunded: number } {
    const state = this.#read();
    const now = this.#host.now();
    const id = `${REFUND}${operationId}`;
    const [known] = state.journal.find(id) ?? [];
    if (known !== undefined) return { refunded: known };
    const { at, units } = attemptId === undefined ? { at: undefined, units: cost } : takenBy(state, attemptId, now);
    // What was given back by number is known even if it was nothing: sent again, it must not find what was counted since.
    if (units === 0 && attemptId !== undefined) return { refunded: 0 };
    let refunded = 0;
    this.#write(state, now, () => {
      refunded = giveBackAll(state, rules, units, { at, now });
      state.journal.add(id, [refunded], now);
      if (attemptId !== undefined) markRefunded(state, attemptId, now);
    });
    return { refunded };
  }

  /** Refuses everything for so many milliseconds from now; 0 ends a block. */
  block({ durationMs }: { readonly durationMs: number }): { readonly blockedUntil: number } {
    const state = this.#read();
    const now = this.#host.now();
    const blockedUntil = now + durationMs;
    if (durationMs <= 0 && state.blockedUntil <= now) return { blockedUntil };
    const isShorter = blockedUntil < state.blockedUntil;
    this.#write(state, now, () => (state.blockedUntil = blockedUntil));
    // The alarm of a block that was to last longer comes too late.
    if (isShorter) this.#host.setAlarm(state.overAt);
    return { blockedUntil };
  }

  /** Forgets counts, block and operations. */
  reset(): void {
    this.#state = undefined;
    this.#host.clear();
  }

  /** Empties the object when nothing in it matters any more, or comes back when that is so. */
  alarm(): void {
    const { overAt } = this.#read();
    if (overAt <= this.#host.now()) this.reset();
    else this.#host.setAlarm(overAt);
  }

  #read(): RateLimitState {
    return (this.#state ??= new RateLimitState(this.#host.storage));
  }

  /** Changes the state and stores it. What could not be stored is not kept in memory either. */
  #write(state: RateLimitState, now: number, change: () => void): void {
    // An alarm is under way as long as anything matters, and finds out itself whether it came too soon: one is asked for when nothing does.
    const needsAlarm = state.overAt <= now;
    try {
      change();
      state.write(now);
      if (needsAlarm) this.#host.setAlarm(state.overAt);
    } catch (error) {
      this.#state = undefined;
      throw error;
    }
  }
}

function isAdmitted(
  state: RateLimitState,
  { rules, cost }: Pick<CheckRequest, 'rules' | 'cost'>,
  now: number,
): boolean {
  return rules.every((rule) => waitOf(state, rule, cost, now) === 0);
}

function waitOf(state: RateLimitState, rule: ObjectRule, units: number, now: number): number {
  return ALGORITHMS[rule.algorithm].waitFor(state.countOf(rule), rule, units, now);
}

function refusal(
  state: RateLimitState,
  { rules, cost }: Pick<CheckRequest, 'rules' | 'cost'>,
  now: number,
): CheckReply {
  const replies = rules.map((rule) => ruleReply(state, rule, now, waitOf(state, rule, cost, now)));
  const blockedMs = Math.max(0, state.blockedUntil - now);
  return {
    allowed: false,
    reason: blockedMs > 0 ? 'blocked' : 'limit-exceeded',
    rules: replies,
    retryAfterMs: replies.reduce((longest, { retryAfterMs }) => Math.max(longest, retryAfterMs), blockedMs),
    leased: 0,
    replayed: false,
  };
}

function ruleReply(state: RateLimitState, rule: ObjectRule, now: number, retryAfterMs: number): RuleReply {
  const algorithm = ALGORITHMS[rule.algorithm];
  const count = state.countOf(rule);
  const remaining = algorithm.remaining(count, rule, now);
  const isFull = remaining >= algorithm.capacity(rule);
  const resetAt = isFull ? now : now + algorithm.waitFor(count, rule, remaining + 1, now);
  return { remaining, resetAt, retryAfterMs };
}

/** Takes from all rules. Two that share a count take once. */
function takeAll(state: RateLimitState, rules: readonly ObjectRule[], units: number, moment: Moment): void {
  const counts = rules.map((rule) => ALGORITHMS[rule.algorithm].take(state.countOf(rule), rule, units, moment));
  state.setCounts(rules, counts);
}

/** Takes units ahead; answers how many. */
function takeLease(state: RateLimitState, { rules, lease }: CheckRequest, now: number): number {
  if (lease === undefined) return 0;
  const at = now + lease.ttlMs;
  let units = lease.units;
  for (const rule of rules) {
    const algorithm = ALGORITHMS[rule.algorithm];
    const count = state.countOf(rule);
    if (at > algorithm.leaseEnd(count, rule)) return 0;
    units = Math.min(units, Math.floor(algorithm.remaining(count, rule, now) / LEASE_SHARE));
  }
  if (units > 0) takeAll(state, rules, units, { at, now });
  return Math.max(0, units);
}

/** Gives back to all rules; answers the most that one took back. */
function giveBackAll(
  state: RateLimitState,
  rules: readonly ObjectRule[],
  units: number,
  moment: { readonly at: number | undefined; readonly now: number },
): number {
  const refunds = rules.map((rule) => ALGORITHMS[rule.algorithm].giveBack(state.countOf(rule), rule, units, moment));
  state.setCounts(
    rules,
    refunds.map(({ state: count }) => count),
  );
  return refunds.reduce((most, { given }) => Math.max(most, given), 0);
}

function remember(
  state: RateLimitState,
  { cost, operationId, rememberMs }: CheckRequest,
  now: number,
  replies: readonly RuleReply[],
): void {
  const id = `${CHECK}${operationId}`;
  const record: AttemptRecord = [now, cost, ...replies.flatMap(({ remaining, resetAt }) => [remaining, resetAt])];
  state.journal.add(id, record, now);
  if (rememberMs > JOURNAL_MS) state.remembered.add(id, record, now + rememberMs, now);
}

/** The answer that an attempt had. Its lease may have come with it, and is not given twice. */
function replay([, , ...numbers]: readonly number[]): CheckReply {
  const rules: RuleReply[] = [];
  for (let index = 0; index + 1 < numbers.length; index += 2) {
    rules.push({ remaining: numbers[index] ?? 0, resetAt: numbers[index + 1] ?? 0, retryAfterMs: 0 });
  }
  return { allowed: true, reason: 'allowed', rules, retryAfterMs: 0, leased: 0, replayed: true };
}

/** When an attempt took how much: nothing when it is not known, or its units were given back. */
function takenBy(state: RateLimitState, attemptId: string, now: number): { at: number; units: number } {
  const id = `${CHECK}${attemptId}`;
  const [at = 0, units = 0] = state.remembered.find(id, now) ?? state.journal.find(id) ?? [];
  return { at, units: state.journal.find(`${REFUND_OF}${attemptId}`) === undefined ? units : 0 };
}

function markRefunded(state: RateLimitState, attemptId: string, now: number): void {
  const id = `${CHECK}${attemptId}`;
  state.journal.add(`${REFUND_OF}${attemptId}`, [], now);
  const [at = 0, , ...rest] = state.remembered.find(id, now) ?? [];
  state.remembered.replace(id, [at, 0, ...rest]);
}
