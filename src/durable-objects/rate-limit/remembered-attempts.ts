import type { ObjectStorage } from '../object-host.js';

/** How many an object keeps. */
export const MAX_REMEMBERED = 1024;
const PREFIX = 'attempt:';

interface Attempt {
  /** Of its row. */
  readonly number: number;
  readonly until: number;
  readonly reply: readonly number[];
}

/**
 * Attempts that are to be known for longer than the journal knows them: a row for each, the newest 1,024. One that is older than that is forgotten
 * before its time, which a limit of the object's storage has to allow.
 */
export class RememberedAttempts {
  readonly #storage: ObjectStorage;
  /** By id, in the order in which they were made. */
  readonly #attempts = new Map<string, Attempt>();
  #next: number;
  #until = 0;

  /**
   * Reads what is stored.
   *
   * @param storage the object's storage; rows begin with `attempt:`.
   * @param next the number of the next row, as the owner stored it; 0 when there was none.
   */
  constructor(storage: ObjectStorage, next: number) {
    this.#storage = storage;
    this.#next = next;
    if (next > 0) this.#read();
  }

  /** The number of the next row, which the owner stores. */
  get next(): number {
    return this.#next;
  }

  /** Until when the last one is remembered, in milliseconds since the epoch; 0 when there is none. */
  get until(): number {
    return this.#until;
  }

  /** What was kept of the attempt `id`, or `undefined` when its time is over. */
  find(id: string, now: number): readonly number[] | undefined {
    const attempt = this.#attempts.get(id);
    return attempt === undefined || attempt.until <= now ? undefined : attempt.reply;
  }

  /** Keeps an attempt. */
  add(id: string, reply: readonly number[], until: number, now: number): void {
    this.forget(id);
    for (const [oldest, { until: end }] of this.#attempts) {
      if (end > now && this.#attempts.size < MAX_REMEMBERED) break;
      this.forget(oldest);
    }
    this.#storage.put(`${PREFIX}${this.#next}`, [id, until, reply]);
    this.#attempts.set(id, { number: this.#next, until, reply });
    this.#next += 1;
    this.#until = Math.max(this.#until, until);
  }

  /** Forgets an attempt. */
  forget(id: string): void {
    const attempt = this.#attempts.get(id);
    if (attempt === undefined) return;
    this.#storage.delete(`${PREFIX}${attempt.number}`);
    this.#attempts.delete(id);
  }

  #read(): void {
    const rows: [string, Attempt][] = [];
    for (const [key, stored] of this.#storage.list({ prefix: PREFIX })) {
      const [id, until, reply] = (Array.isArray(stored) ? stored : []) as [unknown?, unknown?, unknown?];
      if (typeof id !== 'string' || !Number.isSafeInteger(until) || !isNumbers(reply)) continue;
      rows.push([id, { number: Number(key.slice(PREFIX.length)), until: until as number, reply }]);
    }
    rows.sort(([, one], [, other]) => one.number - other.number);
    for (const [id, attempt] of rows) {
      this.#attempts.set(id, attempt);
      this.#until = Math.max(this.#until, attempt.until);
    }
  }
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}
