import type { ObjectNamespaceLike } from '../clients/durable/object-namespace.js';
import { RateLimiterClient } from '../clients/rate-limit/rate-limiter-client.js';
import { joinKey } from '../clients/rate-limit/rate-limit-config.js';
import type { RateLimitConfig } from '../clients/rate-limit/rate-limit-config.js';
import type { RateLimitResult } from '../clients/rate-limit/rate-limit-result.js';
import type { RateLimitStore } from '../clients/rate-limit/rate-limit-store.js';
import { CloudflareClientError, isCloudflareClientError } from '../errors.js';
import type { EventSink } from '../events.js';
import { report } from '../internal/report.js';

// The most that a rule can hold: the library compares with its own limit, which it tells nobody.
const MAX_HITS = 1_000_000_000;

/** What is asked of a limiter. */
export type HitLimiter = Pick<RateLimiterClient, 'checkLimit' | 'peek' | 'refund' | 'reset'>;

/** What hits can be counted by: a limiter (without `lease`: what other isolates took ahead would count as hits), the Durable Objects of one, or a store. */
export type HitCountSource = HitLimiter | ObjectNamespaceLike | RateLimitStore;

/** Options of a store of hits. */
export interface HitCountOptions {
  /** What keys begin with, such as `rl:api:`. Give each limiter of an app its own: those with the same share their counts. */
  readonly keyPrefix: string;
  /** Where failures that nobody else hears of are reported, and with a namespace or a store the decisions. */
  readonly events?: EventSink | undefined;
  /**
   * Milliseconds after which a store that does not answer is given up; of a limiter it is its own.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /**
   * What decides when the store fails, as of `RateLimiterClient`; of a limiter it is its own.
   *
   * @default this isolate's memory
   */
  readonly onStoreError?: 'open' | 'closed' | RateLimitStore | undefined;
}

/** How often a client came, as the libraries want to know it. */
export interface HitCount {
  totalHits: number;
  resetTime: Date;
}

/** A store of hits in fixed windows, of the shape that express-rate-limit made and hono-rate-limiter took over. */
export interface HitCountStore {
  /** The prefix of the keys: it tells stores apart. */
  readonly prefix: string;
  /** That the counts are not of this process alone. */
  readonly localKeys: false;
  /** Takes the window. */
  init(options: { readonly windowMs: number }): void;
  /** How often a client came in this window; `undefined` for one that did not. */
  get(key: string): Promise<HitCount | undefined>;
  /** Counts a hit. */
  increment(key: string): Promise<HitCount>;
  /** Takes a hit back. A failure is an event: what it belongs to is done. */
  decrement(key: string): Promise<void>;
  /** Forgets a client. */
  resetKey(key: string): Promise<void>;
}

/** Makes a store of hits over `source`. */
export function hitCountStore(source: HitCountSource, options: HitCountOptions): HitCountStore {
  const { keyPrefix, events } = options;
  // Whoever it is: what is wrong with the prefix alone is known now.
  joinKey('-', keyPrefix);
  const limiter = limiterOf(source, options);
  let rule: RateLimitConfig | undefined;
  const ruleOf = (): RateLimitConfig => {
    if (rule !== undefined) return rule;
    throw new CloudflareClientError(
      'INVALID_OPTION',
      'The store has no window: hand it to the library, which tells it.',
    );
  };
  return {
    prefix: keyPrefix,
    localKeys: false,
    init: ({ windowMs }) => {
      rule = { limit: MAX_HITS, window: windowSeconds(windowMs), keyPrefix, algorithm: 'fixed-window' };
    },
    get: async (key) => {
      const hits = hitsOf(await limiter.peek(key, ruleOf()));
      return hits.totalHits === 0 ? undefined : hits;
    },
    increment: async (key) => hitsOf(await limiter.checkLimit(key, ruleOf())),
    decrement: async (key) => {
      try {
        await limiter.refund(key, ruleOf());
      } catch (error) {
        const code = isCloudflareClientError(error) ? error.code : 'OBJECT_FAILED';
        const what = { source: 'rate-limit', operation: 'call', keyPrefix } as const;
        report(events, { type: 'client.error', ...what, code, error });
      }
    },
    resetKey: (key) => limiter.reset(key, keyPrefix),
  };
}

function limiterOf(source: HitCountSource, options: HitCountOptions): HitLimiter {
  if (isLimiter(source)) return source;
  const { events, timeoutMs, onStoreError } = options;
  return new RateLimiterClient(source, { events, timeoutMs, onStoreError });
}

function isLimiter(source: HitCountSource | undefined): source is HitLimiter {
  return typeof (source as Partial<HitLimiter> | undefined)?.checkLimit === 'function';
}

function windowSeconds(windowMs: number): number {
  if (Number.isInteger(windowMs / 1000)) return windowMs / 1000;
  throw new CloudflareClientError('INVALID_OPTION', `Option windowMs ${windowMs} is refused: give whole seconds.`);
}

function hitsOf({ allowed, reason, decidedBy, remaining, resetAt }: RateLimitResult): HitCount {
  const resetTime = new Date(resetAt);
  if (decidedBy === 'binding' && allowed) {
    const message =
      'A rate-limit binding does not count: hand the library its own option for it, or a store that counts.';
    throw new CloudflareClientError('INVALID_BINDING', message);
  }
  // One hit more than any limit, or the first of the window, whatever was counted: also of a limiter that only watches and would have refused.
  if (!allowed) return { totalHits: MAX_HITS + 1, resetTime };
  return { totalHits: reason === 'allowed' ? MAX_HITS - remaining : 1, resetTime };
}
