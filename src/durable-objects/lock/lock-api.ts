/** Most holders that a lock may have at a time. */
export const MAX_PERMITS = 1_000;
/** Shortest lease, in milliseconds: below it, renewals would depend on every single call arriving. */
export const MIN_LEASE_MS = 1_000;
/** Longest lease, in milliseconds: 24 hours. */
export const MAX_LEASE_MS = 86_400_000;
/** Longest time that a lock object keeps a caller waiting in one call, in milliseconds. */
export const MAX_POLL_MS = 5_000;

/** Asks for a lock. The same `owner` asks again, after a lost answer or to go on waiting; it never holds twice. */
export interface LockRequest {
  /** Names one attempt to hold the lock; who knows it can renew and give back. */
  readonly owner: string;
  /** How long the lease lasts, in milliseconds. */
  readonly ttlMs: number;
  /** At how many holders the lock is full. */
  readonly permits: number;
  /** Whether to be put in the queue when the lock is not free. */
  readonly queue: boolean;
  /** The place in the queue, from the answer before. */
  readonly ticket?: number | undefined;
  /** How long the answer may wait for the lock to become free, in milliseconds. */
  readonly waitMs: number;
}

/** What a lock object answers to a {@link LockRequest}. */
export type LockAnswer =
  /** It is held: `remainingMs` from when the object answers. */
  | { readonly state: 'granted'; readonly fence: number; readonly remainingMs: number }
  /** It is not free, and nothing was queued. */
  | { readonly state: 'held' }
  /** Ask again at once, with this ticket: it is still not free, or it is and waits for a moment to be claimed. */
  | { readonly state: 'wait'; readonly ticket: number }
  /** This owner has given back, or withdrawn. */
  | { readonly state: 'withdrawn' };

/** What is known of a lease; of one that ended, no more than that. */
export type LeaseAnswer =
  { readonly held: true; readonly fence: number; readonly remainingMs: number } | { readonly held: false };

/** How many hold the lock, and how many wait for it. */
export interface LockStatus {
  readonly holders: number;
  readonly waiters: number;
}

/** What a lock object answers to: one object for each lock. */
export interface LockApi {
  /** Takes a place in the lock, or in the queue for it. */
  acquire(request: LockRequest): LockAnswer | Promise<LockAnswer>;
  /** Lets a live lease last at least `ttlMs` from now; it is never shortened. */
  extend(request: { readonly owner: string; readonly ttlMs: number }): LeaseAnswer;
  /** Gives back what `owner` holds or waits for, for good. Says whether it held. */
  release(request: { readonly owner: string }): { readonly released: boolean };
  /** What is known of the lease of `owner`. */
  check(request: { readonly owner: string }): LeaseAnswer;
  /** Who is there. */
  status(): LockStatus;
  /** Ends every lease; `operation` makes it the same one when it is sent again. Says how many. */
  forceRelease(request: { readonly operation: string }): { readonly released: number };
}
