import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { KVAccess } from '../kv/kv-access.js';
import type { KVNamespaceLike } from '../kv/kv-namespace.js';
import type { OperationBudget } from '../kv/operation-budget.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';
import type { Window, WindowRecord, Windows } from './rate-limit-windows.js';
import { mergeWindow, parseRecord, resetWindow, windowsFor } from './rate-limit-windows.js';
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
 * wait for the next write. See `RateLimiterClient` for what that cannot promise.
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

  /** Decides about one attempt. A failing KV leaves the isolate's own count to decide, and is reported. */
  async consume({ key, keyPrefix, rules: [first] }: RateLimitAttempt): Promise<RateLimitDecision> {
    const rule = { limit: 1, windowMs: 1000, ...first, keyPrefix };
    const known = this.#windows.find(key);
    const record = this.#isSurelyBlocked(known, rule.limit) ? undefined : await this.#read(key, rule.keyPrefix);
    // From here to the count nothing may wait: another attempt would decide on the same count.
    const now = this.#now();
    const window = mergeWindow(this.#windows.find(key), record, now, rule.windowMs);
    this.#windows.keep(key, window, now);
    if (record !== undefined) window.readAt = now;
    const allowed = window.count < rule.limit;
    if (allowed) {
      window.count += 1;
      window.isDirty = true;
    }
    const retryAfterMs = allowed ? 0 : Math.max(0, window.resetAt - now);
    const decision = { remaining: Math.max(0, rule.limit - window.count), resetAt: window.resetAt, retryAfterMs };
    if (window.isDirty) await this.#share(key, window, rule.keyPrefix);
    const reason = allowed ? 'allowed' : 'limit-exceeded';
    return { allowed, reason, rules: [decision], retryAfterMs, approximate: true, decidedBy: 'kv' };
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

  /** Whether an attempt can be refused without asking KV. It is asked now and then, for a reset elsewhere. */
  #isSurelyBlocked(window: Window | undefined, limit: number): boolean {
    const now = this.#now();
    if (window === undefined || window.resetAt <= now || window.count < limit) return false;
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
    if (window === undefined || !window.isDirty || window.resetAt <= this.#now()) return;
    if (window.writtenAt === lastWrittenAt) await this.#write(key, window, keyPrefix);
  }

  async #write(key: string, window: Window, keyPrefix: string): Promise<void> {
    const now = this.#now();
    const { count, resetAt } = window;
    // Set before the write begins, so that no other attempt begins one in the same second.
    window.writtenAt = now;
    window.isDirty = false;
    const record: WindowRecord = { count, resetAt, at: now };
    try {
      await this.#access.write(key, JSON.stringify(record), { expirationTtl: nativeTtl((resetAt - now) / 1000) });
    } catch (cause) {
      window.isDirty = true;
      this.#access.reportFailure('write', key, cause, keyPrefix);
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
