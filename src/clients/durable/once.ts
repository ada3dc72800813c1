import type { CounterApi } from '../../durable-objects/counter/counter-api.js';
import type { BeginReply, OnceApi } from '../../durable-objects/counter/once-api.js';
import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import type { EventSink } from '../../events.js';
import { report } from '../../internal/report.js';
import { onAbort } from '../../internal/on-abort.js';
import { startTimer } from '../../internal/start-timer.js';
import { keyPrefix } from '../kv/key.js';
import { checkName, onceObject } from './counter-names.js';
import type { OnceOptions, OnceResult, OnceRun } from './counter-types.js';
import type { ObjectCaller } from './object-caller.js';
import { OnceLease } from './once-lease.js';
import type { ResolvedOnceOptions } from './once-options.js';
import { resolveOnceOptions } from './once-options.js';
import { outcomeOf, valueOf } from './once-outcome.js';

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;
/** Longest time that giving up may take, in milliseconds. */
const MAX_WITHDRAWAL_MS = 1_000;

/** What the client shares with its work done once. */
export interface OnceContext {
  readonly caller: ObjectCaller<CounterApi & OnceApi>;
  readonly events: EventSink | undefined;
  readonly now: () => number;
  readonly newId: () => string;
  readonly random: () => number;
  readonly delay: ((ms: number) => Promise<void>) | undefined;
}

/** A piece of work as it was asked for. */
export interface OnceRequest<T> {
  readonly key: string;
  readonly work: (run: OnceRun) => Promise<T>;
  readonly options: OnceOptions;
}

/** Does a piece of work once: `CounterClient.once`. */
export async function runOnce<T>(context: OnceContext, { key, work, options }: OnceRequest<T>): Promise<OnceResult<T>> {
  checkName('key', key);
  const resolved = resolveOnceOptions(options);
  resolved.signal?.throwIfAborted();
  return new OnceCall<T>(context, key, resolved).run(work);
}

/** One call of `once`: it asks under one run id until it has the run, or the result. */
class OnceCall<T> {
  readonly #context: OnceContext;
  readonly #key: string;
  readonly #object: string;
  readonly #options: ResolvedOnceOptions;
  readonly #runId: string;
  /** When the object was last asked for the run: a lease is never taken to be longer than from then. */
  #askedAt = 0;

  constructor(context: OnceContext, key: string, options: ResolvedOnceOptions) {
    this.#context = context;
    this.#key = key;
    this.#object = onceObject(key);
    this.#options = options;
    this.#runId = context.newId();
  }

  async run(work: (run: OnceRun) => Promise<T>): Promise<OnceResult<T>> {
    const reply = await this.#waitForTurn();
    if (reply.state === 'run') return this.#work(work, reply.fence);
    report(this.#context.events, { type: 'counter.replayed', keyPrefix: keyPrefix(this.#key) });
    return { value: valueOf(reply.outcome, this.#key) as T, replayed: true, stored: true };
  }

  async #waitForTurn(): Promise<Extract<BeginReply, { state: 'run' | 'done' }>> {
    const { now, random } = this.#context;
    const { timeoutMs, signal } = this.#options;
    const startedAt = now();
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      const reply = await this.#begin();
      if (signal?.aborted === true) await this.#leave(reply, signal);
      if (reply.state === 'run' || reply.state === 'done') return reply;
      if (reply.state === 'conflict') throw conflict(this.#key);
      const leftMs = timeoutMs - (now() - startedAt);
      if (leftMs <= 0) throw inProgress(this.#key, timeoutMs);
      await this.#pause(Math.min(pauseMs * (0.5 + random()), leftMs));
    }
  }

  async #begin(): Promise<BeginReply> {
    const { fingerprint, leaseMs, ttlMs } = this.#options;
    this.#askedAt = this.#context.now();
    try {
      return await this.#context.caller.call(this.#object, 'begin', {
        runId: this.#runId,
        fingerprint,
        leaseMs,
        ttlMs,
      });
    } catch (error) {
      // Nobody knows whether it was granted: the others would wait for a run that nobody does.
      if (!isCloudflareClientError(error, 'INVALID_BINDING')) await this.#abandon(null);
      throw error;
    }
  }

