import type { RateLimitAlgorithm } from '../../durable-objects/rate-limit/rate-limit-api.js';
import { checkInteger, refusal, shownValue } from '../check-option.js';
import { checkKey, quote } from '../kv/key.js';

const MAX_LIMIT = 1_000_000_000;
const MAX_LOG_LIMIT = 10_000;
const MAX_WINDOW_SECONDS = 2_592_000;
const MAX_BLOCK_SECONDS = 31_536_000;
const MAX_RULES = 8;
const MAX_REQUEST_ID_LENGTH = 128;
const ALGORITHMS: readonly unknown[] = ['sliding-window', 'sliding-log', 'fixed-window', 'gcra'];
// What a structured field of HTTP can carry (RFC 9651, section 3.3.3).
const RULE_NAME = /^[\x20-\x7e]{1,64}$/;

/** A rule: so many units per window. */
export interface RateLimitRuleConfig {
  /**
   * Names the rule in results and headers: 1 to 64 printable ASCII characters.
   *
   * @default 'default'; of several rules '5-per-900s'
   */
  name?: string | undefined;
  /** Units allowed in one window, an integer from 1 to 1,000,000,000; with `sliding-log` to 10,000. */
  limit: number;
  /** Seconds that a window lasts, an integer from 1 to 2,592,000 (30 days). */
  window: number;
  /**
   * How attempts are counted. KV and the rate-limit binding know one way only.
   *
   * @default 'sliding-window' on a Durable Object and in memory, 'fixed-window' on KV
   */
  algorithm?: RateLimitAlgorithm | undefined;
  /**
   * Of `gcra` alone: units at once after a pause, an integer from 1 to the limit.
   *
   * @default the limit
   */
  burst?: number | undefined;
}

/** What an attempt is, beside its rules. */
export interface RateLimitAttemptConfig {
  /** What keys begin with, such as `rl:login:`; the identifier follows it. */
  keyPrefix: string;
  /**
   * Units that the attempt takes, an integer from 1 to the limit: one that no window could hold is refused with `INVALID_OPTION`.
   *
   * @default 1
   */
  cost?: number | undefined;
  /**
   * Names the attempt, in 1 to 128 characters: made again under the same id within the window, or a minute where that is longer, also by another
   * request, an admitted attempt is admitted again and not counted again. One that was refunded counts anew, as does one of another cost; a block
   * refuses all. Make the id yourself or take that of a queue's message: who can choose it passes for free. Durable Objects and memory only. Such an
   * attempt is never answered from the isolate.
   */
  requestId?: string | undefined;
  /**
   * Whether a refused attempt is counted as well, so that who does not stop stays out. Durable Objects and memory only. Such an attempt is never
   * answered from the isolate: every one is a call.
   *
   * @default false
   */
  countRejected?: boolean | undefined;
}

/** An attempt under one rule. */
export interface RateLimitConfig extends RateLimitRuleConfig, RateLimitAttemptConfig {}

/** An attempt under several rules: all of them admit it, or none counts it. */
export interface RateLimitsConfig extends RateLimitAttemptConfig {
  /** 1 to 8 rules; no two with the same algorithm and window, as they would share a count, and no two of one name. */
  rules: readonly RateLimitRuleConfig[];
}

/**
 * Refuses a rule and its attempt. Written out, as it stands on the path of every call.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the option, the value and the bound.
 */
export function checkConfig(config: RateLimitConfig): void {
  checkRule(config);
  checkAttempt(config);
  if (config.cost !== undefined) checkCost(config.cost, config);
}

/**
 * Refuses several rules and their attempt.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the option, the value and the bound.
 */
