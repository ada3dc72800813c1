import type { ObjectHost, ObjectMachine } from '../object-host.js';
import { JOURNAL_MS, OperationJournal } from '../operation-journal.js';
import type { JournalHead } from '../operation-journal.js';
import type {
  DeleteValueRequest,
  ExpiringValueApi,
  IncrementValueRequest,
  SetValueOutcome,
  SetValueRequest,
  ValueChange,
  ValueReply,
} from './expiring-value-api.js';
import { MAX_VALUE_LENGTH } from './expiring-value-api.js';

const ROW_KEY = 'value';
const TAKEN_PREFIX = 'taken:';
/** An alarm that comes this much later than it could is not moved: moving it costs as much as a write. */
const ALARM_SLACK_MS = 3_600_000;
const COUNT = /^(0|[1-9]\d{0,15})$/;

/** The row. Times are in milliseconds since the epoch. */
interface Row {
  /** `null` for nothing. */
  readonly text: string | null;
  /** `null` for a text that is kept until it is deleted. */
  readonly expiresAt: number | null;
  /** Until when nothing is stored here, after the last text was deleted for good; 0 for never. */
  readonly sealedUntil: number;
  readonly alarmAt: number | null;
  /** Changes that were done lately, each with the count that was answered, or 0. */
  readonly journal: JournalHead<number>;
}

type Content = Pick<Row, 'text' | 'expiresAt' | 'sealedUntil'>;

/** A text that was taken, for the case that its taker did not get it. */
interface Taken {
  readonly text: string;
  readonly until: number;
}

/**
 * Holds one text for some time, and hands it out, deletes it or counts it in one step. A change writes one row, a take two; reading writes
 * none. When the text's time is over, and the last change is forgotten, an alarm cleans the object.
 */
export class ExpiringValueMachine implements ExpiringValueApi, ObjectMachine {
  readonly #host: ObjectHost;
  #row: Row | undefined;
  #journal: OperationJournal<number> | undefined;

  constructor(host: ObjectHost) {
    this.#host = host;
  }

  /** As `ExpiringValueApi` says. */
  getValue(): ValueReply {
    return { text: this.#text() };
  }

  /** As `ExpiringValueApi` says. */
  setValue({ operationId, text, ttlMs }: SetValueRequest): { readonly outcome: SetValueOutcome } {
    if (text.length > MAX_VALUE_LENGTH) return { outcome: 'too-long' };
    if (this.#log().find(operationId) !== undefined) return { outcome: 'stored' };
    if (this.#state().sealedUntil > this.#host.now()) return { outcome: 'sealed' };
    const expiresAt = ttlMs === null ? null : this.#host.now() + ttlMs;
    this.#write(operationId, 0, { text, expiresAt, sealedUntil: 0 });
    return { outcome: 'stored' };
  }

  /** As `ExpiringValueApi` says. */
  deleteValue({ operationId, sealMs }: DeleteValueRequest): { readonly isDeleted: true } {
    // Where there is nothing to delete nothing needs to be remembered: done again, it still deletes once.
    if (this.#text() !== null && this.#log().find(operationId) === undefined) {
      this.#write(operationId, 0, { ...NOTHING, sealedUntil: this.#host.now() + sealMs });
    }
    return { isDeleted: true };
  }

  /** As `ExpiringValueApi` says. */
  takeValue({ operationId }: ValueChange): ValueReply {
    const taken = this.#host.storage.get(TAKEN_PREFIX + operationId) as Taken | undefined;
    if (taken !== undefined) return { text: taken.text };
    const text = this.#text();
    if (text === null) return { text };
    this.#dropTaken();
    const until = this.#host.now() + JOURNAL_MS;
    this.#host.storage.put(TAKEN_PREFIX + operationId, { text, until } satisfies Taken);
    this.#write(operationId, 0, NOTHING);
    return { text };
  }

  /** As `ExpiringValueApi` says. */
  incrementValue({ operationId, ttlMs }: IncrementValueRequest): { readonly count: number | null } {
    const done = this.#log().find(operationId);
    if (done !== undefined) return { count: done };
    const text = this.#text();
    const count = text === null ? 1 : nextCount(text);
    if (count === null) return { count };
    const expiresAt = text === null ? this.#host.now() + ttlMs : this.#state().expiresAt;
    this.#write(operationId, count, { ...NOTHING, text: String(count), expiresAt });
    return { count };
  }

  /** Cleans the object when nothing in it is of use, and comes again when something is. An object that holds no value is left alone. */
  alarm(): void {
    const row = this.#load();
    if (row === undefined) return;
    const until = this.#until(row);
    if (until !== null && until <= this.#host.now()) {
      this.#host.clear();
      this.#row = undefined;
      this.#journal = undefined;
      return;
    }
    if (until !== null) this.#host.setAlarm(until);
    this.#store({ ...row, alarmAt: until });
  }

  #text(): string | null {
    const row = this.#load();
    if (row === undefined || (row.expiresAt !== null && row.expiresAt <= this.#host.now())) return null;
    return row.text;
  }

  #write(operationId: string, count: number, content: Content): void {
    const { alarmAt } = this.#state();
    const journal = this.#log().add(operationId, count, this.#host.now());
    this.#store({ ...content, journal, alarmAt: this.#keepAlarm(this.#until(content), alarmAt) });
  }

  /** Asks for an alarm where none is set that comes in time, or the one that was set is lost. */
  #keepAlarm(until: number | null, alarmAt: number | null): number | null {
    const isLost = alarmAt !== null && alarmAt + ALARM_SLACK_MS < this.#host.now();
    if (until === null || (alarmAt !== null && !isLost && alarmAt <= until + ALARM_SLACK_MS)) return alarmAt;
    this.#host.setAlarm(until);
    return until;
  }

  /** When the object is of no more use; `null` for never. */
  #until({ text, expiresAt, sealedUntil }: Content): number | null {
    if (text === null) return Math.max(sealedUntil, this.#log().until);
    return expiresAt === null ? null : Math.max(expiresAt, this.#log().until);
  }

  #dropTaken(): void {
    const now = this.#host.now();
    const taken = [...this.#host.storage.list({ prefix: TAKEN_PREFIX })] as [string, Taken][];
    for (const [key, { until }] of taken) if (until <= now) this.#host.storage.delete(key);
  }

  #store(row: Row): void {
    this.#host.storage.put(ROW_KEY, row);
    this.#row = row;
  }

  #state(): Omit<Row, 'journal'> {
    return this.#load() ?? { ...NOTHING, alarmAt: null };
  }

  #load(): Row | undefined {
    this.#row ??= this.#host.storage.get(ROW_KEY) as Row | undefined;
    return this.#row;
  }

  #log(): OperationJournal<number> {
    this.#journal ??= new OperationJournal<number>(this.#host.storage, this.#load()?.journal);
    return this.#journal;
  }
}

const NOTHING = { text: null, expiresAt: null, sealedUntil: 0 } as const;

function nextCount(text: string): number | null {
  const count = COUNT.test(text) ? Number(text) + 1 : NaN;
  return Number.isSafeInteger(count) ? count : null;
}
