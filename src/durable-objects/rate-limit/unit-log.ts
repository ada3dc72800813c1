import type { Moment, Refund } from './algorithm.js';
import { NEVER_MS } from './algorithm.js';
import type { ObjectRule } from './rate-limit-api.js';

/** Units by the time from which they count for a window. */
export interface UnitLog {
  /** Ascending; each is the newest time of what is counted with it. */
  readonly times: readonly number[];
  /** How many units, by time. */
  readonly counts: readonly number[];
  /** The sum of the counts. */
  readonly total: number;
  /** The highest limit that the log was used with since it was last empty: no more units need be known. */
  readonly bound: number;
}

/** Tells which times are counted as one: those of the same number. */
export type SlotOf = (time: number, windowMs: number) => number;

/** A log without an entry. */
export const EMPTY_LOG: UnitLog = { times: [], counts: [], total: 0, bound: 0 };

/** A log as it was stored, or `undefined` for what is none. */
export function readLog(stored: unknown): UnitLog | undefined {
  const { times, counts, bound } = (stored ?? {}) as Partial<Record<keyof UnitLog, unknown>>;
  if (!isIntegers(times) || !isIntegers(counts) || !Number.isSafeInteger(bound)) return undefined;
  if (times.length !== counts.length || !isAscending(times) || counts.some((count) => count < 1)) return undefined;
  const total = counts.reduce((sum, count) => sum + count, 0);
  return { times, counts, total, bound: bound as number };
}

/** Units that fit into the window that ends now. */
export function remainingIn(log: UnitLog, { limit, windowMs }: ObjectRule, now: number): number {
  return Math.max(0, limit - log.total + oldUnits(log, oldEntries(log, windowMs, now)));
}

/** Milliseconds until so many units fit. */
export function waitIn(log: UnitLog, { limit, windowMs }: ObjectRule, units: number, now: number): number {
  if (units > limit) return NEVER_MS;
  const old = oldEntries(log, windowMs, now);
  let excess = log.total - oldUnits(log, old) + units - limit;
  if (excess <= 0) return 0;
  for (let index = old; index < log.times.length; index += 1) {
    excess -= log.counts[index] ?? 0;
    if (excess <= 0) return (log.times[index] ?? 0) + windowMs - now;
  }
  return NEVER_MS;
}

/** Adds units, and drops what no window holds any more. */
export function addTo(
  log: UnitLog,
  { limit, windowMs }: ObjectRule,
  units: number,
  to: Moment & { slotOf: SlotOf },
): UnitLog {
  const { at, now, slotOf } = to;
  const old = oldEntries(log, windowMs, now);
  const times = log.times.slice(old);
  const counts = log.counts.slice(old);
  const bound = times.length === 0 ? limit : Math.max(log.bound, limit);
  // Only what was leased, or counted before the clock was set back, is newer.
  let index = times.length;
  while (index > 0 && (times[index - 1] ?? 0) > at) index -= 1;
  const slot = slotOf(at, windowMs);
  const isIn = (other: number): boolean => slotOf(times[other] ?? Number.NaN, windowMs) === slot;
  const added = Math.min(units, bound);
  let total = log.total - oldUnits(log, old) + added;
  if (isIn(index - 1) || isIn(index)) {
    if (isIn(index - 1)) times[(index -= 1)] = at;
    const count = (counts[index] ?? 0) + added;
    // More than any limit says no more than the limit does.
    counts[index] = Math.min(count, bound);
    total -= Math.max(0, count - bound);
  } else {
    times.splice(index, 0, at);
    counts.splice(index, 0, added);
  }
  return withoutNeedless({ times, counts, total, bound });
}

/** Takes back units: of the entry that holds a time, or the oldest first, as what stays then counts for longest. */
export function removeFrom(
  log: UnitLog,
  windowMs: number,
  units: number,
  from: { readonly at: number | undefined; readonly now: number; readonly slotOf: SlotOf },
): Refund<UnitLog> {
  const { at, now, slotOf } = from;
  const old = oldEntries(log, windowMs, now);
  const counts = log.counts.map((count, index) => (index < old ? 0 : count));
  const slot = at === undefined ? undefined : slotOf(at, windowMs);
  let left = units;
  for (let index = old; index < counts.length && left > 0; index += 1) {
    if (slot !== undefined && slotOf(log.times[index] ?? 0, windowMs) !== slot) continue;
    const given = Math.min(left, counts[index] ?? 0);
    counts[index] = (counts[index] ?? 0) - given;
    left -= given;
  }
  const isKept = (_: number, index: number): boolean => counts[index] !== 0;
  const kept = { times: log.times.filter(isKept), counts: counts.filter(isKept), bound: log.bound };
  return { state: { ...kept, total: log.total - oldUnits(log, old) - (units - left) }, given: units - left };
}

/** From when on no window holds anything. */
export function logOverAt(log: UnitLog, windowMs: number): number {
  return (log.times.at(-1) ?? -windowMs) + windowMs;
}

/** How many entries no window holds that ends now or later. */
function oldEntries({ times }: UnitLog, windowMs: number, now: number): number {
  let old = 0;
  while (old < times.length && (times[old] ?? 0) + windowMs <= now) old += 1;
  return old;
}

function oldUnits({ counts }: UnitLog, old: number): number {
  let units = 0;
  for (let index = 0; index < old; index += 1) units += counts[index] ?? 0;
  return units;
}

/** Without the oldest entries while the rest fills every limit, and for longer: refused attempts are counted without end. */
function withoutNeedless(log: UnitLog): UnitLog {
  let { total } = log;
  let dropped = 0;
  while (total - (log.counts[dropped] ?? total) >= log.bound) {
    total -= log.counts[dropped] ?? 0;
    dropped += 1;
  }
  if (dropped === 0) return log;
  return { times: log.times.slice(dropped), counts: log.counts.slice(dropped), total, bound: log.bound };
}

function isIntegers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(Number.isSafeInteger);
}

function isAscending(times: readonly number[]): boolean {
  return times.every((time, index) => index === 0 || time >= (times[index - 1] ?? 0));
}