export function checkConfigs(config: RateLimitsConfig): void {
  const { rules } = (config as Partial<RateLimitsConfig> | undefined) ?? {};
  if (!Array.isArray(rules) || rules.length === 0 || rules.length > MAX_RULES) {
    const shown = Array.isArray(rules) ? `with ${rules.length}` : quote(rules);
    throw refusal('rules', shown, `give a list of 1 to ${MAX_RULES} rules`);
  }
  const counts = new Set<string>();
  const names = new Set<string>();
  for (const rule of rules as readonly RateLimitRuleConfig[]) {
    checkRule(rule);
    if (config.cost !== undefined) checkCost(config.cost, rule);
    const count = `${rule.algorithm ?? 'sliding-window'} over ${rule.window} s`;
    if (counts.has(count)) throw refusal('rules', 'with the same count twice', `give one rule for ${count}`);
    counts.add(count);
    const name = nameOfRule(rule, rules.length);
    if (names.has(name)) throw refusal('rules', `with the name ${quote(name)} twice`, 'give each a name of its own');
    names.add(name);
  }
  checkAttempt(config);
}

/** The name of one of so many rules, in results and headers. */
export function nameOfRule({ name, limit, window }: RateLimitRuleConfig, count: number): string {
  return name ?? (count === 1 ? 'default' : `${limit}-per-${window}s`);
}

/**
 * Joins prefix and identifier.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`.
 */
export function joinKey(identifier: unknown, keyPrefix: unknown): string {
  if (typeof keyPrefix !== 'string') throw refusal('keyPrefix', quote(keyPrefix), 'give a string');
  if (typeof identifier !== 'string' || identifier === '') {
    throw refusal('identifier', quote(identifier), 'give a string that is not empty');
  }
  const key = keyPrefix + identifier;
  checkKey(key);
  return key;
}

/**
 * Refuses what is no length of a block.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the value and the bounds.
 */
export function checkBlockSeconds(seconds: unknown): asserts seconds is number {
  checkInteger('seconds', seconds, 1, MAX_BLOCK_SECONDS);
}

function checkRule(rule: RateLimitRuleConfig | undefined): void {
  const { name, limit, window, algorithm, burst } = (rule as Partial<RateLimitRuleConfig> | null | undefined) ?? {};
  checkInteger('limit', limit, 1, MAX_LIMIT);
  checkInteger('window', window, 1, MAX_WINDOW_SECONDS);
  if (algorithm !== undefined) checkAlgorithm(algorithm, limit);
  if (burst !== undefined) checkBurst(burst, algorithm, limit);
  if (name !== undefined && !(typeof name === 'string' && RULE_NAME.test(name))) {
    throw refusal('name', quote(name), 'give 1 to 64 printable ASCII characters');
  }
}

function checkAlgorithm(algorithm: unknown, limit: number): void {
  if (!ALGORITHMS.includes(algorithm)) {
    throw refusal('algorithm', quote(algorithm), `give one of ${ALGORITHMS.join(', ')}`);
  }
  if (algorithm === 'sliding-log' && limit > MAX_LOG_LIMIT) {
    throw refusal(
      'limit',
      String(limit),
      `a sliding-log keeps every attempt, up to ${MAX_LOG_LIMIT}; take sliding-window`,
    );
  }
}

function checkBurst(burst: unknown, algorithm: unknown, limit: number): void {
  if (algorithm !== 'gcra') throw refusal('burst', shownValue(burst), "it is of algorithm 'gcra' alone");
  checkInteger('burst', burst, 1, limit);
}

function checkAttempt({ requestId, countRejected }: RateLimitAttemptConfig): void {
  if (countRejected !== undefined && typeof countRejected !== 'boolean') {
    throw refusal('countRejected', quote(countRejected), 'give true or false');
  }
  if (requestId === undefined) return;
  const isId = typeof requestId === 'string' && requestId !== '' && requestId.length <= MAX_REQUEST_ID_LENGTH;
  if (!isId) throw refusal('requestId', quote(requestId), `give a string of 1 to ${MAX_REQUEST_ID_LENGTH} characters`);
}

function checkCost(cost: unknown, { limit, burst = limit }: RateLimitRuleConfig): void {
  checkInteger('cost', cost, 1, Math.min(limit, burst));
}
