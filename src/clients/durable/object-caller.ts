import { CloudflareClientError } from '../../errors.js';
import type { ErrorCode } from '../../errors.js';
import { startTimer } from '../../internal/start-timer.js';
import { keyPrefix } from '../kv/key.js';
import { checkTimeout } from '../kv/timeout.js';
import type { ObjectNamespaceLike } from './object-namespace.js';
import { isObjectNamespace } from './object-namespace.js';

const MAX_ATTEMPTS = 3;
const BASE_DELAY_MS = 50;
// Half of what objects remember operations for (JOURNAL_MS): a later attempt could be done a second time.
const RETRY_WITHIN_MS = 30_000;
// A stub has methods since RPC came with this compatibility date: https://developers.cloudflare.com/workers/configuration/compatibility-flags/
const NO_RPC = 'The stub does not support RPC: it needs a compatibility date of 2024-04-03 or later.';
const WRONG_OBJECT = /does not implement the method|does not support RPC/;

type Rpc = (...args: unknown[]) => Promise<unknown>;

/** What an object of ours answers to, by name: the methods of its state machine. */
export type ObjectApi<Api> = { [Method in keyof Api]: (...args: never[]) => unknown };

/** How a client reaches the objects of one namespace. */
export interface ObjectCallerOptions {
  /** The class that the binding must name: `LockObject`. */
  readonly className: string;
  /** Milliseconds after which a call, with all its attempts, is given up. */
  readonly timeoutMs: number;
  /** Where new objects are to be made, such as `weur`; the platform places them near the first caller otherwise. */
  readonly locationHint?: string | undefined;
  /** Waits for so many milliseconds; for tests. */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /** A number from 0 to 1, for the jitter between attempts; for tests. */
  readonly random?: (() => number) | undefined;
}

/** Whether it is too late for another attempt: the caller has left, or the object may have forgotten the first one. */
class CallState {
  #isOver = false;
  #endPause = (): void => undefined;

  isOver(): boolean {
    return this.#isOver;
  }

  /** Waits between two attempts, until it is over at the latest. */
  pause(ms: number, delay: ObjectCallerOptions['delay']): Promise<void> {
    return new Promise((resolve) => {
      const cancel = startTimer(resolve, ms, delay);
      this.#endPause = () => {
        cancel();
        resolve();
      };
    });
  }

  readonly end = (): void => {
    this.#isOver = true;
    this.#endPause();
  };
}

/**
 * Calls the objects of one namespace: a new stub for each attempt, as one whose object was reset fails for ever; up to three
 * attempts with jitter after a failure that the platform calls retryable, none after an overload
 * (https://developers.cloudflare.com/durable-objects/best-practices/error-handling/). A call may so be done twice: its arguments
 * carry an operation id that the object knows again.
 */
export class ObjectCaller<Api extends ObjectApi<Api>> {
  readonly #namespace: ObjectNamespaceLike;
  readonly #options: ObjectCallerOptions;

  constructor(namespace: ObjectNamespaceLike, options: ObjectCallerOptions) {
    checkObjectNamespace(namespace, options.className);
    checkTimeout(options.timeoutMs);
    this.#namespace = namespace;
    this.#options = options;
  }

