import type { Algorithm } from './algorithm.js';
import type { SlotOf, UnitLog } from './unit-log.js';
import { addTo, EMPTY_LOG, logOverAt, readLog, remainingIn, removeFrom, waitIn } from './unit-log.js';

const slotOf: SlotOf = (time) => time;

/** Every attempt with its own time: exact, and as long as its limit. */
export const slidingLog: Algorithm<UnitLog> = slidingBy(slotOf);

/** A sliding window in which the times of one slot are counted as one. */
export function slidingBy(slot: SlotOf): Algorithm<UnitLog> {
  return {
    none: EMPTY_LOG,
    read: readLog,
    capacity: ({ limit }) => limit,
    remaining: remainingIn,
    waitFor: waitIn,
    take: (log, rule, units, { at, now }) => addTo(log, rule, units, { at, now, slotOf: slot }),
    giveBack: (log, { windowMs }, units, { at, now }) => removeFrom(log, windowMs, units, { at, now, slotOf: slot }),
    leaseEnd: () => Infinity,
    overAt: logOverAt,
  };
}
