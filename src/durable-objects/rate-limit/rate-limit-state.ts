import type { ObjectStorage } from '../object-host.js';
import type { JournalHead } from '../operation-journal.js';
import { OperationJournal } from '../operation-journal.js';
import type { CountState } from './algorithms.js';
import { ALGORITHMS } from './algorithms.js';
import type { ObjectRule, RateLimitAlgorithm } from './rate-limit-api.js';
import { RememberedAttempts } from './remembered-attempts.js';

const ROW = 'state';
const VERSION = 1;

interface StoredRow {
  readonly version: number;
  readonly counts: readonly StoredCount[];
  readonly blockedUntil: number;
  readonly journal: JournalHead<readonly number[]>;
  /** Of the next attempt that is remembered for longer. */
  readonly next: number;
}

type StoredCount = readonly [algorithm: RateLimitAlgorithm, windowMs: number, state: CountState];

/** What a rate-limit object knows: in memory, and in one row. */
export class RateLimitState {
  readonly journal: OperationJournal<readonly number[]>;
  readonly remembered: RememberedAttempts;
  /** When a block ends, in milliseconds since the epoch; 0 when there was none. */
  blockedUntil: number;
  readonly #storage: ObjectStorage;
  readonly #counts = new Map<string, StoredCount>();

  /** Reads the row. One that is of another version, or broken, counts as none. */
  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    const row = readRow(storage.get(ROW));
    this.blockedUntil = integerOf(row.blockedUntil);
    this.journal = new OperationJournal(storage, row.journal as JournalHead<readonly number[]> | undefined);
    this.remembered = new RememberedAttempts(storage, integerOf(row.next));
    for (const count of readCounts(row.counts)) this.#counts.set(nameOf(count[0], count[1]), count);
  }

  /** What was counted for a rule. */
  countOf({ algorithm, windowMs }: ObjectRule): CountState {
    return this.#counts.get(nameOf(algorithm, windowMs))?.[2] ?? ALGORITHMS[algorithm].none;
  }

  /** Puts what is counted for rules, in their order. */
  setCounts(rules: readonly ObjectRule[], counts: readonly CountState[]): void {
    rules.forEach(({ algorithm, windowMs }, index) => {
      const count = counts[index];
      if (count !== undefined) this.#counts.set(nameOf(algorithm, windowMs), [algorithm, windowMs, count]);
    });
  }

  /** From when on nothing is left that matters. */
  get overAt(): number {
    let overAt = Math.max(this.blockedUntil, this.journal.until, this.remembered.until);
    for (const count of this.#counts.values()) overAt = Math.max(overAt, countOverAt(count));
    return overAt;
  }

  /** Writes the row, without the counts that are over. */
  write(now: number): void {
    const counts: StoredCount[] = [];
    for (const [name, count] of this.#counts) {
      if (countOverAt(count) > now) counts.push(count);
      else this.#counts.delete(name);
    }
    const { blockedUntil, journal, remembered } = this;
    const row: StoredRow = { version: VERSION, counts, blockedUntil, journal: journal.head, next: remembered.next };
    this.#storage.put(ROW, row);
  }
}

function nameOf(algorithm: RateLimitAlgorithm, windowMs: number): string {
  return `${algorithm}:${windowMs}`;
}

function countOverAt([algorithm, windowMs, state]: StoredCount): number {
  return ALGORITHMS[algorithm].overAt(state, windowMs);
}

function readRow(stored: unknown): Partial<Record<keyof StoredRow, unknown>> {
  if (typeof stored !== 'object' || stored === null) return {};
  const row = stored as Partial<Record<keyof StoredRow, unknown>>;
  return row.version === VERSION ? row : {};
}

function integerOf(value: unknown): number {
  return Number.isSafeInteger(value) ? Math.max(0, value as number) : 0;
}

function readCounts(stored: unknown): StoredCount[] {
  const read: StoredCount[] = [];
  for (const count of Array.isArray(stored) ? (stored as unknown[]) : []) {
    const [algorithm, windowMs, state] = (Array.isArray(count) ? count : []) as [unknown?, unknown?, unknown?];
    if (!isAlgorithm(algorithm) || !Number.isSafeInteger(windowMs)) continue;
    const known = ALGORITHMS[algorithm].read(state);
    if (known !== undefined) read.push([algorithm, windowMs as number, known]);
  }
  return read;
}

function isAlgorithm(value: unknown): value is RateLimitAlgorithm {
  return typeof value === 'string' && Object.hasOwn(ALGORITHMS, value);
}
