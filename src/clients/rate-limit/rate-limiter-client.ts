import { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { report } from '../../internal/report.js';
import { checkKey, quote } from '../kv/key.js';
import { isKVNamespace } from '../kv/kv-access.js';
import type { KVNamespaceLike } from '../kv/kv-namespace.js';
import type { OperationBudget } from '../kv/operation-budget.js';
import { KVRateLimitStore } from './kv-rate-limit-store.js';
import type { RateLimitStore } from './rate-limit-store.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const NOTHING = { remaining: 0, resetAt: 0, retryAfterMs: 0 };
const MAX_LIMIT = 1_000_000_000;
const MAX_WINDOW_SECONDS = 2_592_000;

/** A rule: so many attempts per window. */
export interface RateLimitConfig {
  /** Attempts allowed in one window, an integer from 1 to 1,000,000,000. */
  limit: number;
  /** Seconds that a window lasts, an integer from 1 to 2,592,000 (30 days). */
  window: number;
  /** What keys of this rule begin with, such as `rl:login:`; the identifier follows it. */
  keyPrefix: string;
}

/** What became of an attempt. */
export interface RateLimitResult {
  allowed: boolean;
  /** Attempts left in this window, 0 when refused. */
  remaining: number;
  /** When the window ends, in milliseconds since the epoch; the same for every attempt of a window. */
  resetAt: number;
  /** The rule's limit. */
  limit: number;
  /** Milliseconds until an attempt can be allowed again; 0 when this one was. */
  retryAfterMs: number;
  /** Whether attempts made elsewhere can be missing from the count: `true` on KV, `false` on a Durable Object. */
  approximate: boolean;
  /** Why it was decided so. */
  reason: 'allowed' | 'limit-exceeded';
}

/** Options of `RateLimiterClient`. */
export interface RateLimiterClientOptions {
  /** Where refusals and failures are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * How many KV operations may be made, shared with the other clients of the request.
   *
   * @default none with `new`; 1,000 per request scope
   */
  readonly budget?: OperationBudget | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** `ctx.waitUntil`, bound: counts are then written after the response, and none of the last second is lost. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
  /**
   * Waits for so many milliseconds; for tests.
   *
   * @default a timer
   */
  readonly delay?: (ms: number) => Promise<void>;
}

/**
 * Limits attempts per identifier in a window that starts with the first attempt. An attempt that is refused is not counted.
 *
 * Over a KV namespace it is exact within an isolate: 50 attempts at once against a limit of 5 let 5 through. Across isolates and
 * locations it is not, and cannot be. KV takes one write per second per key
 * (https://developers.cloudflare.com/kv/api/write-key-value-pairs/) and a read can be 60 seconds and more behind
 * (https://developers.cloudflare.com/kv/concepts/how-kv-works/), so every isolate can let up to `limit` attempts through
 * before it hears of the others, and a rule with `limit` above `window` cannot be held where attempts spread over many of them. A
 * KV that fails leaves each isolate to its own count. `approximate` is `true` for all of this. A Durable Object is exact.
 *
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(env.RATE_LIMIT_KV, { waitUntil: ctx.waitUntil.bind(ctx) });
 * const result = await limiter.checkLimit(ip, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 * const status = result.allowed ? 200 : 429;
 * ```
 */
export class RateLimiterClient {
  readonly #store: RateLimitStore;
  readonly #events: EventSink | undefined;

  /** Takes a KV namespace, told by its methods, or a store. */
  constructor(store: KVNamespaceLike | RateLimitStore, options: RateLimiterClientOptions = {}) {
    const { events, budget, now = Date.now, timeoutMs = DEFAULT_TIMEOUT_MS, waitUntil, delay = wait } = options;
    this.#store = isRateLimitStore(store)
      ? store
      : new KVRateLimitStore(store, { events, budget, now, timeoutMs, waitUntil, delay });
    this.#events = events;
  }

  /**
   * Decides about one attempt, and counts it when it is allowed.
   *
   * @param identifier who attempts, such as an IP address or a user id; not empty, with `keyPrefix` at most 512 UTF-8 bytes.
   * @param config the rule.
   * @returns whether it is allowed, and when the window ends. Never throws because KV fails.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY` before anything is counted.
   */
  async checkLimit(identifier: string, config: RateLimitConfig): Promise<RateLimitResult> {
    checkConfig(config);
    const { limit, window, keyPrefix } = config;
    const key = joinKey(identifier, keyPrefix);
    const rules = [{ limit, windowMs: window * 1000 }];
    const decision = await this.#store.consume({ key, keyPrefix, rules, cost: 1, countRejected: false });
    const {
      allowed,
      rules: [rule = NOTHING],
      retryAfterMs,
      approximate,
      decidedBy,
    } = decision;
    const { remaining, resetAt } = rule;
    if (!allowed && this.#events !== undefined) {
      const denied = { reason: 'limit-exceeded', shadow: false, durationMs: 0 } as const;
      report(this.#events, { type: 'rate-limit.denied', keyPrefix, limit, retryAfterMs, decidedBy, ...denied });
    }
    const reason = allowed ? 'allowed' : 'limit-exceeded';
    return { allowed, remaining, resetAt, limit, retryAfterMs, approximate, reason };
  }

  /**
   * Forgets the attempts of an identifier. Over KV this isolate forgets at once; another that has counted attempts itself hears
   * of it two minutes after it last wrote, and one that writes in that time brings its count back.
   *
   * @param identifier as for `checkLimit`.
   * @param keyPrefix as for `checkLimit`.
   * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_KEY`; over KV `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async reset(identifier: string, keyPrefix: string): Promise<void> {
    await this.#store.reset(joinKey(identifier, keyPrefix), keyPrefix);
  }
}

function isRateLimitStore(store: KVNamespaceLike | RateLimitStore): store is RateLimitStore {
  if (isKVNamespace(store)) return false;
  return typeof (store as Partial<RateLimitStore> | undefined)?.consume === 'function';
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function checkConfig(config: RateLimitConfig): void {
  const { limit, window } = (config as Partial<RateLimitConfig> | undefined) ?? {};
  checkInteger('limit', limit, MAX_LIMIT);
  checkInteger('window', window, MAX_WINDOW_SECONDS);
}

function checkInteger(name: string, value: unknown, maximum: number): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= maximum) return;
  const shown = typeof value === 'number' ? String(value) : quote(value);
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `Option ${name} ${shown} is refused: give an integer from 1 to ${maximum}.`,
  );
}

function joinKey(identifier: unknown, keyPrefix: unknown): string {
  if (typeof keyPrefix !== 'string') {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `Option keyPrefix ${quote(keyPrefix)} is refused: give a string.`,
    );
  }
  if (typeof identifier !== 'string' || identifier === '') {
    const message = `Option identifier ${quote(identifier)} is refused: give a string that is not empty.`;
    throw new CloudflareClientError('INVALID_OPTION', message);
  }
  const key = keyPrefix + identifier;
  checkKey(key);
  return key;
}
