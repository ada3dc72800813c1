import type { Algorithm } from './algorithm.js';
import { NEVER_MS } from './algorithm.js';
import type { ObjectRule } from './rate-limit-api.js';

/**
 * A bucket that attempts fill and that leaks `limit` units per window. A unit is `windowMs` parts, of which `limit` leak in a millisecond: whole numbers,
 * so nothing is rounded. They exceed 2^53 with large limits and long windows.
 */
export interface LeakyBucket {
  /** Parts in it at the time `at`. */
  readonly level: bigint;
  readonly at: number;
  /** The limit that it was last used with. */
  readonly limit: number;
}

/** A steady rate with a burst: the generic cell rate algorithm, as the leaky bucket that it equals. */
export const gcra: Algorithm<LeakyBucket> = {
  none: { level: 0n, at: 0, limit: 1 },
  read: (stored) => {
    const { level, at, limit } = (stored ?? {}) as Partial<Record<keyof LeakyBucket, unknown>>;
    if (typeof level !== 'bigint' || level < 0n || !Number.isSafeInteger(at)) return undefined;
    if (!Number.isSafeInteger(limit) || (limit as number) < 1) return undefined;
    return { level, at: at as number, limit: limit as number };
  },
  capacity: ({ burst }) => burst,
  remaining: (bucket, rule, now) => {
    const free = capacityOf(rule) - levelAt(bucket, rule.limit, now);
    return free <= 0n ? 0 : Number(free / BigInt(rule.windowMs));
  },
  waitFor: (bucket, rule, units, now) => {
    if (units > rule.burst) return NEVER_MS;
    const excess = levelAt(bucket, rule.limit, now) + BigInt(units) * BigInt(rule.windowMs) - capacityOf(rule);
    if (excess <= 0n) return 0;
    // Before the time of the bucket, which a clock that was set back has to reach again, nothing leaks.
    return Math.min(NEVER_MS, Math.max(0, bucket.at - now) + Number(divideUp(excess, BigInt(rule.limit))));
  },
  take: (bucket, rule, units, { now }) => {
    const level = levelAt(bucket, rule.limit, now);
    const filled = level + BigInt(units) * BigInt(rule.windowMs);
    const capacity = capacityOf(rule);
    const { limit } = rule;
    // An admitted attempt fits. One that was refused fills the bucket, and no more: who stops can come back.
    return { level: filled <= capacity ? filled : level > capacity ? level : capacity, at: timeOf(bucket, now), limit };
  },
  giveBack: (bucket, rule, units, { at, now }) => {
    const { limit, windowMs } = rule;
    const level = levelAt(bucket, limit, now);
    const time = timeOf(bucket, now);
    const leaked = BigInt(Math.max(0, time - (at ?? time))) * BigInt(limit);
    // What has leaked since may have let others in.
    const left = BigInt(units) * BigInt(windowMs) - leaked;
    if (left <= 0n || level === 0n) return { state: bucket, given: 0 };
    const parts = left < level ? left : level;
    return { state: { level: level - parts, at: time, limit }, given: Number(divideUp(parts, BigInt(windowMs))) };
  },
  leaseEnd: () => 0,
  overAt: ({ level, at, limit }) => (level === 0n ? 0 : at + Number(divideUp(level, BigInt(limit)))),
};

function capacityOf({ burst, windowMs }: ObjectRule): bigint {
  return BigInt(burst) * BigInt(windowMs);
}

function timeOf({ level, at }: LeakyBucket, now: number): number {
  return level === 0n ? now : Math.max(at, now);
}

function levelAt({ level, at }: LeakyBucket, limit: number, now: number): bigint {
  if (level === 0n || now <= at) return level;
  const leaked = BigInt(now - at) * BigInt(limit);
  return leaked >= level ? 0n : level - leaked;
}

function divideUp(parts: bigint, by: bigint): bigint {
  return (parts + by - 1n) / by;
}
