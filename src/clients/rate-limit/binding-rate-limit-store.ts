import { CloudflareClientError } from '../../errors.js';
import { checkTimeout, settleWithin } from '../kv/timeout.js';
import { isKVNamespace } from '../kv/kv-access.js';
import { isObjectNamespace } from '../durable/object-namespace.js';
import { checkInteger, refusal } from '../check-option.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitRule, RateLimitStore } from './rate-limit-store.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_LIMIT = 1_000_000_000;
const STRONGER = 'a store over RATE_LIMITER objects can';

/** The Workers rate-limit binding (`ratelimits` in wrangler.jsonc), as all versions of workers-types declare it. */
export interface RateLimitBindingLike {
  /** Counts one call of a key; `success` is `false` when it is over the limit. */
  limit(options: { key: string }): Promise<{ success: boolean }>;
}

/** What wrangler.jsonc says of a rate-limit binding: `"simple": { "limit": 100, "period": 60 }`. */
export interface RateLimitBindingRule {
  /** Calls per period, an integer from 1 to 1,000,000,000. */
  readonly limit: number;
  /** Seconds: the platform knows 10 and 60. */
  readonly period: 10 | 60;
}

/** Options of `BindingRateLimitStore`. */
export interface BindingRateLimitStoreOptions extends Partial<RateLimitBindingRule> {
  /**
   * Milliseconds after which an unanswered call is given up.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
}

/** Tells whether `value` is a rate-limit binding: it has `limit`, and is neither a KV namespace nor one of Durable Objects. */
export function isRateLimitBinding(value: unknown): value is RateLimitBindingLike {
  if (typeof value !== 'object' || value === null) return false;
  if (typeof (value as Partial<RateLimitBindingLike>).limit !== 'function') return false;
  return !isKVNamespace(value) && !isObjectNamespace(value);
}

/** What was asked of bindings whose limit nobody told. */
const believed = new WeakMap<object, Pick<RateLimitRule, 'limit' | 'windowMs'>>();

/**
 * Asks the Workers rate-limit binding, which counts per Cloudflare location, lets bursts through before its counts meet, and is by its own words no
 * accurate accounting (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/). It needs no call over the network.
 * It answers yes or no, no more: `remaining` is the most that there can be and `resetAt` the latest time that it can be. Its limit and period stand
 * in wrangler.jsonc; a rule that says otherwise is refused. It cannot peek, refund, block or reset.
 *
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(new BindingRateLimitStore(env.FLOOD_FILTER, { limit: 100, period: 60 }));
 * const { allowed } = await limiter.checkLimit(ip, { limit: 100, window: 60, keyPrefix: 'rl:api:' });
 * ```
 */
export class BindingRateLimitStore implements RateLimitStore {
  /** The binding. */
  readonly origin: object;
  readonly #binding: RateLimitBindingLike;
  readonly #limit: number | undefined;
  readonly #period: number | undefined;
  readonly #timeoutMs: number;
  readonly #now: () => number;

