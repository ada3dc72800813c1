/** How far a transfer has come. */
export interface R2Progress {
  /** Bytes so far; never fewer than at the call before. */
  readonly loaded: number;
  /** Bytes in all; `null` when that is not known. */
  readonly total: number | null;
}

/** Counts the bytes of one transfer and tells the caller. */
export class ProgressMeter {
  readonly #tell: ((progress: R2Progress) => void) | undefined;
  readonly #total: number | null;
  #loaded = 0;
  #told = 0;

  constructor(tell: ((progress: R2Progress) => void) | undefined, total: number | null) {
    this.#tell = tell;
    this.#total = total;
  }

  /** Counts bytes; negative ones are those of an attempt that failed: the caller hears nothing until they are made up for. */
  add(bytes: number): void {
    this.#loaded += bytes;
    if (this.#loaded <= this.#told) return;
    this.#told = this.#loaded;
    try {
      this.#tell?.({ loaded: this.#loaded, total: this.#total });
    } catch {
      // What the caller does with it never changes the outcome of the transfer.
    }
  }
}
