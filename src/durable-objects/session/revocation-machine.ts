import type { ObjectHost, ObjectMachine } from '../object-host.js';
import type { CheckReply, EndAllRequest, EndSessionRequest, RevocationApi } from './revocation-api.js';

const WATERMARK_KEY = 'revoked-before';
const ENDED_PREFIX = 'ended:';
/** How far a caller's clock may be ahead of the object's and still be believed. */
const MAX_CLOCK_SKEW_MS = 60_000;
/** A row that is kept this much too long tells of a lost alarm: the platform gives up after some failures. */
const LATE_ALARM_MS = 3_600_000;

/** A row: what was ended at `at` is remembered until `until`, both in milliseconds since the epoch. */
interface Mark {
  readonly at: number;
  readonly until: number;
}

/** The row of a session that was ended, under its first id. */
interface EndedMark extends Mark {
  /** All that the session goes by. */
  readonly ids: readonly string[];
}

/**
 * Remembers which sessions of one user were ended: the time up to which all were, and single ones. A change writes one row, and asking reads
 * none after the first time. Times only grow, so a clock that goes back revives nothing. When no copy of any session can be left, an alarm
 * cleans the object.
 */
export class RevocationMachine implements RevocationApi, ObjectMachine {
  readonly #host: ObjectHost;
  readonly #rows = new Map<string, EndedMark>();
  /** By id: when the session was ended. */
  readonly #endedAt = new Map<string, number>();
  #watermark: Mark | undefined;
  #isLoaded = false;

  constructor(host: ObjectHost) {
    this.#host = host;
  }

  /** As `RevocationApi` says. */
  endSession({ ids, at, keepMs }: EndSessionRequest): { readonly endedAt: number } {
    this.#load();
    const [first = ''] = ids;
    const old = this.#rows.get(first);
    const mark = { ...this.#markAt(at, keepMs, old), ids: [...new Set([...ids, ...(old?.ids ?? [])])] };
    this.#keepAlarm(mark.until);
    this.#host.storage.put(ENDED_PREFIX + first, mark);
    this.#remember(first, mark);
    return { endedAt: mark.at };
  }

  /** As `RevocationApi` says. */
  endAll({ at, keepMs }: EndAllRequest): { readonly revokedBefore: number } {
    this.#load();
    const mark = this.#markAt(at, keepMs, this.#watermark);
    this.#keepAlarm(mark.until);
    this.#host.storage.put(WATERMARK_KEY, mark);
    this.#watermark = mark;
    return { revokedBefore: mark.at };
  }

  /** As `RevocationApi` says. */
  check({ ids = [] }: { readonly ids?: readonly string[] }): CheckReply {
    this.#load();
    return { revokedBefore: this.#watermark?.at ?? 0, endedAt: ids.map((id) => this.#endedAt.get(id) ?? 0) };
  }

  /** Forgets what no copy of a session can outlive, and comes again for the rest. An object that remembers nothing is left alone. */
  alarm(): void {
    this.#load();
    const marks = this.#marks();
    if (marks.length === 0) return;
    const now = this.#host.now();
    const left = marks.filter(({ until }) => until > now);
    if (left.length === 0) {
      this.#host.clear();
      this.#forget();
      return;
    }
    this.#drop(now);
    this.#host.setAlarm(latest(left));
  }

  #markAt(at: number, keepMs: number, old: Mark | undefined): Mark {
    const now = this.#host.now();
    // The caller's clock may be ahead: its sessions are stamped by it. One that is far ahead is wrong.
    const said = at <= now + MAX_CLOCK_SKEW_MS ? at : now;
    return { at: Math.max(now, said, old?.at ?? 0), until: Math.max(now + keepMs, old?.until ?? 0) };
  }

  /** Where something is stored an alarm is set, so only the first row needs one. */
  #keepAlarm(until: number): void {
    const marks = this.#marks();
    const isLate = marks.some((mark) => mark.until + LATE_ALARM_MS < this.#host.now());
    if (marks.length === 0 || isLate) this.#host.setAlarm(until);
  }

  #marks(): Mark[] {
    return [...this.#rows.values(), ...(this.#watermark === undefined ? [] : [this.#watermark])];
  }

  #drop(now: number): void {
    for (const [first, mark] of this.#rows) {
      if (mark.until <= now) this.#host.storage.delete(ENDED_PREFIX + first);
    }
    if (this.#watermark !== undefined && this.#watermark.until <= now) this.#host.storage.delete(WATERMARK_KEY);
    this.#forget();
    this.#load();
  }

  #forget(): void {
    this.#rows.clear();
    this.#endedAt.clear();
    this.#watermark = undefined;
    this.#isLoaded = false;
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#watermark = this.#host.storage.get(WATERMARK_KEY) as Mark | undefined;
    for (const [key, row] of this.#host.storage.list({ prefix: ENDED_PREFIX })) {
      this.#remember(key.slice(ENDED_PREFIX.length), row as EndedMark);
    }
  }

  #remember(first: string, mark: EndedMark): void {
    this.#rows.set(first, mark);
    for (const id of mark.ids) this.#endedAt.set(id, Math.max(mark.at, this.#endedAt.get(id) ?? 0));
  }
}

function latest(marks: readonly Mark[]): number {
  return Math.max(...marks.map(({ until }) => until));
}