  /**
   * Takes the binding and what wrangler.jsonc says of it. Without that the first rule that an isolate asks about is believed, with a window of 10 or
   * 60 seconds, and every other is refused: a binding has one limit and does not tell which.
   *
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(binding: RateLimitBindingLike, options: BindingRateLimitStoreOptions = {}) {
    const { limit, period, timeoutMs = DEFAULT_TIMEOUT_MS, now = Date.now } = options;
    checkRateLimitBinding(binding);
    checkTimeout(timeoutMs);
    if (limit !== undefined) checkInteger('limit', limit, 1, MAX_LIMIT);
    if (period !== undefined) checkPeriod(period);
    this.origin = binding;
    this.#binding = binding;
    this.#limit = limit;
    this.#period = period;
    this.#timeoutMs = timeoutMs;
    this.#now = now;
  }

  /**
   * Asks the binding, which counts the attempt.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` for what it cannot do; `OBJECT_TIMEOUT` when it does not answer. Rejects as the binding does.
   */
  async consume(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    const { limit, windowMs } = this.#ruleOf(attempt);
    const success = await askBinding(this.#binding, attempt.key, this.#timeoutMs);
    return bindingDecision(success, [{ limit, windowMs }], { periodMs: windowMs, now: this.#now() });
  }

  /** Refuses: a binding cannot forget. Rejects with `INVALID_OPTION`. */
  reset(): Promise<void> {
    const message = `The rate-limit binding cannot reset: a count ends with its period of ${this.#period ?? '10 or 60'} s; ${STRONGER}.`;
    return Promise.reject(new CloudflareClientError('INVALID_OPTION', message));
  }

  #ruleOf({ rules, cost, countRejected, requestId }: RateLimitAttempt): RateLimitRule {
    const [rule] = rules;
    if (rule === undefined || rules.length > 1) throw unable('rules', `of ${rules.length}`, 'decides by one rule');
    if (cost !== 1) throw unable('cost', String(cost), 'counts by one');
    if (countRejected) throw unable('countRejected', 'true', 'does not say what it counts');
    if (requestId !== undefined) throw unable('requestId', 'of this attempt', 'knows no attempt again');
    return this.#checked(rule);
  }

  #checked({ limit, windowMs, algorithm }: RateLimitRule): RateLimitRule {
    const seconds = windowMs / 1000;
    if (algorithm !== undefined) throw unable('algorithm', `'${algorithm}'`, 'has an algorithm of its own');
    if (this.#limit !== undefined && limit !== this.#limit) {
      throw refusal('limit', String(limit), `the binding's is ${this.#limit}, by wrangler.jsonc`);
    }
    if (this.#period !== undefined && seconds !== this.#period) {
      throw refusal('window', String(seconds), `the binding's period is ${this.#period}, by wrangler.jsonc`);
    }
    if (seconds !== 10 && seconds !== 60) throw refusal('window', String(seconds), "a binding's period is 10 or 60");
    this.#checkBelieved({ limit, windowMs });
    return { limit, windowMs };
  }

  /** Of two rules for one binding at least one is not what wrangler.jsonc says. */
  #checkBelieved(rule: Pick<RateLimitRule, 'limit' | 'windowMs'>): void {
    if (this.#limit !== undefined && this.#period !== undefined) return;
    const known = believed.get(this.#binding);
    if (known === undefined) believed.set(this.#binding, rule);
    else if (known.limit !== rule.limit || known.windowMs !== rule.windowMs) {
      const shown = `${rule.limit} per ${rule.windowMs / 1000} s`;
      const other = `${known.limit} per ${known.windowMs / 1000} s`;
      throw refusal(
        'limit',
        shown,
        `this binding was asked about ${other} before and has one limit; bindingRule says which`,
      );
    }
  }
}

/**
 * Refuses what is not a rate-limit binding.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING`, saying what wrangler.jsonc needs.
 */
export function checkRateLimitBinding(binding: unknown): asserts binding is RateLimitBindingLike {
  if (isRateLimitBinding(binding)) return;
  throw new CloudflareClientError(
    'INVALID_BINDING',
    `What was given (${typeof binding}) is not a rate-limit binding: add one to ratelimits in wrangler.jsonc and pass env.BINDING.`,
  );
}

/** Refuses what is not a period of a binding, with `INVALID_OPTION`. */
export function checkPeriod(period: unknown): asserts period is 10 | 60 {
  if (period !== 10 && period !== 60) throw refusal('period', String(period), 'the platform knows 10 and 60 seconds');
}

/**
 * Asks a binding about a key, and counts it.
 *
 * @throws {CloudflareClientError} `OBJECT_TIMEOUT` when it does not answer in time. Rejects as the binding does.
 */
export async function askBinding(binding: RateLimitBindingLike, key: string, timeoutMs: number): Promise<boolean> {
  const answer = await settleWithin(binding.limit({ key }), timeoutMs);
  if (answer !== 'late') return answer.value.success;
  throw new CloudflareClientError('OBJECT_TIMEOUT', `The rate-limit binding did not answer within ${timeoutMs} ms.`);
}

/** What the answer of a binding says about an attempt: bounds, as it says yes or no alone. */
export function bindingDecision(
  success: boolean,
  rules: RateLimitAttempt['rules'],
  { periodMs, now }: { readonly periodMs: number; readonly now: number },
): RateLimitDecision {
  const resetAt = now + periodMs;
  const retryAfterMs = success ? 0 : periodMs;
  const decisions = rules.map(({ limit }) => ({ remaining: success ? limit - 1 : 0, resetAt, retryAfterMs }));
  const reason = success ? 'allowed' : 'limit-exceeded';
  return { allowed: success, reason, rules: decisions, retryAfterMs, approximate: true, decidedBy: 'binding' };
}

function unable(name: string, shown: string, why: string): CloudflareClientError {
  return refusal(name, shown, `the rate-limit binding ${why}; ${STRONGER}`);
}
