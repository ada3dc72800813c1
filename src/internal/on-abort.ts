// One listener for each signal: Node warns of a leak from the eleventh on, and a caller may share one among a thousand requests.
const fans = new WeakMap<AbortSignal, AbortFan>();

/**
 * Calls `callback` once when the signal fires; at once when it has fired already. All of this package listens to signals by this.
 *
 * @param signal none: the callback is never called.
 * @param callback must not throw.
 * @returns lets go of the signal; to be called when the work is done, else the signal holds what the callback holds.
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) {
    callback();
    return () => undefined;
  }
  const fan = fans.get(signal) ?? new AbortFan(signal);
  fans.set(signal, fan);
  return fan.add(callback);
}

/** Everyone who waits for one signal. It listens only while there is someone. */
class AbortFan {
  readonly #signal: AbortSignal;
  readonly #waiting = new Set<{ readonly callback: () => void }>();
  readonly #onAbort = (): void => {
    // One that leaves meanwhile is not called.
    for (const entry of this.#waiting) entry.callback();
    this.#waiting.clear();
  };

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  add(callback: () => void): () => void {
    // Of its own: the same function may wait twice.
    const entry = { callback };
    if (this.#waiting.size === 0) this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#waiting.add(entry);
    return () => {
      if (this.#waiting.delete(entry) && this.#waiting.size === 0) {
        this.#signal.removeEventListener('abort', this.#onAbort);
      }
    };
  }
}
