import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { report } from '../../internal/report.js';
import { quote } from '../kv/key.js';
import { settleWithin } from '../kv/timeout.js';
import { unable } from './layered-rate-limit-store.js';
import type { RateLimitAttempt, RateLimitDecision, RateLimitStore } from './rate-limit-store.js';
import { StandInStore } from './stand-in-store.js';
import { isRateLimitStore } from './store-of.js';

/** Who is refused because nothing could be decided is told to come again after so long. */
const RETRY_AFTER_MS = 1_000;

/** What became of an attempt, also when nothing could decide about it. */
export type Verdict = Omit<RateLimitDecision, 'reason'> & {
  readonly reason: RateLimitDecision['reason'] | 'store-error';
};

/** What is asked about an attempt. */
export type Question = 'consume' | 'peek';

/** Memory that steps in for what it stands for, so that the clients of all requests count together. */
const memoryOf = new WeakMap<object, StandInStore>();

/** What `FailurePolicy` is made of. */
export interface FailurePolicyOptions {
  /** What the store counts in: memory is kept by its identity. */
  readonly origin: object;
  readonly onStoreError: 'open' | 'closed' | RateLimitStore | undefined;
  readonly timeoutMs: number;
  readonly events: EventSink | undefined;
  readonly now: () => number;
}

/** Decides about attempts that the store did not decide about. */
export class FailurePolicy {
  readonly #options: FailurePolicyOptions;

  /**
   * Takes what to do.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION`.
   */
  constructor(options: FailurePolicyOptions) {
    const { onStoreError } = options;
    const isKnown = onStoreError === undefined || onStoreError === 'open' || onStoreError === 'closed';
    if (!isKnown && !isRateLimitStore(onStoreError)) {
      const message = `Option onStoreError ${quote(onStoreError)} is refused: give 'open', 'closed' or a store.`;
      throw new CloudflareClientError('INVALID_OPTION', message);
    }
    this.#options = options;
  }

  /**
   * Decides about an attempt after `error`.
   *
   * @throws `error` itself when it says that the caller or the configuration is wrong: that is no outage.
   */
  async decide(question: Question, attempt: RateLimitAttempt, error: unknown): Promise<Verdict> {
    if (isMistake(error)) throw error;
    this.#report(attempt, error);
    const { onStoreError, now } = this.#options;
    if (onStoreError === 'open') {
      const isOverloaded = isCloudflareClientError(error, 'OBJECT_OVERLOADED');
      return isOverloaded ? refused(attempt, now()) : admitted(attempt, now());
    }
    if (onStoreError === 'closed') return refused(attempt, now());
    return this.#fallBack(question, attempt, onStoreError ?? this.#memory());
  }

  /** Forgets what memory counted of a key while it stood in. */
  async reset(key: string): Promise<void> {
    await memoryOf.get(this.#options.origin)?.reset(key);
  }

  async #fallBack(question: Question, attempt: RateLimitAttempt, store: RateLimitStore): Promise<Verdict> {
    try {
      const decision = await answerOf(ask(store, question, attempt), this.#options.timeoutMs);
      return { ...decision, approximate: true };
    } catch (error) {
      // Also when the fallback cannot do what is asked: an outage is no time to find that out by an exception.
      this.#report(attempt, error);
      return refused(attempt, this.#options.now());
    }
  }

  #memory(): StandInStore {
    const { origin, now } = this.#options;
    let memory = memoryOf.get(origin);
    if (memory === undefined) memoryOf.set(origin, (memory = new StandInStore(now)));
    return memory;
  }

  #report({ keyPrefix }: RateLimitAttempt, error: unknown): void {
    const { events } = this.#options;
    if (events === undefined) return;
    const code = isCloudflareClientError(error) ? error.code : 'OBJECT_FAILED';
    report(events, { type: 'client.error', source: 'rate-limit', operation: 'call', keyPrefix, code, error });
  }
}

/**
 * Asks a store.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION` when it cannot peek. Throws as the store does.
 */
export function ask(
  store: RateLimitStore,
  question: Question,
  attempt: RateLimitAttempt,
): RateLimitDecision | Promise<RateLimitDecision> {
  if (question === 'consume') return store.consume(attempt);
  if (store.peek === undefined) throw unable('peek');
  return store.peek(attempt);
}

/**
 * Waits for an answer, but not for ever.
 *
 * @throws {CloudflareClientError} `OBJECT_TIMEOUT`. Rejects as the answer does.
 */
export async function answerOf<T>(answer: T | Promise<T>, timeoutMs: number): Promise<T> {
  if (!(answer instanceof Promise)) return answer;
  const settled = await settleWithin(answer, timeoutMs);
  if (settled !== 'late') return settled.value;
  throw new CloudflareClientError('OBJECT_TIMEOUT', `The rate-limit store did not answer within ${timeoutMs} ms.`);
}

function isMistake(error: unknown): boolean {
  return isCloudflareClientError(error) && error.code.startsWith('INVALID_');
}

function admitted({ rules, cost }: RateLimitAttempt, now: number): Verdict {
  const decisions = rules.map(({ limit, windowMs }) => ({
    remaining: limit - cost,
    resetAt: now + windowMs,
    retryAfterMs: 0,
  }));
  return { allowed: true, retryAfterMs: 0, rules: decisions, ...UNDECIDED };
}

function refused({ rules }: RateLimitAttempt, now: number): Verdict {
  const resetAt = now + RETRY_AFTER_MS;
  const decisions = rules.map(() => ({ remaining: 0, resetAt, retryAfterMs: RETRY_AFTER_MS }));
  return { allowed: false, retryAfterMs: RETRY_AFTER_MS, rules: decisions, ...UNDECIDED };
}

const UNDECIDED = { reason: 'store-error', approximate: true, decidedBy: 'isolate' } as const;
