interface Waiter {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One read and load under way for a key, and the callers that came after it began. */
export class Flight {
  /** Set when the key was deleted or written meanwhile: what this flight loads is older and must not be stored. */
  isSuperseded = false;
  /** The write under way; it never rejects. */
  writing: Promise<void> | undefined;
  #waiters: Waiter[] | undefined;

  /** Waits for what the first caller gets. */
  join(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      (this.#waiters ??= []).push({ resolve, reject });
    });
  }

  /** Gives every waiting caller a copy of its own, parsed from `text`, so that none can change another's object. */
  landCopies(text: string): void {
    this.#waiters?.forEach(({ resolve }) => resolve(JSON.parse(text)));
  }

  /** Gives every waiting caller the same value, which JSON cannot copy. */
  landShared(value: unknown): void {
    this.#waiters?.forEach(({ resolve }) => resolve(value));
  }

  /** Rejects every waiting caller with the loader's own error. */
  fail(error: unknown): void {
    this.#waiters?.forEach(({ reject }) => reject(error));
  }
}
