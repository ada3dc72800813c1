import type { LockAnswer } from './lock-api.js';
import type { LockPlaces } from './lock-row.js';

/** How long a waiter that was answered has to come back, in milliseconds: one round trip and a retry. Later it is taken for dead. */
export const CLAIM_MS = 1_000;
/** A ticket is the time of arrival in this part of a millisecond, so that more than one can arrive within it. */
export const TICKETS_PER_MS = 1_000;

/** Someone who waits for the lock. */
interface Waiter {
  readonly owner: string;
  readonly ticket: number;
  readonly permits: number;
  /** Answers the call that waits, while there is one. */
  readonly answer: ((answer: LockAnswer) => void) | undefined;
  /** When its call is answered at the latest; without a call, when it is taken for dead. Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Those who wait for a lock, in the order in which they came. A waiter is never handed the lock: it is told to come and claim it, as
 * nothing says whether somebody still listens to a call that waits. It is in memory alone: after a reset waiters come back, and each has
 * a ticket that says when it came first.
 */
export class LockQueue {
  /** By ticket, ascending. */
  #waiters: readonly Waiter[] = [];
  #lastTicket = 0;

  /** How many wait. */
  get size(): number {
    return this.#waiters.length;
  }

  /** The ticket of a waiter, if it is known. */
  ticketOf(owner: string): number | undefined {
    return this.#waiters.find((waiter) => waiter.owner === owner)?.ticket;
  }

  /** A ticket behind all others. */
  nextTicket(now: number): number {
    this.#lastTicket = Math.max(this.#lastTicket + 1, now * TICKETS_PER_MS);
    return this.#lastTicket;
  }

  /** Whether one with this ticket finds a place when all who wait before it have taken theirs. */
  hasPlace({ ticket, permits }: Pick<Waiter, 'ticket' | 'permits'>, places: LockPlaces): boolean {
    let full = Math.min(permits, places.permits);
    let taken = places.taken;
    for (const waiter of this.#waiters) {
      if (waiter.ticket >= ticket || taken >= full) break;
      // What those before it take for full counts for it as well: it would pass them otherwise.
      full = Math.min(full, waiter.permits);
      taken += 1;
    }
    return taken < full;
  }

  /** Puts a waiter in its place. A call of it that waits already is answered. */
  join(waiter: Waiter): void {
    this.remove(waiter.owner);
    this.#lastTicket = Math.max(this.#lastTicket, waiter.ticket);
    const place = this.#waiters.filter(({ ticket }) => ticket < waiter.ticket).length;
    this.#waiters = [...this.#waiters.slice(0, place), waiter, ...this.#waiters.slice(place)];
  }

  /** Takes a waiter out. A call of it that waits is answered. */
  remove(owner: string): void {
    const found = this.#waiters.find((waiter) => waiter.owner === owner);
    if (found === undefined) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter !== found);
    found.answer?.({ state: 'wait', ticket: found.ticket });
  }

  /** Drops those who were answered and did not come back, and answers calls that have waited their time. */
  expire(now: number): void {
    if (this.nextAt > now) return;
    const living = this.#waiters.filter(({ answer, until }) => answer !== undefined || until > now);
    this.#waiters = living.map((waiter) => (waiter.until > now ? waiter : answered(waiter, now)));
  }

  /** Tells those for whom there is a place that it is their turn. */
  tell(places: LockPlaces, now: number): void {
    let full = places.permits;
    let told = 0;
    for (const { permits } of this.#waiters) {
      full = Math.min(full, permits);
      if (places.taken + told >= full) break;
      told += 1;
    }
    if (told === 0) return;
    const first = this.#waiters.slice(0, told);
    const theirs = first.map((waiter) => (waiter.answer === undefined ? waiter : answered(waiter, now)));
    this.#waiters = [...theirs, ...this.#waiters.slice(told)];
  }

  /** When something is to be done by `expire`; infinite when nobody waits. */
  get nextAt(): number {
    return Math.min(...this.#waiters.map(({ until }) => until));
  }
}

/** A waiter whose call was answered, and which has a moment to come back. */
function answered(waiter: Waiter, now: number): Waiter {
  waiter.answer?.({ state: 'wait', ticket: waiter.ticket });
  return { ...waiter, answer: undefined, until: now + CLAIM_MS };
}
