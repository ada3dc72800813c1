import type { EventCounts } from './event-counts.js';

/** What events are added up to, by name; a selection of them makes the doubles of an `AnalyticsEngineSink`. */
export type EventCountName = keyof EventCounts;

/**
 * What the doubles of a point of `AnalyticsEngineSink` hold unless told otherwise, in their order: the first is `double1` in SQL, the last
 * `double20`. The order is part of the public surface: stored points keep theirs. Analytics Engine has no 21st, so what came later has a
 * layout of its own.
 */
export const ANALYTICS_ENGINE_DOUBLES = [
  'hits',
  'staleHits',
  'misses',
  'loads',
  'loadErrors',
  'loadMs',
  'writes',
  'skips',
  'errors',
  'refreshes',
  'refreshErrors',
  'readBytes',
  'writtenBytes',
  'rateLimitDenials',
  'sessionHits',
  'sessionMisses',
  'invalidations',
  'warnings',
  'readMs',
  'memoryHits',
] as const satisfies readonly EventCountName[];

/**
 * A layout for rate limits, locks, counters and sessions, as the option `doubles` takes it: for a sink with a dataset of its own, beside the other. The order
 * is part of the public surface; what is added comes last.
 */
export const ANALYTICS_ENGINE_COORDINATION_DOUBLES = [
  'rateLimitPasses',
  'rateLimitDenials',
  'rateLimitShadowDenials',
  'rateLimitUndecided',
  'rateLimitLocal',
  'rateLimitMs',
  'locksAcquired',
  'locksRefused',
  'locksLost',
  'lockWaitMs',
  'lockHeldMs',
  'counterReplays',
  'sessionHits',
  'sessionMisses',
  'sessionRevocations',
  'errors',
  'warnings',
] as const satisfies readonly EventCountName[];
