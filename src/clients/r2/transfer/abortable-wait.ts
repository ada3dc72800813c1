import { onAbort } from '../../../internal/on-abort.js';

/** How to wait, and what ends it. */
export interface WaitOptions {
  readonly signal: AbortSignal | undefined;
  readonly wait: (milliseconds: number) => Promise<void>;
}

/**
 * Waits; the signal ends it with an error.
 *
 * @param milliseconds how long.
 * @param options the way to wait, and the signal.
 * @param aborted makes the error.
 */
export async function abortableWait(
  milliseconds: number,
  { signal, wait }: WaitOptions,
  aborted: () => Error,
): Promise<void> {
  if (signal?.aborted === true) throw aborted();
  let stopListening: () => void = () => undefined;
  const ended = new Promise<never>((_resolve, reject) => {
    stopListening = onAbort(signal, () => reject(aborted()));
  });
  try {
    await Promise.race([wait(milliseconds), ended]);
  } finally {
    stopListening();
  }
}
