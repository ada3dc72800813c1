import type { ObjectStorage } from './object-host.js';

/** How long an operation is remembered: longer than a caller tries again. */
export const JOURNAL_MS = 60_000;
const SLICE_LENGTH = 64;
const SLICE_PREFIX = 'journal:';

/** An operation that was done: its id, what was answered, and when. */
export type JournalEntry<Reply> = readonly [id: string, reply: Reply, at: number];

/** The newest entries, to be stored by the owner in the row that it writes anyway. It changes with the next operation. */
export interface JournalHead<Reply> {
  /** The number of the next slice. */
  readonly slice: number;
  readonly entries: readonly JournalEntry<Reply>[];
}

interface Slice {
  readonly number: number;
  /** When its newest entry was made. */
  readonly at: number;
  readonly ids: readonly string[];
}

/**
 * Remembers operations for a minute, so that one which is sent again, because its answer was lost, is not done again. The newest
 * 64 stand in the row that its owner writes anyway and older ones in rows of 64, so an operation costs one row and a little. What is
 * from more than a minute in the future, because the clock was set back, is forgotten as well: it would pile up until that time comes.
 */
export class OperationJournal<Reply> {
  readonly #storage: ObjectStorage;
  readonly #replies = new Map<string, Reply>();
  #entries: JournalEntry<Reply>[];
  #slices: Slice[] = [];
  #nextSlice: number;

  /**
   * Reads what is stored. What is stored and is no journal counts as none.
   *
   * @param storage the object's storage; rows of the journal begin with `journal:`.
   * @param head what the owner stored of it.
   */
  constructor(storage: ObjectStorage, head: JournalHead<Reply> | undefined) {
    this.#storage = storage;
    const { slice, entries } = (head ?? {}) as Partial<Record<keyof JournalHead<Reply>, unknown>>;
    this.#entries = readEntries(entries);
    this.#nextSlice = Number.isSafeInteger(slice) ? Math.max(0, slice as number) : 0;
    if (this.#nextSlice > 0) this.#readSlices();
    for (const [id, reply] of this.#entries) this.#replies.set(id, reply);
  }

  /** What was answered to the operation `id`, or `undefined` when it was not done within the last minute. */
  find(id: string): Reply | undefined {
    return this.#replies.get(id);
  }

  /** Until when the newest entry is remembered, in milliseconds since the epoch; 0 when there is none. */
  get until(): number {
    const newest = this.#entries.at(-1)?.[2] ?? this.#slices.at(-1)?.at;
    return newest === undefined ? 0 : newest + JOURNAL_MS;
  }

  /**
   * Adds an operation that is being done.
   *
   * @returns the head, which the owner stores together with what the operation changed.
   */
  add(id: string, reply: Reply, now: number): JournalHead<Reply> {
    this.#dropSlices(now);
    // In the order in which they were made: what was done later is not forgotten before, whatever the clock does.
    if (this.#slices.length === 0) this.#dropEntries(now);
    this.#entries.push([id, reply, now]);
    this.#replies.set(id, reply);
    if (this.#entries.length > SLICE_LENGTH) this.#writeSlice(now);
    return this.head;
  }

  /** Forgets an operation, as if it had not been done. The head, which the owner stores, may change by it. */
  forget(id: string): void {
    if (!this.#replies.delete(id)) return;
    this.#entries = this.#entries.filter(([other]) => other !== id);
    const index = this.#slices.findIndex(({ ids }) => ids.includes(id));
    const slice = this.#slices[index];
    if (slice === undefined) return;
    const key = `${SLICE_PREFIX}${slice.number}`;
    const entries = readEntries<Reply>(this.#storage.get(key)).filter(([other]) => other !== id);
    this.#storage.put(key, entries);
    this.#slices[index] = { ...slice, ids: slice.ids.filter((other) => other !== id) };
  }

  /** What the owner stores. */
  get head(): JournalHead<Reply> {
    return { slice: this.#nextSlice, entries: this.#entries };
  }

  /** Forgets every operation. Returns the head, which the owner stores. */
  clear(): JournalHead<Reply> {
    for (const { number } of this.#slices) this.#storage.delete(`${SLICE_PREFIX}${number}`);
    this.#slices = [];
    this.#entries = [];
    this.#replies.clear();
    return this.head;
  }

  #dropEntries(now: number): void {
    let dropped = 0;
    for (const [id, , at] of this.#entries) {
      if (isKept(at, now)) break;
      this.#replies.delete(id);
      dropped += 1;
    }
    if (dropped > 0) this.#entries = this.#entries.slice(dropped);
  }

  #writeSlice(now: number): void {
    const number = this.#nextSlice;
    this.#storage.put(`${SLICE_PREFIX}${number}`, this.#entries);
    this.#slices.push({ number, at: now, ids: this.#entries.map(([id]) => id) });
    this.#nextSlice += 1;
    this.#entries = [];
  }

  #dropSlices(now: number): void {
    let dropped = 0;
    for (const { number, at, ids } of this.#slices) {
      if (isKept(at, now)) break;
      this.#storage.delete(`${SLICE_PREFIX}${number}`);
      for (const id of ids) this.#replies.delete(id);
      dropped += 1;
    }
    if (dropped > 0) this.#slices = this.#slices.slice(dropped);
  }

  #readSlices(): void {
    for (const [key, stored] of this.#storage.list({ prefix: SLICE_PREFIX })) {
      const entries = readEntries<Reply>(stored);
      for (const [id, reply] of entries) this.#replies.set(id, reply);
      const number = Number(key.slice(SLICE_PREFIX.length));
      this.#slices.push({ number, at: entries.at(-1)?.[2] ?? 0, ids: entries.map(([id]) => id) });
    }
    this.#slices.sort((one, other) => one.number - other.number);
  }
}

function isKept(at: number, now: number): boolean {
  return at + JOURNAL_MS > now && at <= now + JOURNAL_MS;
}

function readEntries<Reply>(stored: unknown): JournalEntry<Reply>[] {
  return Array.isArray(stored) ? stored.filter((entry): entry is JournalEntry<Reply> => isEntry(entry)) : [];
}

function isEntry(value: unknown): boolean {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[2]);
}
