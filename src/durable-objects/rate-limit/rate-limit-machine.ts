import type { ObjectHost, ObjectMachine } from '../object-host.js';
import { JOURNAL_MS } from '../operation-journal.js';
import type { Moment } from './algorithm.js';
import { ALGORITHMS } from './algorithms.js';
import type { CheckReply, CheckRequest, ObjectRule, RateLimitApi, RefundRequest, RuleReply } from './rate-limit-api.js';
import { RateLimitState } from './rate-limit-state.js';

/** What is leased at once is at most this part of what is left. */
const LEASE_SHARE = 8;
// A large burst that leaks slowly is not over before the end of time. The alarm finds out itself whether it came too soon.
const LONGEST_ALARM_MS = 365 * 86_400_000;
// Ids of operations of different kinds are told apart by what they begin with.
const CHECK = '+';
const REFUND = '-';

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
    const { rules, cost, countRejected, operationId, rememberMs } = request;
    const state = this.#read();
    const now = this.#host.now();
    const isBlocked = state.blockedUntil > now;
    // A block is for everything that comes later, also under an old name; the answer that got lost is from before it.
    const known = isBlocked && rememberMs > 0 ? undefined : recordOf(state, operationId, now);
    if (known !== undefined && isSameAttempt(known, request)) return replay(known);
    if (isBlocked) return refusal(state, request, now);
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
    const attempt = attemptId === undefined ? undefined : recordOf(state, attemptId, now);
    // What was given back by number is known even if it was nothing: sent again, it must not find what was counted since.
    if (attempt === undefined && attemptId !== undefined) return { refunded: 0 };
    const [at, units] = attempt ?? [undefined, cost];
    let refunded = 0;
    this.#write(state, now, () => {
      refunded = giveBackAll(state, rules, units, { at, now });
      if (operationId !== '') state.journal.add(id, [refunded], now);
      if (attemptId !== undefined) forgetAttempt(state, attemptId);
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
    if (isShorter) this.#wake(state, now);
    return { blockedUntil };
  }

  /** Forgets counts, block and operations. */
  reset(): void {
    this.#state = undefined;
    this.#host.clear();
  }

  /** Empties the object when nothing in it matters any more, or comes back when that is so. */
  alarm(): void {
    const state = this.#read();
    const now = this.#host.now();
    if (state.overAt <= now) this.reset();
    else this.#wake(state, now);
  }

  #read(): RateLimitState {
    return (this.#state ??= new RateLimitState(this.#host.storage));
  }

  #wake(state: RateLimitState, now: number): void {
    this.#host.setAlarm(Math.min(state.overAt, now + LONGEST_ALARM_MS));
  }

  /** Changes the state and stores it. What could not be stored is not kept in memory either. */
  #write(state: RateLimitState, now: number, change: () => void): void {
    // An alarm is under way as long as anything matters: one is asked for when nothing does.
    const needsAlarm = state.overAt <= now;
    try {
      change();
      state.write(now);
      if (needsAlarm) this.#wake(state, now);
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
  if (operationId === '') return;
  const id = `${CHECK}${operationId}`;
  forgetAttempt(state, operationId);
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

/** What is kept of an attempt: `undefined` when it is not known, was given back, or its time is over. */
function recordOf(state: RateLimitState, operationId: string, now: number): AttemptRecord | undefined {
  const id = `${CHECK}${operationId}`;
  const remembered = state.remembered.find(id, now) as AttemptRecord | undefined;
  if (remembered !== undefined) return remembered;
  // The journal forgets when it writes: with nothing but refusals that can be long after the minute.
  const known = state.journal.find(id) as AttemptRecord | undefined;
  return known === undefined || known[0] + JOURNAL_MS <= now ? undefined : known;
}

/** Whether an attempt is the one that was made under its id. Another under the same id must not pass for free. */
function isSameAttempt([, units, ...numbers]: AttemptRecord, { rules, cost }: CheckRequest): boolean {
  return units === cost && numbers.length === 2 * rules.length;
}

/** Made again after it was given back, an attempt counts: it holds nothing any more. */
function forgetAttempt(state: RateLimitState, operationId: string): void {
  const id = `${CHECK}${operationId}`;
  state.journal.forget(id);
  state.remembered.forget(id);
}
