import { onAbort } from '../../internal/on-abort.js';
import type { LockServices } from './lock-services.js';

/** Why a wait ended before what was waited for. */
export type InterruptionReason = 'timeout' | 'aborted';

/** The end of a wait, by time or by the caller's signal. Nothing of it is left after `end()`. */
export class Interruption {
  /** Resolves when it happens; never after `end()`. */
  readonly happened: Promise<InterruptionReason>;
  #isOver = false;
  #end: () => void = () => undefined;

  constructor(services: LockServices, timeoutMs: number | undefined, signal: AbortSignal | undefined) {
    this.happened = new Promise((resolve) => {
      const stopListening = onAbort(signal, () => resolve('aborted'));
      const cancelTimer =
        timeoutMs === undefined ? undefined : services.startTimer(() => resolve('timeout'), timeoutMs);
      this.#end = () => {
        stopListening();
        cancelTimer?.();
      };
    });
  }

  /** Whether the caller has left, with what it waited for or without. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Removes timer and listener. */
  end(): void {
    this.#isOver = true;
    this.#end();
  }
}