  async #leave(reply: BeginReply, signal: AbortSignal): Promise<never> {
    if (reply.state === 'run') await this.#abandon(reply.fence);
    throw signal.reason;
  }

  /** Waits, unless the signal is aborted: rejects with its reason then. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      const cancel = startTimer(
        () => {
          letGo();
          resolve();
        },
        ms,
        this.#context.delay,
      );
      const letGo = onAbort(signal, () => {
        cancel();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the caller's own reason.
        reject(signal?.reason);
      });
    });
  }

  async #work(work: (run: OnceRun) => Promise<T>, fence: number): Promise<OnceResult<T>> {
    const { now, delay } = this.#context;
    const { leaseMs, signal } = this.#options;
    const lease = new OnceLease({
      leaseMs,
      sentAt: this.#askedAt,
      now,
      delay,
      renew: (timeoutMs) => this.#renew(fence, timeoutMs),
      lost: () => leaseLost(this.#key),
      callerSignal: signal,
    });
    let value: T;
    try {
      value = await work({ signal: lease.signal, fence });
    } catch (error) {
      lease.stop();
      await this.#abandon(fence);
      throw error;
    }
    lease.stop();
    return { value, replayed: false, stored: await this.#finish(outcomeOf(value, this.#key), fence) };
  }

  async #renew(fence: number, timeoutMs: number): Promise<boolean> {
    const caller = this.#context.caller.within(timeoutMs);
    const request = { runId: this.#runId, fence, leaseMs: this.#options.leaseMs };
    return (await caller.call(this.#object, 'renew', request)).held;
  }

  async #finish({ outcome, fault }: ReturnType<typeof outcomeOf>, fence: number): Promise<boolean> {
    if (fault !== null) this.#reportFailure(fault);
    const { ttlMs } = this.#options;
    try {
      const request = { runId: this.#runId, fence, outcome, ttlMs };
      const { stored } = await this.#context.caller.call(this.#object, 'finish', request);
      return stored && fault === null;
    } catch (error) {
      this.#reportFailure(error);
      return false;
    }
  }

  /** Gives the run up; `null`: whichever it was granted. */
  async #abandon(fence: number | null): Promise<void> {
    const { caller } = this.#context;
    try {
      await (fence === null ? caller.within(MAX_WITHDRAWAL_MS) : caller).call(this.#object, 'abandon', {
        runId: this.#runId,
        fence,
      });
    } catch (error) {
      // The lease ends by itself.
      this.#reportFailure(error);
    }
  }

  #reportFailure(error: unknown): void {
    const code = isCloudflareClientError(error) ? error.code : 'OBJECT_FAILED';
    const prefix = keyPrefix(this.#key);
    const event = {
      type: 'client.error',
      source: 'counter',
      operation: 'call',
      keyPrefix: prefix,
      code,
      error,
    } as const;
    report(this.#context.events, event);
  }
}

function conflict(key: string): CloudflareClientError {
  const message = `The key ${keyPrefix(key)}… of once was used before with another fingerprint.`;
  return new CloudflareClientError('IDEMPOTENCY_CONFLICT', message);
}

function inProgress(key: string, timeoutMs: number): CloudflareClientError {
  const message = `What once does under ${keyPrefix(key)}… is still being done by another caller after ${timeoutMs} ms.`;
  return new CloudflareClientError('ONCE_IN_PROGRESS', message);
}

function leaseLost(key: string): CloudflareClientError {
  const message = `The lease of what once does under ${keyPrefix(key)}… is lost: another caller may be doing it.`;
  return new CloudflareClientError('LOCK_LOST', message);
}
