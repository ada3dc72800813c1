import type { Algorithm } from './algorithm.js';
import { slidingBy } from './sliding-log.js';
import type { UnitLog } from './unit-log.js';

/** Slots of a window: what an attempt may be late by is a window over this. */
export const SLOTS = 64;

/**
 * A log whose times are put together to 64 slots of a window. A slot counts for a window after its newest attempt, so a window never holds more than
 * the limit, whatever the limit is, and the state stays small.
 */
export const slidingWindow: Algorithm<UnitLog> = slidingBy((time, windowMs) => Math.floor((time * SLOTS) / windowMs));
