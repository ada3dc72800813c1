import type { Algorithm } from './algorithm.js';
import type { FixedWindow } from './fixed-window.js';
import { fixedWindow } from './fixed-window.js';
import type { LeakyBucket } from './gcra.js';
import { gcra } from './gcra.js';
import type { RateLimitAlgorithm } from './rate-limit-api.js';
import { slidingLog } from './sliding-log.js';
import { slidingWindow } from './sliding-window.js';
import type { UnitLog } from './unit-log.js';

/** What is stored for a rule, by its algorithm. */
export type CountState = UnitLog | FixedWindow | LeakyBucket;

/** How each algorithm counts. What one of them reads is its own state; the type does not tell which. */
export const ALGORITHMS: Readonly<Record<RateLimitAlgorithm, Algorithm<CountState>>> = {
  'sliding-window': slidingWindow,
  'sliding-log': slidingLog,
  'fixed-window': fixedWindow,
  gcra,
};
