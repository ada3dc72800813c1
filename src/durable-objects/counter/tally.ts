import type { ObjectHost } from '../object-host.js';
import type { JournalHead } from '../operation-journal.js';
import { JOURNAL_MS, OperationJournal } from '../operation-journal.js';
import type {
  AddOperation,
  ChangeOutcome,
  ChangeReply,
  ChangeRequest,
  CounterOperation,
  ReadReply,
  SetOperation,
} from './counter-api.js';
import type { CounterMoment, SweepState } from './remembered-keys.js';
import { RememberedKeys } from './remembered-keys.js';

const ROW = 'counter';

/** The one row of a counter without idempotency keys. */
interface CounterRow {
  readonly value: number;
  /** The largest number of shards that a writer named. */
  readonly shards: number;
  /** How often it was deleted. */
  readonly epoch: number;
  /** Operations without a key: what was answered to each. */
  readonly journal: JournalHead<number>;
  readonly sweep: SweepState;
  /** When the alarm fires, 0 for never: it is moved only when it would be late, for each time is billed. */
  readonly alarmAt: number;
}

const NOTHING: CounterRow = {
  value: 0,
  shards: 0,
  epoch: 0,
  journal: { slice: 0, entries: [] },
  sweep: null,
  alarmAt: 0,
};

/**
 * A counter, or one shard of it. An operation writes one row, one more with an idempotency key, and every 64th one for the journal; what changes
 * nothing writes nothing. Once a minute an alarm drops the journal, and the counter with it where its value is 0, no key is remembered and it is not spread.
 */
export class Tally {
  readonly #host: ObjectHost;
  readonly #keys: RememberedKeys;
  #row: CounterRow;
  #journal: OperationJournal<number>;

  constructor(host: ObjectHost) {
    this.#host = host;
    this.#keys = new RememberedKeys(host.storage);
    this.#row = (host.storage.get(ROW) as CounterRow | undefined) ?? NOTHING;
    this.#journal = new OperationJournal(host.storage, this.#row.journal);
  }

  /** Does operations in their order. They are stored together. */
  change({ shards, operations }: ChangeRequest): { readonly replies: readonly ChangeReply[]; readonly shards: number } {
    const before = this.#row;
    const now = this.#host.now();
    const replies = operations.map((operation) => this.#change(operation, shards, now));
    if (this.#row !== before) this.#store(now);
    return { replies, shards: this.#row.shards };
  }

  /** The value. */
  read(): ReadReply {
    const { value, shards } = this.#row;
    return { value, shards };
  }

  /** Forgets what need not be remembered any longer. */
  alarm(): void {
    const { value, shards, alarmAt, epoch, sweep: before } = this.#row;
    if (alarmAt === 0) return;
    const now = this.#host.now();
    const sweep = this.#keys.sweep(before, { now, epoch });
    const isForgotten = this.#journal.until <= now;
    // That it is spread is known until it is deleted: who does not know of the shards would take 0 for the whole.
    if (isForgotten && sweep === null && value === 0 && shards <= 1) {
      this.#host.clear();
      this.#row = NOTHING;
      this.#journal = new OperationJournal(this.#host.storage, undefined);
      return;
    }
    const journal = isForgotten ? this.#journal.clear() : this.#row.journal;
    this.#row = { ...this.#row, journal, sweep, alarmAt: 0 };
    this.#store(now);
  }

  #change(operation: CounterOperation, shards: number, now: number): ChangeReply {
    const done = this.#journal.find(operation.operationId);
    if (done !== undefined) return { outcome: 'applied', value: done, replayed: false };
    if (operation.kind === 'delete') return this.#delete(operation.operationId, now);
    if (needsWhole(operation) && this.#row.shards > 1) return this.#unchanged('sharded');
    if (operation.kind === 'set') return this.#set(operation, shards, now);
    return this.#add(operation, shards, { now, epoch: this.#row.epoch });
  }

  #add(operation: AddOperation, shards: number, moment: CounterMoment): ChangeReply {
    const found = this.#keys.find(operation, moment);
    if (found.kind === 'conflict') return this.#unchanged('conflict');
    if (found.kind === 'known') return { outcome: 'applied', value: found.value, replayed: found.replayed };
    const { by, floor, max, remember, operationId } = operation;
    const value = this.#row.value + by;
    if ((floor !== null && value < floor) || (max !== null && value > max)) return this.#unchanged('refused');
    if (!Number.isSafeInteger(value)) return this.#unchanged('out-of-bounds');
    const sweep = this.#keys.add(operation, value, moment, this.#row.sweep);
    // A key's row tells a retry as well as the journal.
    const journal = remember === null ? this.#journal.add(operationId, value, moment.now) : this.#row.journal;
    return this.#applied({ value, shards: Math.max(this.#row.shards, shards), journal, sweep });
  }

  #set({ operationId, value, expected }: SetOperation, shards: number, now: number): ChangeReply {
    if (expected !== null && expected !== this.#row.value) return this.#unchanged('refused');
    const journal = this.#journal.add(operationId, value, now);
    return this.#applied({ value, shards: Math.max(this.#row.shards, shards), journal });
  }

  #delete(operationId: string, now: number): ChangeReply {
    if (this.#row === NOTHING) return { outcome: 'applied', value: 0, replayed: false };
    const { shards, sweep: before, epoch } = this.#row;
    const journal = this.#journal.add(operationId, shards, now);
    const sweep = before === null ? null : { dueAt: now + JOURNAL_MS, after: null, earliest: null };
    this.#row = { ...this.#row, value: 0, shards: 0, epoch: epoch + 1, journal, sweep };
    return { outcome: 'applied', value: shards, replayed: false };
  }

  #applied(change: Partial<CounterRow> & { readonly value: number }): ChangeReply {
    this.#row = { ...this.#row, ...change };
    return { outcome: 'applied', value: change.value, replayed: false };
  }

  #unchanged(outcome: ChangeOutcome): ChangeReply {
    return { outcome, value: this.#row.value, replayed: false };
  }

  #store(now: number): void {
    const until = this.#journal.until;
    const dueAt = Math.min(until > 0 ? until : Infinity, this.#row.sweep?.dueAt ?? Infinity);
    const { alarmAt } = this.#row;
    // One that is overdue may have been lost.
    if (dueAt !== Infinity && (alarmAt <= now || alarmAt > dueAt)) {
      this.#row = { ...this.#row, alarmAt: dueAt };
      this.#host.setAlarm(dueAt);
    }
    this.#host.storage.put(ROW, this.#row);
  }
}

function needsWhole(operation: AddOperation | SetOperation): boolean {
  return operation.kind === 'set' || operation.floor !== null || operation.max !== null;
}
