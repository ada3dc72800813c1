import type { ObjectHost } from '../object-host.js';
import { JOURNAL_MS } from '../operation-journal.js';

const ROW = 'lock';
/** How long a lock must not have been held, in milliseconds, before its object forgets it: also how far its clock may go back after that. */
export const IDLE_MS = 86_400_000;
// What was given back last, should its answer be lost. A caller tries again within seconds.
const MAX_DONE = 16;

/** One who holds the lock. */
export interface Lease {
  readonly owner: string;
  readonly fence: number;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  readonly permits: number;
}

/** The places of a lock. Where those who use it disagree the smallest number counts. */
export interface LockPlaces {
  readonly taken: number;
  /** At how many it is full; infinite when nobody is there to say. */
  readonly permits: number;
}

/** An operation that ended leases: its id, how many, and when. */
type Done = readonly [id: string, released: number, at: number];

interface Stored {
  /** The highest that was ever given. */
  readonly fence: number;
  /** Until when it was held as far as is known, in milliseconds since the epoch. */
  readonly usedUntil: number;
  readonly leases: readonly Lease[];
  readonly done: readonly Done[];
}

const EMPTY: Stored = { fence: 0, usedUntil: 0, leases: [], done: [] };

/**
 * What a lock object stores: one row, with a copy in memory. A fence is above every earlier one of the lock, and not below the clock.
 * The row is forgotten when the clock is a day beyond the last fence, so the next fence is higher still.
 */
export class LockRow {
  readonly #host: ObjectHost;
  #stored: Stored;
  /** Whether there is a row; then there is an alarm. */
  #isStored: boolean;

  constructor(host: ObjectHost) {
    this.#host = host;
    const stored = host.storage.get(ROW) as Stored | undefined;
    this.#stored = stored ?? EMPTY;
    this.#isStored = stored !== undefined;
  }

  /** The lease of `owner`, unless it has run out. */
  leaseOf(owner: string, now: number): Lease | undefined {
    return this.#live(now).find((lease) => lease.owner === owner);
  }

  /** How many hold the lock. */
  holders(now: number): number {
    return this.#live(now).length;
  }

  /** How many places are taken, and how many there are as far as its holders say. */
  places(now: number): LockPlaces {
    const live = this.#live(now);
    return { taken: live.length, permits: Math.min(...live.map((lease) => lease.permits)) };
  }

  /** When the next lease runs out; infinite when there is none. */
  nextExpiry(now: number): number {
    return Math.min(...this.#live(now).map(({ expiresAt }) => expiresAt));
  }

  /** What an operation ended, if it was done within the last minute. */
  done(id: string, now: number): number | undefined {
    return this.#recent(now).find(([done]) => done === id)?.[1];
  }

  /** Adds a holder. */
  grant(
    { owner, permits, ttlMs }: { readonly owner: string; readonly permits: number; readonly ttlMs: number },
    now: number,
  ): Lease {
    const fence = Math.max(this.#stored.fence + 1, now);
    const lease: Lease = { owner, fence, expiresAt: now + ttlMs, permits };
    this.#write({ fence, leases: [...this.#live(now), lease] }, now);
    return lease;
  }

  /** Lets a lease last until `expiresAt` at least. */
  extend(owner: string, expiresAt: number, now: number): Lease | undefined {
    const lease = this.leaseOf(owner, now);
    if (lease === undefined || lease.expiresAt >= expiresAt) return lease;
    const extended: Lease = { ...lease, expiresAt };
    this.#write({ leases: this.#live(now).map((other) => (other === lease ? extended : other)) }, now);
    return extended;
  }

  /** Ends a lease. */
  release(owner: string, now: number): boolean {
    const lease = this.leaseOf(owner, now);
    if (lease === undefined) return false;
    this.#end([lease], owner, now);
    return true;
  }

  /** Ends all. */
  releaseAll(operation: string, now: number): number {
    const live = this.#live(now);
    if (live.length > 0) this.#end(live, operation, now);
    return live.length;
  }

  /** Forgets the row when its time has come, or asks for a later alarm. */
  clean(isWanted: boolean): void {
    const now = this.#host.now();
    const { fence, usedUntil } = this.#stored;
    const idleAt = Math.max(fence, usedUntil) + IDLE_MS;
    if (now < idleAt || isWanted) {
      this.#host.setAlarm(Math.max(idleAt, now + IDLE_MS / 24));
      return;
    }
    this.#host.clear();
    this.#stored = EMPTY;
    this.#isStored = false;
  }

  #live(now: number): readonly Lease[] {
    return this.#stored.leases.filter(({ expiresAt }) => expiresAt > now);
  }

  #recent(now: number): readonly Done[] {
    return this.#stored.done.filter(([, , at]) => at + JOURNAL_MS > now);
  }

  #end(ended: readonly Lease[], id: string, now: number): void {
    const leases = this.#live(now).filter((lease) => !ended.includes(lease));
    const done: Done = [id, ended.length, now];
    this.#write({ leases, done: [...this.#recent(now), done].slice(-MAX_DONE) }, now);
  }

  #write(change: Partial<Stored>, now: number): void {
    const next = { ...this.#stored, ...change };
    const usedUntil = Math.max(now, this.#stored.usedUntil, ...next.leases.map(({ expiresAt }) => expiresAt));
    this.#stored = { ...next, usedUntil };
    this.#host.storage.put(ROW, this.#stored);
    if (!this.#isStored) this.#host.setAlarm(Math.max(next.fence, usedUntil) + IDLE_MS);
    this.#isStored = true;
  }
}
