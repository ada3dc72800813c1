import type { EventSink, RateLimitDeniedEvent } from '../../events.js';
import { report } from '../../internal/report.js';
import { FailurePolicy, answerOf, ask } from './failure-policy.js';
import type { Question, Verdict } from './failure-policy.js';
import { unable } from './layered-rate-limit-store.js';
import { checkBlockSeconds, checkConfig, checkConfigs, joinKey, nameOfRule } from './rate-limit-config.js';
import type { RateLimitConfig, RateLimitRuleConfig, RateLimitsConfig } from './rate-limit-config.js';
import type { RateLimitResult, RateLimitsResult } from './rate-limit-result.js';
import type { RateLimitAttempt, RateLimitRule, RateLimitStore, RuleDecision } from './rate-limit-store.js';
import type { RateLimiterClientOptions } from './rate-limiter-options.js';
import { DEFAULT_TIMEOUT_MS, storeOf } from './store-of.js';
import type { RateLimitSource } from './store-of.js';

const NOTHING: RuleDecision = { remaining: 0, resetAt: 0, retryAfterMs: 0 };

/**
 * Limits attempts per identifier. An attempt that is refused is not counted, unless told otherwise.
 *
 * Over a Durable Object namespace it is exact: each key has an object that decides about one attempt after the other, wherever they come from. Who is
 * refused is refused from the isolate's memory until there can be room again, without a call.
 *
 * Over a KV namespace it is exact within an isolate: 50 attempts at once against a limit of 5 let 5 through. Across isolates and
 * locations it is not, and cannot be. KV takes one write per second per key
 * (https://developers.cloudflare.com/kv/api/write-key-value-pairs/) and a read can be 60 seconds and more behind
 * (https://developers.cloudflare.com/kv/concepts/how-kv-works/), so every isolate can let up to `limit` attempts through
 * before it hears of the others, and a rule with `limit` above `window` cannot be held where attempts spread over many of them. A
 * KV that fails leaves each isolate to its own count. `approximate` is `true` for all of this.
 *
 * Over a rate-limit binding see `BindingRateLimitStore`, over others the store.
 *
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMITER);
 * const result = await limiter.checkLimit(ip, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 * const status = result.allowed ? 200 : 429;
 * ```
 */
export class RateLimiterClient {
  readonly #store: RateLimitStore;
  /** Whether the store is a given one, which need not have a timeout of its own. */
  readonly #isGiven: boolean;
  readonly #events: EventSink | undefined;
  readonly #now: () => number;
  readonly #timeoutMs: number;
  readonly #isShadow: boolean;
  readonly #onFailure: FailurePolicy;

  /**
   * Takes a Durable Object namespace, a KV namespace or a rate-limit binding, told by their methods, or a store.
   *
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(source: RateLimitSource, options: RateLimiterClientOptions = {}) {
    const { events, now = Date.now, timeoutMs = DEFAULT_TIMEOUT_MS, onStoreError, shadow = false } = options;
    this.#store = storeOf(source, options);
    this.#isGiven = this.#store === source;
    this.#events = events;
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#isShadow = shadow;
    this.#onFailure = new FailurePolicy({ origin: this.#store.origin ?? source, onStoreError, timeoutMs, events, now });
  }

  /**
   * Decides about one attempt, and counts it when it is allowed.
   *
   * @param identifier who attempts, such as an IP address or a user id; not empty, with `keyPrefix` at most 512 UTF-8 bytes.
   * @param config the rule and what the attempt takes.
   * @returns whether it is allowed, and when there will be more. Never throws because the store fails: `onStoreError` decides then.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY` before anything is counted; `INVALID_OPTION` for what the store cannot do and
   *   `INVALID_BINDING` when the bound object is another.
   */
  async checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    checkConfig(config);
    const attempt = toAttempt(identifier, config, [toRule(config)]);
    const startedAt = this.#events === undefined ? 0 : this.#now();
    const verdict = this.#store.recall?.(attempt) ?? (await this.#ask('consume', attempt));
    if (this.#events !== undefined) this.#report(attempt, verdict, startedAt);
    return this.#resultOf(config, verdict, 0);
  }

