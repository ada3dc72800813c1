import type { ObjectStorage } from '../object-host.js';
import type { AddOperation } from './counter-api.js';

const ROW_PREFIX = 'key:';
const BATCH_LENGTH = 500;
const SWEEP_INTERVAL_MS = 3_600_000;

interface KeyRow {
  /** What was asked: another operation under the same key is a conflict. */
  readonly asked: string;
  readonly operationId: string;
  /** The value after it. */
  readonly value: number;
  readonly expiresAt: number;
  /** Of the counter, when it was stored: a counter that was deleted since has forgotten it. */
  readonly epoch: number;
}

/** What is known of a key. */
export type KeyFinding =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'known'; readonly value: number; readonly replayed: boolean };

/** Where the sweeping of expired rows stands; `null` where there are no rows. */
export type SweepState = {
  /** When it goes on, in milliseconds since the epoch. */
  readonly dueAt: number;
  /** The row after which it goes on; `null`: it begins anew. */
  readonly after: string | null;
  /** When the first of the rows expires that it left; `null` while it left none. */
  readonly earliest: number | null;
} | null;

/** A moment of a counter. */
export interface CounterMoment {
  readonly now: number;
  /** How often the counter was deleted: what is older is forgotten. */
  readonly epoch: number;
}

/**
 * The idempotency keys of a counter, a row each. Expired ones are not found, and are swept at most once an hour, in batches of 500: rows
 * in the order of their expiry would have to be written twice.
 */
export class RememberedKeys {
  readonly #storage: ObjectStorage;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
  }

  /** Looks an operation up by its key. */
  find(operation: AddOperation, moment: CounterMoment): KeyFinding {
    if (operation.remember === null) return { kind: 'unknown' };
    const row = this.#storage.get(ROW_PREFIX + operation.remember.key) as KeyRow | undefined;
    if (row === undefined || !isAlive(row, moment)) return { kind: 'unknown' };
    if (row.asked !== askedOf(operation)) return { kind: 'conflict' };
    // The same call again, whose answer was lost, is no replay.
    return { kind: 'known', value: row.value, replayed: row.operationId !== operation.operationId };
  }

  /** Remembers an operation that is being done. Returns where the sweeping stands then. */
  add(operation: AddOperation, value: number, { now, epoch }: CounterMoment, sweep: SweepState): SweepState {
    const { remember, operationId } = operation;
    if (remember === null) return sweep;
    const expiresAt = now + remember.ttlMs;
    const row: KeyRow = { asked: askedOf(operation), operationId, value, expiresAt, epoch };
    this.#storage.put(ROW_PREFIX + remember.key, row);
    return {
      dueAt: Math.min(sweep?.dueAt ?? Infinity, Math.max(expiresAt, now + SWEEP_INTERVAL_MS)),
      after: sweep?.after ?? null,
      // It may stand before the row that the sweeping goes on after.
      earliest: Math.min(sweep?.earliest ?? Infinity, expiresAt),
    };
  }

  /** Drops what expired among the next rows, if it is time. Returns where the sweeping stands then. */
  sweep(state: SweepState, moment: CounterMoment): SweepState {
    const { now } = moment;
    if (state === null || state.dueAt > now) return state;
    const { after } = state;
    const options = { prefix: ROW_PREFIX, limit: BATCH_LENGTH, ...(after !== null && { startAfter: after }) };
    const rows = [...this.#storage.list(options)] as [string, KeyRow][];
    let earliest = after === null ? Infinity : (state.earliest ?? Infinity);
    for (const [name, row] of rows) {
      if (isAlive(row, moment)) earliest = Math.min(earliest, row.expiresAt);
      else this.#storage.delete(name);
    }
    const last = rows.at(-1)?.[0];
    if (last !== undefined && rows.length === BATCH_LENGTH)
      return { dueAt: now, after: last, earliest: finite(earliest) };
    if (earliest === Infinity) return null;
    return { dueAt: Math.max(earliest, now + SWEEP_INTERVAL_MS), after: null, earliest: null };
  }
}

function isAlive(row: KeyRow, { now, epoch }: CounterMoment): boolean {
  return row.epoch === epoch && row.expiresAt > now;
}

function askedOf({ by, floor, max }: AddOperation): string {
  return [by, floor, max].join();
}

function finite(time: number): number | null {
  return time === Infinity ? null : time;
}
