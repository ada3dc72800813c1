const MAX_KEYS = 1_000;
/** How long a refresh counts as under way when nobody says that it is over: Workers cut background work after 30 s. */
const MAX_REFRESH_MS = 30_000;

/**
 * Lets one background refresh per key through, and none while its back-off lasts. Shared by the requests of an isolate, so it
 * holds times and no promises.
 */
export class RefreshGate {
  readonly #closedUntil = new Map<string, { readonly until: number; readonly hasFailed: boolean }>();

  /** Whether a refresh of `key` may begin; if so, it has. */
  tryBegin(key: string, now: number): boolean {
    if (this.#isClosed(key, now)) return false;
    this.#close(key, now + MAX_REFRESH_MS, false);
    return true;
  }

  /** Whether a load of `key` failed less than its back-off ago. */
  isBackingOff(key: string, now: number): boolean {
    return this.#isClosed(key, now) && this.#closedUntil.get(key)?.hasFailed === true;
  }

  /** A load of `key` went well. */
  succeed(key: string): void {
    this.#closedUntil.delete(key);
  }

  /** What was loaded for `key` could not be stored: every reader would refresh it. None begins in the background until `until`. */
  rest(key: string, until: number): void {
    this.#close(key, until, false);
  }

  /** A load of `key` failed: none begins in the background until `until`. */
  fail(key: string, until: number): void {
    this.#close(key, until, true);
  }

  #isClosed(key: string, now: number): boolean {
    return now < (this.#closedUntil.get(key)?.until ?? -Infinity);
  }

  #close(key: string, until: number, hasFailed: boolean): void {
    // The oldest goes first: it is the one that opens soonest.
    this.#closedUntil.delete(key);
    if (this.#closedUntil.size >= MAX_KEYS) this.#closedUntil.delete(this.#closedUntil.keys().next().value ?? '');
    this.#closedUntil.set(key, { until, hasFailed });
  }
}
