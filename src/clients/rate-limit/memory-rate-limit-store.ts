import type { ObjectHost } from '../../durable-objects/object-host.js';
import { RateLimitMachine } from '../../durable-objects/rate-limit/rate-limit-machine.js';
import { BoundedMap } from './bounded-map.js';
import { checkRequest, refundRequest, toDecision, toObjectRule } from './object-requests.js';
import { checkInteger } from '../check-option.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';

const DEFAULT_MAX_KEYS = 10_000;
const MOST_KEYS = 1_000_000;

/** Options of `MemoryRateLimitStore`. */
export interface MemoryRateLimitStoreOptions {
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Most keys that are kept, an integer from 1 to 1,000,000. When there are more, the one that was not used for longest is forgotten with its count.
   *
   * @default 10_000
   */
  readonly maxKeys?: number | undefined;
}

/** The state machine of one key, and when it wants to look whether it still matters. */
class MemoryKey {
  readonly machine: RateLimitMachine;
  readonly #rows = new Map<string, unknown>();
  #alarmAt: number | undefined;

  constructor(now: () => number) {
    const rows = this.#rows;
    const host: ObjectHost = {
      // Nothing is copied: the machine is never dropped without its rows.
      storage: {
        get: (key) => rows.get(key),
        put: (key, value) => void rows.set(key, value),
        delete: (key) => rows.delete(key),
        list: ({ prefix }) => [...rows].filter(([key]) => key.startsWith(prefix)),
      },
      now,
      setAlarm: (at) => (this.#alarmAt = at),
      clear: () => {
        rows.clear();
        this.#alarmAt = undefined;
      },
      setTimer: () => () => undefined,
    };
    this.machine = new RateLimitMachine(host);
  }

  /** Whether nothing in it matters any more. */
  isOver(now: number): boolean {
    if (this.#alarmAt !== undefined && this.#alarmAt <= now) this.machine.alarm();
    return this.#alarmAt === undefined;
  }
}

/**
 * Counts in memory, by the state machine of the Durable Objects: the same decisions, in this process or isolate alone. For development and tests, and
 * for when the objects do not answer. Other isolates count for themselves, so `approximate` is `true`.
 *
 * @example
 * ```ts
 * const limiter = new RateLimiterClient(new MemoryRateLimitStore());
 * const { allowed } = await limiter.checkLimit(ip, { limit: 5, window: 60, keyPrefix: 'rl:login:' });
 * ```
 */
export class MemoryRateLimitStore implements RateLimitStore {
  readonly #keys: BoundedMap<MemoryKey>;
  readonly #now: () => number;

  /**
   * Makes an empty store.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION`.
   */
  constructor({ now = Date.now, maxKeys = DEFAULT_MAX_KEYS }: MemoryRateLimitStoreOptions = {}) {
    checkInteger('maxKeys', maxKeys, 1, MOST_KEYS);
    this.#keys = new BoundedMap(maxKeys);
    this.#now = now;
  }

  /** How many keys are kept. */
  get size(): number {
    return this.#keys.size;
  }

  /** Decides about an attempt and counts it. */
  consume(attempt: RateLimitAttempt): RateLimitDecision {
    const reply = this.#machine(attempt.key).check(checkRequest(attempt, notSentAgain));
    return toDecision(reply, this.#now(), MEMORY);
  }

  /** What `consume` would answer. */
  peek({ key, rules, cost }: RateLimitAttempt): RateLimitDecision {
    const reply = this.#machine(key).peek({ rules: rules.map(toObjectRule), cost });
    return toDecision(reply, this.#now(), MEMORY);
  }

  /** Gives units back: with `requestId` those that this attempt took, once. */
  refund(attempt: RateLimitAttempt): Promise<number> {
    const { refunded } = this.#machine(attempt.key).refund(refundRequest(attempt, notSentAgain));
    return Promise.resolve(refunded);
  }

  /** Refuses everything under `key`. */
  block(key: string, _keyPrefix: string, durationMs: number): Promise<number> {
    return Promise.resolve(this.#machine(key).block({ durationMs }).blockedUntil);
  }

  /** Forgets the counts and the block of `key`. */
  reset(key: string, _keyPrefix: string): Promise<void> {
    this.#keys.delete(key);
    return Promise.resolve();
  }

  #machine(key: string): RateLimitMachine {
    const now = this.#now();
    this.#dropOver(now);
    let known = this.#keys.get(key);
    if (known === undefined) this.#keys.set(key, (known = new MemoryKey(this.#now)));
    else known.isOver(now);
    return known.machine;
  }

  /** Forgets a key that does not matter any more, if the oldest is one: each call takes one away, so they do not heap up. */
  #dropOver(now: number): void {
    const oldest = this.#keys.oldest();
    if (oldest?.[1].isOver(now) === true) this.#keys.delete(oldest[0]);
  }
}

const MEMORY = { decidedBy: 'memory', approximate: true } as const;

/** No answer gets lost in memory. A minute of operations that are to be known again is more than an isolate can hold of a flood. */
function notSentAgain(): string {
  return '';
}
