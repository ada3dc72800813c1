import type { CloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { KVAccess } from '../kv/kv-access.js';
import type { KVNamespaceLike } from '../kv/kv-namespace.js';
import type { OperationBudget } from '../kv/operation-budget.js';
import { refusal } from '../check-option.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitRule, RateLimitStore } from './rate-limit-store.js';
import type { Window, WindowRecord, Windows } from './rate-limit-windows.js';
import { endOf, mergeWindow, newWindow, parseRecord, recordOf, resetWindow, windowsFor } from './rate-limit-windows.js';
import { nativeTtl } from '../kv/ttl.js';

// https://developers.cloudflare.com/kv/api/write-key-value-pairs/: one write per second to the same key.
const WRITE_INTERVAL_MS = 1_000;
const BLOCKED_READ_INTERVAL_MS = 30_000;

/** Options of `KVRateLimitStore`, all resolved by `RateLimiterClient`. */
export interface KVRateLimitStoreOptions {
  /** Milliseconds after which an unanswered KV operation is given up. */
  readonly timeoutMs: number;
  /** Where failures of KV are reported. */
  readonly events?: EventSink | undefined;
  /** The operations that the clients of a request share. */
  readonly budget?: OperationBudget | undefined;
  /** The clock, in milliseconds since the epoch. */
  readonly now: () => number;
  /** `ctx.waitUntil`, bound: takes writes off the caller's path and lets a delayed write happen after the response. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
  /** Waits for so many milliseconds. */
  readonly delay: (ms: number) => Promise<void>;
}

/**
 * Counts in the isolate, exactly, and shares the count through KV, roughly: each attempt reads what others wrote, takes the
 * larger count and decides without waiting in between. A key is written at most once a second; attempts within the second
 * wait for the next write. See `RateLimiterClient` for what that cannot promise. It counts under one rule, in fixed windows.
 */
export class KVRateLimitStore implements RateLimitStore {
  readonly #access: KVAccess;
  readonly #windows: Windows;
  readonly #now: () => number;
  readonly #waitUntil: ExecutionContextLike['waitUntil'] | undefined;
  readonly #delay: (ms: number) => Promise<void>;

  constructor(namespace: KVNamespaceLike, options: KVRateLimitStoreOptions) {
    const { timeoutMs, events, budget, now, waitUntil, delay } = options;
    this.#access = new KVAccess(namespace, { source: 'rate-limit', timeoutMs, events, budget });
    this.#windows = windowsFor(namespace);
    this.#now = now;
    this.#waitUntil = waitUntil;
    this.#delay = delay;
  }

  /**
   * Decides about one attempt. A failing KV leaves the isolate's own count to decide, and is reported.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` for what KV cannot do.
   */
  async consume(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    const { key, keyPrefix, cost } = attempt;
    const rule = ruleOf(attempt);
    const known = this.#windows.find(key);
    const record = this.#isSurelyRefused(known, rule.limit - cost) ? undefined : await this.#read(key, keyPrefix);
    // From here to the count nothing may wait: another attempt would decide on the same count.
    const window = this.#merge(key, record, rule.windowMs);
    const decision = decide(window, rule, { cost, now: this.#now() });
    if (decision.allowed) {
      window.count += cost;
      window.isDirty = true;
    }
    if (window.isDirty) await this.#share(key, window, keyPrefix);
    return decision.allowed ? withLess(decision, cost) : decision;
  }

  /** What `consume` would answer, by what this isolate counted and what KV says. Throws as `consume` does. */
  async peek(attempt: RateLimitAttempt): Promise<RateLimitDecision> {
    const rule = ruleOf(attempt);
    const { key, keyPrefix } = attempt;
    const window = this.#merge(key, await this.#read(key, keyPrefix), rule.windowMs);
    return decide(window, rule, { cost: attempt.cost, now: this.#now() });
  }

  /**
   * Takes `cost` off the count, which other isolates hear of only as far as they have not counted themselves.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION` for what KV cannot do.
   */
  async refund(attempt: RateLimitAttempt): Promise<number> {
    const { windowMs } = ruleOf(attempt);
    const { key, keyPrefix } = attempt;
    const window = this.#merge(key, await this.#read(key, keyPrefix), windowMs);
    const refunded = Math.min(attempt.cost, window.count);
    if (refunded === 0) return 0;
    window.count -= refunded;
    window.isDirty = true;
    // What was written before says more: it was counted just now.
    window.ignoredUntil = this.#now();
    await this.#share(key, window, keyPrefix);
    return refunded;
  }

  /**
   * Refuses everything under `key`, here at once and elsewhere as KV tells of it: a minute later, or more.
   *
   * @throws {CloudflareClientError} `KV_WRITE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`; this isolate then refuses all the same.
   */
  async block(key: string, _keyPrefix: string, durationMs: number): Promise<number> {
    const now = this.#now();
    const window = this.#windows.find(key) ?? newWindow();
    window.blockedUntil = now + durationMs;
    window.isDirty = true;
    this.#windows.keep(key, window, now);
    await this.#put(key, window);
    return window.blockedUntil;
  }

  /**
   * Forgets what this isolate counted and deletes the record.
   *
   * @throws {CloudflareClientError} `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`; this isolate has then forgotten all the same.
   */
  async reset(key: string): Promise<void> {
    const now = this.#now();
    this.#windows.keep(key, resetWindow(now), now);
    await this.#access.remove(key);
  }

  /** Joins what this isolate counted with what KV says. */
  #merge(key: string, record: WindowRecord | 'absent' | undefined, windowMs: number): Window {
    const now = this.#now();
    const window = mergeWindow(this.#windows.find(key), record, now, windowMs);
    this.#windows.keep(key, window, now);
    if (record !== undefined) window.readAt = now;
    return window;
  }

  /** Whether an attempt can be refused without asking KV. It is asked now and then, for a reset elsewhere. */
  #isSurelyRefused(window: Window | undefined, most: number): boolean {
    const now = this.#now();
    if (window === undefined) return false;
    const isFull = window.resetAt > now && window.count > most;
    if (!isFull && window.blockedUntil <= now) return false;
    return now < Math.max(window.readAt, window.writtenAt) + BLOCKED_READ_INTERVAL_MS;
  }

  async #read(key: string, keyPrefix: string): Promise<WindowRecord | 'absent' | undefined> {
    try {
      return parseRecord(await this.#access.read(key));
    } catch (cause) {
      this.#access.reportFailure('read', key, cause, keyPrefix);
      return undefined;
    }
  }

  /** Writes now, or sees to it that a write comes when the second is over. */
  async #share(key: string, window: Window, keyPrefix: string): Promise<void> {
    const now = this.#now();
    const waitMs = window.writtenAt + WRITE_INTERVAL_MS - now;
    if (waitMs <= 0) {
      const write = this.#write(key, window, keyPrefix);
      if (!this.#keepAlive(write)) await write;
      return;
    }
    // Without waitUntil nothing may outlive the request: the next attempt after the second writes.
    if (this.#waitUntil === undefined || window.delayedUntil > now) return;
    window.delayedUntil = now + waitMs;
    this.#keepAlive(this.#writeLater(key, window.writtenAt, waitMs, keyPrefix));
  }

  async #writeLater(key: string, lastWrittenAt: number, waitMs: number, keyPrefix: string): Promise<void> {
    await this.#delay(waitMs);
    const window = this.#windows.find(key);
    // The window may have ended, another attempt may have written, and a reset leaves nothing to write.
    if (window === undefined || !window.isDirty || endOf(window) <= this.#now()) return;
    if (window.writtenAt === lastWrittenAt) await this.#write(key, window, keyPrefix);
  }

  async #write(key: string, window: Window, keyPrefix: string): Promise<void> {
    try {
      await this.#put(key, window);
    } catch (cause) {
      this.#access.reportFailure('write', key, cause, keyPrefix);
    }
  }

  async #put(key: string, window: Window): Promise<void> {
    const now = this.#now();
    // Set before the write begins, so that no other attempt begins one in the same second.
    window.writtenAt = now;
    window.isDirty = false;
    const record = recordOf(window, now);
    try {
      await this.#access.write(key, JSON.stringify(record), { expirationTtl: nativeTtl((endOf(window) - now) / 1000) });
    } catch (cause) {
      window.isDirty = true;
      throw cause;
    }
  }

  #keepAlive(work: Promise<void>): boolean {
    if (this.#waitUntil === undefined) return false;
    try {
      this.#waitUntil(work);
      return true;
    } catch {
      return false;
    }
  }
}

function ruleOf({ rules, countRejected, requestId }: RateLimitAttempt): RateLimitRule {
  const [rule] = rules;
  if (rule === undefined || rules.length > 1) throw unable('rules', `of ${rules.length}`, 'counts under one rule');
  const { algorithm } = rule;
  if (algorithm !== undefined && algorithm !== 'fixed-window') {
    throw unable('algorithm', `'${algorithm}'`, "knows 'fixed-window'");
  }
  if (countRejected) throw unable('countRejected', 'true', 'would be written once a second by who is refused');
  if (requestId !== undefined) throw unable('requestId', 'of this attempt', 'knows no attempt again');
  return rule;
}

function unable(name: string, shown: string, why: string): CloudflareClientError {
  return refusal(name, shown, `KV ${why}; a store over RATE_LIMITER objects can`);
}

function decide(
  window: Window,
  { limit }: RateLimitRule,
  { cost, now }: { readonly cost: number; readonly now: number },
): RateLimitDecision {
  const isBlocked = window.blockedUntil > now;
  const allowed = !isBlocked && window.count + cost <= limit;
  const resetAt = isBlocked ? window.blockedUntil : window.resetAt;
  const retryAfterMs = allowed ? 0 : Math.max(0, resetAt - now);
  const remaining = isBlocked ? 0 : Math.max(0, limit - window.count);
  const reason = isBlocked ? 'blocked' : allowed ? 'allowed' : 'limit-exceeded';
  const rules = [{ remaining, resetAt, retryAfterMs }];
  return { allowed, reason, rules, retryAfterMs, approximate: true, decidedBy: 'kv' };
}

function withLess(decision: RateLimitDecision, cost: number): RateLimitDecision {
  return { ...decision, rules: decision.rules.map((rule) => ({ ...rule, remaining: rule.remaining - cost })) };
}
