import { onAbort } from '../../../internal/on-abort.js';
import type { ResolvedR2Options } from '../r2-config.js';
import { toR2Error, type R2Call } from '../r2-error.js';
import { IdleTimer } from '../s3/idle-timer.js';
import { abortError } from '../s3/s3-call.js';
import { abortableWait } from '../transfer/abortable-wait.js';
import { isMomentary, toS3Failure } from './binding-error.js';

/** How one call of the binding is run. */
export interface BindingCallOptions<T> {
  readonly signal?: AbortSignal | undefined;
  /** For work that can be done once only, such as sending a stream. @default false */
  readonly once?: boolean | undefined;
  /** Lets go of an answer that came after the call was given up. */
  readonly discard?: ((late: T) => void) | undefined;
}

/** What one attempt is given. */
export interface BindingAttempt {
  /** Counting from 1. */
  readonly number: number;
  /** Tells that something moved: the time without progress counts anew. */
  readonly onProgress: () => void;
  /** Fires when the attempt is given up, by the caller's signal or by silence: what it sends must end without being stored. */
  readonly signal: AbortSignal;
}

const FIRST_DELAY_MS = 100;

/**
 * Runs calls of a binding as those over S3 are run: momentary failures are tried again, silence and the caller's signal end
 * them, and whatever fails becomes an error of ours of the same code and message. The binding itself does none of that.
 */
export class BindingCalls {
  readonly options: ResolvedR2Options;

  constructor(options: ResolvedR2Options) {
    this.options = options;
  }

  /**
   * Runs `work`, up to `maxAttempts` times.
   *
   * @throws {CloudflareClientError} `R2_*` naming `call`; `R2_ABORTED` with the signal's reason as its cause.
   */
  async run<T>(
    call: R2Call,
    options: BindingCallOptions<T>,
    work: (attempt: BindingAttempt) => Promise<T>,
  ): Promise<T> {
    const { maxAttempts, wait } = this.options;
    const { signal } = options;
    const last = options.once === true ? 1 : maxAttempts;
    try {
      for (let number = 1; ; number += 1) {
        const failure = await this.#attempt(number, options, work).then(
          (value) => ({ value }),
          (error: unknown) => ({ error: toS3Failure(error) }),
        );
        if ('value' in failure) return failure.value;
        if (number >= last || !isMomentary(failure.error)) throw failure.error;
        await abortableWait(FIRST_DELAY_MS * 2 ** (number - 1), { signal, wait }, () => abortError(signal));
      }
    } catch (error) {
      throw toR2Error(error, call);
    }
  }

  async #attempt<T>(
    number: number,
    { signal, discard }: BindingCallOptions<T>,
    work: (attempt: BindingAttempt) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const givenUp = new Promise<never>((_resolve, reject) => {
      // Rejected first: what the abort makes fail must not be taken for the reason.
      onAbort(controller.signal, () => reject(controller.signal.reason as Error));
    });
    const idle = new IdleTimer(this.options.timeoutMs, () => controller.abort(silence(this.options.timeoutMs)));
    const stopListening = onAbort(signal, () => controller.abort(abortError(signal)));
    idle.restart();
    const working = controller.signal.aborted
      ? new Promise<never>(() => undefined)
      : work({ number, onProgress: () => idle.restart(), signal: controller.signal });
    try {
      return await Promise.race([givenUp, working]);
    } catch (error) {
      if (controller.signal.aborted) working.then(discard, () => undefined);
      throw error;
    } finally {
      idle.stop();
      stopListening();
    }
  }
}

function silence(timeoutMs: number): Error {
  return Object.assign(new Error(`No progress for ${timeoutMs} ms.`), { name: 'TimeoutError' });
}
