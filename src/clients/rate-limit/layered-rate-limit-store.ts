import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { report } from '../../internal/report.js';
import { checkTimeout } from '../kv/timeout.js';
import { askBinding, bindingDecision, checkPeriod, checkRateLimitBinding } from './binding-rate-limit-store.js';
import type { RateLimitBindingLike } from './binding-rate-limit-store.js';
import { refusal } from '../check-option.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';

const DEFAULT_TIMEOUT_MS = 2_000;

/** Options of `LayeredRateLimitStore`. */
export interface LayeredRateLimitStoreOptions {
  /**
   * The binding's period in seconds, as wrangler.jsonc says: how long who is refused by it is told to wait.
   *
   * @default 60
   */
  readonly period?: 10 | 60 | undefined;
  /**
   * Milliseconds after which an unanswered binding is passed by.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number | undefined;
  /** Where it is reported that the binding failed. */
  readonly events?: EventSink | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
}

/**
 * Filters floods with a rate-limit binding, which needs no call over the network, and decides what comes through by an exact store. Give the binding a limit well
 * above the rule's: it counts every call, per location, also of an attempt that was named and admitted before, and what it refuses the exact store never
 * hears of. Who the exact store knows to be refused
 * is refused without either. A binding that fails is passed by. Peek, refund, block and reset are the exact store's.
 *
 * @example
 * ```ts
 * const store = new LayeredRateLimitStore(env.FLOOD_FILTER, new ObjectRateLimitStore(env.RATE_LIMITER), { period: 10 });
 * const limiter = new RateLimiterClient(store);
 * ```
 */
export class LayeredRateLimitStore implements RateLimitStore {
  /** What the exact store counts in. */
  readonly origin: object;
  readonly #binding: RateLimitBindingLike;
  readonly #exact: RateLimitStore;
  readonly #periodMs: number;
  readonly #timeoutMs: number;
  readonly #events: EventSink | undefined;
  readonly #now: () => number;

  /**
   * Takes the filter and what decides.
   *
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(binding: RateLimitBindingLike, exact: RateLimitStore, options: LayeredRateLimitStoreOptions = {}) {
    const { period = 60, timeoutMs = DEFAULT_TIMEOUT_MS, events, now = Date.now } = options;
    checkRateLimitBinding(binding);
    checkPeriod(period);
    checkTimeout(timeoutMs);
    this.origin = exact.origin ?? exact;
    this.#binding = binding;
    this.#exact = exact;
    this.#periodMs = period * 1000;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#now = now;
  }

  /**
   * Decides about an attempt: from what the exact store knows already, else by the binding, else by the exact store. Throws as the exact store does.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` with `countRejected`, as the exact store does not hear of what the filter refuses.
   */
  consume(attempt: RateLimitAttempt): RateLimitDecision | Promise<RateLimitDecision> {
    if (attempt.countRejected) {
      throw refusal('countRejected', 'true', 'the filter hides refused attempts from the count; leave the filter out');
    }
    return this.#exact.recall?.(attempt) ?? this.#filter(attempt);
  }

  /** What the exact store knows without a call. */
  recall(attempt: RateLimitAttempt): RateLimitDecision | undefined {
    return this.#exact.recall?.(attempt);
  }

  /** As the exact store does. */
  async peek(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    if (this.#exact.peek === undefined) throw unable('peek');
    return this.#exact.peek(attempt);
  }

  /** As the exact store does. */
  async refund(attempt: RateLimitAttempt): Promise<number> {
    if (this.#exact.refund === undefined) throw unable('refund');
    return this.#exact.refund(attempt);
  }

  /** As the exact store does. */
  async block(key: string, keyPrefix: string, durationMs: number): Promise<number> {
    if (this.#exact.block === undefined) throw unable('block');
    return this.#exact.block(key, keyPrefix, durationMs);
  }

  /** As the exact store does; the binding forgets with its period. */
  async reset(key: string, keyPrefix: string): Promise<void> {
    await this.#exact.reset(key, keyPrefix);
  }

  async #filter(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    const { key, keyPrefix, rules } = attempt;
    try {
      const success = await askBinding(this.#binding, key, this.#timeoutMs);
      if (!success) return bindingDecision(false, rules, { periodMs: this.#periodMs, now: this.#now() });
    } catch (error) {
      const code = isCloudflareClientError(error) ? error.code : 'OBJECT_FAILED';
      report(this.#events, { type: 'client.error', source: 'rate-limit', operation: 'call', keyPrefix, code, error });
    }
    return this.#exact.consume(attempt);
  }
}

/** The error for what a store has no method for. */
export function unable(method: string): CloudflareClientError {
  const message = `The rate-limit store has no ${method}: a store over RATE_LIMITER objects has.`;
  return new CloudflareClientError('INVALID_OPTION', message);
}