  /** The same, giving up after `timeoutMs` if that is sooner. */
  within(timeoutMs: number): ObjectCaller<Api> {
    if (timeoutMs >= this.#options.timeoutMs) return this;
    return new ObjectCaller<Api>(this.#namespace, { ...this.#options, timeoutMs });
  }

  /**
   * Calls a method of the object `name`.
   *
   * @param name the object's name; messages show it up to its first colon.
   * @param method what is called.
   * @param args what it is given.
   * @returns what it answers.
   * @throws {CloudflareClientError} `OBJECT_FAILED`, `OBJECT_OVERLOADED`, `OBJECT_TIMEOUT` (whether it was done is then not known);
   *   `INVALID_BINDING` when the objects have no such method.
   */
  async call<Method extends keyof Api & string>(
    name: string,
    method: Method,
    ...args: Parameters<Api[Method]>
  ): Promise<Awaited<ReturnType<Api[Method]>>> {
    const { timeoutMs } = this.#options;
    const timers: ReturnType<typeof setTimeout>[] = [];
    const state = new CallState();
    const timeout = new Promise<never>((_, reject) => {
      timers.push(setTimeout(() => reject(timedOut(name, method, timeoutMs)), timeoutMs));
    });
    if (timeoutMs > RETRY_WITHIN_MS) timers.push(setTimeout(state.end, RETRY_WITHIN_MS));
    try {
      const work = this.#attempt(name, method, args, state);
      return (await Promise.race([work, timeout])) as Awaited<ReturnType<Api[Method]>>;
    } finally {
      state.end();
      for (const timer of timers) clearTimeout(timer);
    }
  }

  async #attempt(name: string, method: string, args: unknown[], state: CallState): Promise<unknown> {
    const { className, delay, random = Math.random } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#send(name, method, args);
      } catch (cause) {
        const error = failure(cause, name, method, className);
        if (attempt >= MAX_ATTEMPTS || state.isOver() || !isRetryable(cause)) throw error;
        await state.pause(BASE_DELAY_MS * 2 ** (attempt - 1) * (0.5 + random()), delay);
        if (state.isOver()) throw error;
      }
    }
  }

  async #send(name: string, method: string, args: unknown[]): Promise<unknown> {
    const { locationHint } = this.#options;
    const id = this.#namespace.idFromName(name);
    // A hint matters to a new object alone.
    const options = locationHint === undefined ? undefined : { locationHint };
    const stub = this.#namespace.get(id as never, options as never) as Record<string, Rpc | undefined>;
    // Called on the stub: a method of one is bound to nothing.
    if (typeof stub[method] !== 'function') throw new TypeError(NO_RPC);
    return stub[method](...args);
  }
}

/**
 * Refuses what is not a Durable Object namespace.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING`, saying what wrangler.jsonc needs.
 */
export function checkObjectNamespace(namespace: unknown, className: string): asserts namespace is ObjectNamespaceLike {
  if (isObjectNamespace(namespace)) return;
  throw new CloudflareClientError(
    'INVALID_BINDING',
    `What was given (${typeof namespace}) is not a Durable Object namespace: bind ${className} under durable_objects in wrangler.jsonc and pass env.BINDING.`,
  );
}

function isRetryable(cause: unknown): boolean {
  const { retryable, overloaded, durableObjectReset } = (cause ?? {}) as Partial<Record<string, unknown>>;
  return overloaded !== true && (retryable === true || durableObjectReset === true);
}

function failure(cause: unknown, name: string, method: string, className: string): CloudflareClientError {
  const shown = `${keyPrefix(name)}…`;
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof TypeError && WRONG_OBJECT.test(message)) {
    const remedy =
      cause.message === NO_RPC
        ? 'set compatibility_date in wrangler.jsonc to 2024-04-03 or later'
        : `check that the binding names ${className} of @codex/cloudflare-clients/durable-objects`;
    return new CloudflareClientError('INVALID_BINDING', `The bound object has no ${method}: ${remedy}.`, { cause });
  }
  const isOverloaded = (cause as { overloaded?: unknown } | null)?.overloaded === true;
  const code: ErrorCode = isOverloaded ? 'OBJECT_OVERLOADED' : 'OBJECT_FAILED';
  const what = isOverloaded ? 'is overloaded' : 'failed';
  return new CloudflareClientError(code, `The object ${shown} ${what} in ${method}: ${message}`, { cause });
}

function timedOut(name: string, method: string, timeoutMs: number): CloudflareClientError {
  const message = `The object ${keyPrefix(name)}… did not answer ${method} within ${timeoutMs} ms; it may have been done.`;
  return new CloudflareClientError('OBJECT_TIMEOUT', message);
}