  /**
   * Decides about one attempt under several rules: all of them admit and count it, or none does.
   *
   * @param identifier as for `checkLimit`.
   * @param config the rules and what the attempt takes.
   * @returns as `checkLimit`, and what each rule says.
   * @throws {CloudflareClientError} as `checkLimit`; over KV and the binding, which know one rule, `INVALID_OPTION`.
   */
  async checkLimits(identifier: string, config: RateLimitsConfig): Promise<RateLimitsResult> {
    checkConfigs(config);
    const attempt = toAttempt(identifier, config, config.rules.map(toRule));
    const startedAt = this.#events === undefined ? 0 : this.#now();
    const verdict = this.#store.recall?.(attempt) ?? (await this.#ask('consume', attempt));
    if (this.#events !== undefined) this.#report(attempt, verdict, startedAt);
    return this.#resultsOf(config, verdict);
  }

  /**
   * Tells what `checkLimit` would, and counts nothing.
   *
   * @param identifier as for `checkLimit`.
   * @param config as for `checkLimit`.
   * @throws {CloudflareClientError} as `checkLimit`; `INVALID_OPTION` when the store cannot peek: a rate-limit binding cannot.
   */
  async peek(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    checkConfig(config);
    const attempt = toAttempt(identifier, config, [toRule(config)]);
    return this.#resultOf(config, await this.#ask('peek', attempt), 0);
  }

  /**
   * Tells what `checkLimits` would, and counts nothing.
   *
   * @param identifier as for `checkLimit`.
   * @param config as for `checkLimits`.
   * @throws {CloudflareClientError} as `checkLimits`; `INVALID_OPTION` when the store cannot peek.
   */
  async peekLimits(identifier: string, config: RateLimitsConfig): Promise<RateLimitsResult> {
    checkConfigs(config);
    const attempt = toAttempt(identifier, config, config.rules.map(toRule));
    return this.#resultsOf(config, await this.#ask('peek', attempt));
  }

  /**
   * Gives the units of an allowed attempt back, such as one for a login that succeeded. With `requestId` those that the attempt of that id took, once;
   * without it `cost` units, as far as there are.
   *
   * @param identifier as for `checkLimit`.
   * @param config as for the attempt.
   * @returns how many units were given back.
   * @throws {CloudflareClientError} `INVALID_OPTION`, also when the store cannot refund; `INVALID_KEY`; as the store fails: `OBJECT_FAILED`,
   *   `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`.
   */
  async refund(identifier: string, config: RateLimitConfig | RateLimitsConfig): Promise<number> {
    const attempt = checkedAttempt(identifier, config);
    if (this.#store.refund === undefined) throw unable('refund');
    return this.#store.refund(attempt);
  }

  /**
   * Refuses everything of an identifier for a time, whatever the rule, in place of an earlier block.
   *
   * @param identifier as for `checkLimit`.
   * @param keyPrefix as for `checkLimit`.
   * @param seconds how long, an integer from 1 to 31,536,000 (a year).
   * @returns when the block ends, in milliseconds since the epoch.
   * @throws {CloudflareClientError} as `refund`.
   */
  async block(identifier: string, keyPrefix: string, seconds: number): Promise<number> {
    checkBlockSeconds(seconds);
    const key = joinKey(identifier, keyPrefix);
    if (this.#store.block === undefined) throw unable('block');
    return this.#store.block(key, keyPrefix, seconds * 1000);
  }

  /**
   * Forgets the attempts of an identifier, and its block. Over Durable Objects another isolate that refuses from memory goes on for `maxBlockMs` at
   * most, 30 seconds by default. Over KV this isolate forgets at once; another that has counted attempts itself hears of it two minutes after it
   * last wrote, and one that writes in that time brings its count back.
   *
   * @param identifier as for `checkLimit`.
   * @param keyPrefix as for `checkLimit`.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`; over Durable Objects `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT`; over
   *   KV `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async reset(identifier: string, keyPrefix: string): Promise<void> {
    const key = joinKey(identifier, keyPrefix);
    await this.#onFailure.reset(key);
    await this.#store.reset(key, keyPrefix);
  }

  async #ask(question: Question, attempt: RateLimitAttempt): Promise<Verdict> {
    try {
      const answer = ask(this.#store, question, attempt);
      return await (this.#isGiven ? answerOf(answer, this.#timeoutMs) : answer);
    } catch (error) {
      return this.#onFailure.decide(question, attempt, error);
    }
  }

  #resultOf(rule: RateLimitRuleConfig, verdict: Verdict, index: number): RateLimitResult {
    const { allowed, reason, retryAfterMs, approximate, decidedBy } = verdict;
    const { remaining, resetAt } = verdict.rules[index] ?? NOTHING;
    const isLet = !allowed && this.#isShadow;
    return {
      allowed: allowed || isLet,
      remaining,
      resetAt,
      limit: rule.limit,
      window: rule.window,
      name: rule.name ?? 'default',
      retryAfterMs,
      approximate,
      reason: isLet ? 'shadow' : reason,
      decidedBy,
    };
  }

  #resultsOf({ rules }: RateLimitsConfig, verdict: Verdict): RateLimitsResult {
    const results = rules.map((rule, index) => {
      const { limit, window } = rule;
      const name = nameOfRule(rule, rules.length);
      const { remaining, resetAt, retryAfterMs } = verdict.rules[index] ?? NOTHING;
      return { name, limit, window, remaining, resetAt, retryAfterMs };
    });
    const tightest = tightestOf(verdict.rules);
    const rule = { limit: 0, window: 0, ...rules[tightest], name: results[tightest]?.name };
    return { ...this.#resultOf(rule, verdict, tightest), rules: results };
  }

  #report({ keyPrefix, rules }: RateLimitAttempt, verdict: Verdict, startedAt: number): void {
    const { allowed, reason, retryAfterMs, decidedBy } = verdict;
    const tightest = tightestOf(verdict.rules);
    const limit = rules[tightest]?.limit ?? 0;
    const durationMs = this.#now() - startedAt;
    if (allowed) {
      const { remaining } = verdict.rules[tightest] ?? NOTHING;
      const told = reason === 'store-error' ? reason : 'allowed';
      report(this.#events, {
        type: 'rate-limit.allowed',
        keyPrefix,
        limit,
        remaining,
        decidedBy,
        reason: told,
        durationMs,
      });
      return;
    }
    const told = reason as RateLimitDeniedEvent['reason'];
    const shadow = this.#isShadow;
    report(this.#events, {
      type: 'rate-limit.denied',
      keyPrefix,
      limit,
      retryAfterMs,
      decidedBy,
      reason: told,
      shadow,
      durationMs,
    });
  }
}

function checkedAttempt(identifier: string, config: RateLimitConfig | RateLimitsConfig): RateLimitAttempt {
  if (typeof config === 'object' && 'rules' in config) {
    checkConfigs(config);
    return toAttempt(identifier, config, config.rules.map(toRule));
  }
  checkConfig(config);
  return toAttempt(identifier, config, [toRule(config)]);
}

function toAttempt(
  identifier: string,
  config: RateLimitConfig | RateLimitsConfig,
  rules: readonly RateLimitRule[],
): RateLimitAttempt {
  const { keyPrefix, cost = 1, countRejected = false, requestId } = config;
  return { key: joinKey(identifier, keyPrefix), keyPrefix, rules, cost, countRejected, requestId };
}

function toRule({ limit, window, algorithm, burst }: RateLimitRuleConfig): RateLimitRule {
  return { limit, windowMs: window * 1000, algorithm, burst };
}

/** Which rule is longest in refusing, or, when all admit, has least left. */
function tightestOf(decisions: readonly RuleDecision[]): number {
  let tightest = 0;
  for (let index = 1; index < decisions.length; index += 1) {
    const { retryAfterMs, remaining } = decisions[index] ?? NOTHING;
    const { retryAfterMs: longest, remaining: least } = decisions[tightest] ?? NOTHING;
    if (retryAfterMs > longest || (retryAfterMs === longest && remaining < least)) tightest = index;
  }
  return tightest;
}
