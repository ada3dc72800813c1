/** Work that began in the order of keys and ends in any: knows up to which key all of it is done. */
export class LowWaterMark {
  readonly #pending: { readonly key: string; done: boolean }[] = [];
  #first = 0;
  #position: string | null;
  readonly #onPass: (key: string) => void;

  /**
   * Starts at a position.
   *
   * @param position where it starts; `null` before all.
   * @param onPass called for each key, in their order, as the position comes to it.
   */
  constructor(position: string | null, onPass: (key: string) => void) {
    this.#position = position;
    this.#onPass = onPass;
  }

  /** The last key such that it and all before it are done; `null` for none. */
  get position(): string | null {
    return this.#position;
  }

  /** Begins a key; the answer is called when it is done. */
  begin(key: string): () => void {
    const entry = { key, done: false };
    this.#pending.push(entry);
    return () => {
      entry.done = true;
      this.#advance();
    };
  }

  #advance(): void {
    for (let entry = this.#pending[this.#first]; entry?.done === true; entry = this.#pending[this.#first]) {
      this.#position = entry.key;
      this.#onPass(entry.key);
      this.#first += 1;
    }
    // What is done is dropped now and then: each time would move the rest each time.
    if (this.#first < 1000 && this.#first < this.#pending.length) return;
    this.#pending.splice(0, this.#first);
    this.#first = 0;
  }
}
