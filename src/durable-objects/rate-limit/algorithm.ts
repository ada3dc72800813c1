import type { ObjectRule } from './rate-limit-api.js';

/** A wait that has no end: the attempt takes more than the rule ever admits. */
export const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** When units are taken: at which time they count, and what time it is. A lease counts later than it is taken. */
export interface Moment {
  readonly at: number;
  readonly now: number;
}

/** What is left after units were given back, and how many were. */
export interface Refund<State> {
  readonly state: State;
  readonly given: number;
}

/**
 * A way of counting, as functions over plain state that is stored as it is and never changed in place. Times are milliseconds since the epoch, and
 * may lie after `now`: a clock can be set back. What was counted then counts until its own time is over, so nobody passes for free, and nobody waits
 * longer than a window and what the clock was set back by.
 */
export interface Algorithm<State> {
  /** The state of a key that was never seen. */
  readonly none: State;
  /** A state as it was stored, or `undefined` for what is none. */
  read(stored: unknown): State | undefined;
  /** The most that can be taken at once. */
  capacity(rule: ObjectRule): number;
  /** Units that can be taken now. */
  remaining(state: State, rule: ObjectRule, now: number): number;
  /** Milliseconds until so many units can be taken, exactly; 0 when they can be now, `NEVER_MS` above the capacity. */
  waitFor(state: State, rule: ObjectRule, units: number, now: number): number;
  /** Counts units, those of a refused attempt as well: then as many as it needs to keep who goes on out, and no more. */
  take(state: State, rule: ObjectRule, units: number, moment: Moment): State;
  /** Takes units back that were taken at a time, or at any. */
  giveBack(
    state: State,
    rule: ObjectRule,
    units: number,
    moment: { at: number | undefined; now: number },
  ): Refund<State>;
  /** Until when a lease may last that is taken now: 0 for none. */
  leaseEnd(state: State, rule: ObjectRule): number;
  /** From when on the state is as good as none. */
  overAt(state: State, windowMs: number): number;
}
