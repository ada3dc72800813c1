import { randomId } from '../../internal/random-id.js';
import type { LockApi } from '../../durable-objects/lock/lock-api.js';
import type { ClientEvent, EventSink } from '../../events.js';
import { isCloudflareClientError } from '../../errors.js';
import { report } from '../../internal/report.js';
import { startTimer } from '../../internal/start-timer.js';
import { keyPrefix } from '../kv/key.js';
import { ObjectCaller } from './object-caller.js';
import type { ObjectNamespaceLike } from './object-namespace.js';

/** Options of {@link LockClient}. */
export interface LockClientOptions {
  /** Where `lock.*` events go, and what went wrong without being thrown. */
  readonly events?: EventSink | undefined;
  /**
   * Milliseconds after which a call of a lock object is given up, up to 2,147,483,647. What `acquire` waits for others comes on top.
   *
   * @default 5_000
   */
  readonly timeoutMs?: number | undefined;
  /** Where new lock objects are made, such as `weur`; near the first caller otherwise. */
  readonly locationHint?: string | undefined;
  /**
   * The clock, in milliseconds since the epoch. Only what it moves on between two readings is used.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Waits for so many milliseconds; for tests.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /**
   * Makes the name of an attempt, which must be a secret and never come twice; for tests.
   *
   * @default crypto.randomUUID
   */
  readonly newId?: (() => string) | undefined;
  /**
   * A number from 0 to 1, for the jitter between attempts; for tests.
   *
   * @default Math.random
   */
  readonly random?: (() => number) | undefined;
}

/** What locks share of their client: objects, clock, timers and events. */
export class LockServices {
  readonly timeoutMs: number;
  readonly now: () => number;
  readonly newId: () => string;
  readonly #namespace: ObjectNamespaceLike;
  readonly #options: LockClientOptions;
  readonly #callers = new Map<number, ObjectCaller<LockApi>>();

  constructor(namespace: ObjectNamespaceLike, options: LockClientOptions) {
    this.#namespace = namespace;
    this.#options = options;
    this.timeoutMs = options.timeoutMs ?? 5_000;
    this.now = options.now ?? Date.now;
    this.newId = options.newId ?? randomId;
    this.caller(this.timeoutMs);
  }

  /** What calls lock objects and gives up after `timeoutMs`. */
  caller(timeoutMs: number): ObjectCaller<LockApi> {
    const known = this.#callers.get(timeoutMs);
    if (known !== undefined) return known;
    const { locationHint, delay, random } = this.#options;
    const options = { className: 'LockObject', timeoutMs, locationHint, delay, random };
    const caller = new ObjectCaller<LockApi>(this.#namespace, options);
    // A handful: one for each length of lease.
    if (this.#callers.size < 16) this.#callers.set(timeoutMs, caller);
    return caller;
  }

  /** Calls `fire` after so many milliseconds. Returns what cancels it. */
  startTimer(fire: () => void, ms: number): () => void {
    return startTimer(fire, ms, this.#options.delay);
  }

  /** Reports an event. */
  report(event: ClientEvent): void {
    report(this.#options.events, event);
  }

  /** Reports a failure that is not thrown. */
  reportFailure(name: string, error: unknown): void {
    const code = isCloudflareClientError(error) ? error.code : 'OBJECT_FAILED';
    this.report({ type: 'client.error', source: 'lock', operation: 'call', keyPrefix: keyPrefix(name), code, error });
  }
}
