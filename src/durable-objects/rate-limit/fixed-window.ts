import type { Algorithm } from './algorithm.js';
import { NEVER_MS } from './algorithm.js';

/** A window, which starts with its first attempt. */
export interface FixedWindow {
  readonly startedAt: number;
  /** Units taken in it; 0 before the first. */
  readonly count: number;
}

/** So many units from the first attempt on, and then again from the next. */
export const fixedWindow: Algorithm<FixedWindow> = {
  none: { startedAt: 0, count: 0 },
  read: (stored) => {
    const { startedAt, count } = (stored ?? {}) as Partial<Record<keyof FixedWindow, unknown>>;
    if (!Number.isSafeInteger(startedAt) || !Number.isSafeInteger(count) || (count as number) < 0) return undefined;
    return { startedAt: startedAt as number, count: count as number };
  },
  capacity: ({ limit }) => limit,
  remaining: (window, { limit, windowMs }, now) =>
    Math.max(0, limit - (isOver(window, windowMs, now) ? 0 : window.count)),
  waitFor: (window, { limit, windowMs }, units, now) => {
    if (units > limit) return NEVER_MS;
    if (isOver(window, windowMs, now) || window.count + units <= limit) return 0;
    return window.startedAt + windowMs - now;
  },
  take: (window, { windowMs }, units, { now }) => {
    if (isOver(window, windowMs, now)) return { startedAt: now, count: units };
    return { startedAt: window.startedAt, count: Math.min(window.count + units, Number.MAX_SAFE_INTEGER) };
  },
  giveBack: (window, { windowMs }, units, { at = window.startedAt, now }) => {
    const isOfWindow = at >= window.startedAt && at < window.startedAt + windowMs;
    if (isOver(window, windowMs, now) || !isOfWindow) return { state: window, given: 0 };
    const given = Math.min(units, window.count);
    return { state: { startedAt: window.startedAt, count: window.count - given }, given };
  },
  // The next window would not know of what is spent in it.
  leaseEnd: (window, { windowMs }) => window.startedAt + windowMs,
  overAt: (window, windowMs) => (window.count === 0 ? 0 : window.startedAt + windowMs),
};

function isOver({ startedAt, count }: FixedWindow, windowMs: number, now: number): boolean {
  return count === 0 || startedAt + windowMs <= now;
}
