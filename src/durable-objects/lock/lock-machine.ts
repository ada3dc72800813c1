import type { ObjectHost, ObjectMachine } from '../object-host.js';
import { JOURNAL_MS } from '../operation-journal.js';
import { MAX_LEASE_MS, MAX_PERMITS, MAX_POLL_MS, MIN_LEASE_MS } from './lock-api.js';
import type { LeaseAnswer, LockAnswer, LockApi, LockRequest, LockStatus } from './lock-api.js';
import { CLAIM_MS, LockQueue, TICKETS_PER_MS } from './lock-queue.js';
import { LockRow } from './lock-row.js';

/** How long a reset object lets waiters come back, in milliseconds, before it gives a free lock to the first. */
export const REGROUP_MS = 500;
// Owners that withdrew or gave back: what they sent may still arrive. After a reset the row remembers the last of those that held.
const MAX_WITHDRAWN = 256;

/** When an owner left, and whether it held the lock then. */
interface Withdrawal {
  readonly at: number;
  readonly released: boolean;
}

/**
 * One lock, or semaphore. Who holds it is stored and decided by the object's clock alone; who waits is in memory. It grants in no
 * other way than by answering a call of the one who gets it, in the order in which they came.
 */
export class LockMachine implements LockApi, ObjectMachine {
  readonly #host: ObjectHost;
  readonly #row: LockRow;
  readonly #queue = new LockQueue();
  readonly #withdrawn = new Map<string, Withdrawal>();
  readonly #startedAt: number;
  #isRegrouping = false;
  #cancelTimer: (() => void) | undefined;

  constructor(host: ObjectHost) {
    this.#host = host;
    this.#row = new LockRow(host);
    this.#startedAt = host.now();
  }

  /** Grants, queues or refuses. */
  acquire(request: LockRequest): LockAnswer | Promise<LockAnswer> {
    const now = this.#host.now();
    const { owner, permits } = request;
    if (this.#hasWithdrawn(owner, now)) return { state: 'withdrawn' };
    this.#queue.expire(now);
    const lease = this.#row.leaseOf(owner, now);
    if (lease !== undefined) return this.#granted(owner, lease.fence, lease.expiresAt - now);
    const ticket = this.#ticket(request, now);
    const full = clamp(permits, 1, MAX_PERMITS);
    if (!this.#waitsForOthers(now) && this.#queue.hasPlace({ ticket, permits: full }, this.#row.places(now))) {
      const ttlMs = clamp(request.ttlMs, MIN_LEASE_MS, MAX_LEASE_MS);
      const { fence } = this.#row.grant({ owner, permits: full, ttlMs }, now);
      return this.#granted(owner, fence, ttlMs);
    }
    if (!request.queue) return { state: 'held' };
    return this.#enqueue(request, { ticket, permits: full }, now);
  }

  /** Prolongs a live lease. */
  extend({ owner, ttlMs }: { readonly owner: string; readonly ttlMs: number }): LeaseAnswer {
    const now = this.#host.now();
    const lease = this.#row.extend(owner, now + clamp(ttlMs, MIN_LEASE_MS, MAX_LEASE_MS), now);
    if (lease === undefined) return { held: false };
    this.#settle();
    return { held: true, fence: lease.fence, remainingMs: lease.expiresAt - now };
  }

  /** Gives back, or leaves the queue. */
  release({ owner }: { readonly owner: string }): { readonly released: boolean } {
    const now = this.#host.now();
    const before = this.#withdrawn.get(owner)?.released ?? this.#row.done(owner, now);
    if (before !== undefined) return { released: Boolean(before) };
    const released = this.#row.release(owner, now);
    this.#withdraw(owner, { at: now, released });
    this.#queue.remove(owner);
    this.#settle();
    return { released };
  }

  /** Looks a lease up. */
  check({ owner }: { readonly owner: string }): LeaseAnswer {
    const now = this.#host.now();
    const lease = this.#row.leaseOf(owner, now);
    return lease === undefined
      ? { held: false }
      : { held: true, fence: lease.fence, remainingMs: lease.expiresAt - now };
  }

  /** Counts. */
  status(): LockStatus {
    const now = this.#host.now();
    this.#queue.expire(now);
    return { holders: this.#row.holders(now), waiters: this.#queue.size };
  }

  /** Ends every lease. */
  forceRelease({ operation }: { readonly operation: string }): { readonly released: number } {
    const now = this.#host.now();
    const before = this.#row.done(operation, now);
    if (before !== undefined) return { released: before };
    const released = this.#row.releaseAll(operation, now);
    this.#settle();
    return { released };
  }

  /** Forgets everything when the lock has long been idle. */
  alarm(): void {
    this.#row.clean(this.#queue.size > 0);
  }

  #granted(owner: string, fence: number, remainingMs: number): LockAnswer {
    this.#queue.remove(owner);
    this.#settle();
    return { state: 'granted', fence, remainingMs };
  }

  /** The place of a caller: where it is, where it says that it was before a reset, or at the end. */
  #ticket({ owner, ticket }: LockRequest, now: number): number {
    const known = this.#queue.ticketOf(owner);
    if (known !== undefined) return known;
    if (ticket === undefined) return this.#queue.nextTicket(now);
    if (now < this.#startedAt + REGROUP_MS) this.#isRegrouping = true;
    // The clock may have gone back since, but behind a number without bound there is no other.
    return clamp(ticket, 0, (now + MAX_LEASE_MS) * TICKETS_PER_MS);
  }

  /** Whether others who came before may still be on their way back after a reset. */
  #waitsForOthers(now: number): boolean {
    this.#isRegrouping &&= now < this.#startedAt + REGROUP_MS && now >= this.#startedAt;
    return this.#isRegrouping;
  }

  #enqueue(
    { owner, waitMs }: LockRequest,
    place: { readonly ticket: number; readonly permits: number },
    now: number,
  ): LockAnswer | Promise<LockAnswer> {
    const { ticket } = place;
    if (!(waitMs > 0)) {
      this.#queue.join({ owner, ...place, answer: undefined, until: now + CLAIM_MS });
      this.#settle();
      return { state: 'wait', ticket };
    }
    return new Promise((answer) => {
      this.#queue.join({ owner, ...place, answer, until: now + Math.min(waitMs, MAX_POLL_MS) });
      this.#settle();
    });
  }

  /** Tells waiters whose turn it is, and looks again when that may change by time alone. */
  #settle(): void {
    const now = this.#host.now();
    this.#queue.expire(now);
    if (!this.#waitsForOthers(now)) this.#queue.tell(this.#row.places(now), now);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#queue.size === 0) return;
    const regroupedAt = this.#isRegrouping ? this.#startedAt + REGROUP_MS : Infinity;
    const at = Math.min(this.#queue.nextAt, this.#row.nextExpiry(now), regroupedAt);
    this.#cancelTimer = this.#host.setTimer(() => this.#settle(), Math.max(1, at - now));
  }

  #withdraw(owner: string, withdrawal: Withdrawal): void {
    this.#withdrawn.set(owner, withdrawal);
    for (const [old, { at }] of this.#withdrawn) {
      if (at + JOURNAL_MS > withdrawal.at && this.#withdrawn.size <= MAX_WITHDRAWN) return;
      this.#withdrawn.delete(old);
    }
  }

  #hasWithdrawn(owner: string, now: number): boolean {
    return this.#withdrawn.has(owner) || this.#row.done(owner, now) !== undefined;
  }
}

// What a client of another version sends must not break the object.
function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(Number.isFinite(value) ? value : min, min), max);
}
