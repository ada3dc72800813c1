import type { ObjectRule } from '../../src/durable-objects/rate-limit/rate-limit-api.js';

/** What was counted, and when. */
export interface Counted {
  readonly at: number;
  cost: number;
}

const sumOf = (counted: readonly Counted[]): number => counted.reduce((sum, { cost }) => sum + cost, 0);

/** Decides by looking at everything that was ever counted: slow, and with nothing in common with what it judges. */
export type Oracle = (history: readonly Counted[], rule: ObjectRule, cost: number, now: number) => boolean;

/** The log: what the window that ends now holds. */
export const judgeLog: Oracle = (history, { limit, windowMs }, cost, now) =>
  sumOf(history.filter(({ at }) => at > now - windowMs)) + cost <= limit;

/** The fixed window: the windows are laid out anew from the first attempt on. */
export const judgeFixed: Oracle = (history, { limit, windowMs }, cost, now) => {
  let startedAt = -Infinity;
  let count = 0;
  for (const { at, cost: taken } of [...history, { at: now, cost: 0 }]) {
    if (at >= startedAt + windowMs) [startedAt, count] = [at, 0];
    count += taken;
  }
  return count + cost <= limit;
};

/** GCRA by its arrival curve: what came since any attempt is within the burst and what the time since then lets through. */
export const judgeGcra: Oracle = (history, { limit, windowMs, burst }, cost, now) => {
  let units = BigInt(cost);
  const fits = (since: number): boolean =>
    units * BigInt(windowMs) <= BigInt(burst) * BigInt(windowMs) + BigInt(now - since) * BigInt(limit);
  if (!fits(now)) return false;
  for (const { at, cost: taken } of [...history].reverse()) {
    units += BigInt(taken);
    if (!fits(at)) return false;
  }
  return true;
};

/** The most units in any window of `windowMs`, by the times at which they were spent. */
export function worstWindow(spent: readonly Counted[], windowMs: number): number {
  let worst = 0;
  for (const { at: end } of spent) {
    worst = Math.max(worst, sumOf(spent.filter(({ at }) => at > end - windowMs && at <= end)));
  }
  return worst;
}

/** What an algorithm promises about any window. */
export function boundOf({ algorithm, limit, burst }: ObjectRule): number {
  if (algorithm === 'fixed-window') return 2 * limit;
  return algorithm === 'gcra' ? limit + burst : limit;
}
