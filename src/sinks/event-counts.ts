import type { ClientEvent } from '../events.js';

/** What events add up to. Counts are of events; `...Ms` are milliseconds. */
export interface EventCounts {
  /** Cached values that were served within their TTL. */
  hits: number;
  /** Those of `hits` and `staleHits` that took no KV operation. */
  memoryHits: number;
  /** Cached values that were served after their TTL. */
  staleHits: number;
  /** Values that were looked for and could not be served. What was `forced` was not looked for, so it is none. */
  misses: number;
  /** Time that hits and misses took to be found out. */
  readMs: number;
  /** UTF-8 bytes of the stored texts that hits and stale hits served, from whichever tier. */
  readBytes: number;
  /** Loaders that ran while their callers waited. */
  loads: number;
  /** Those of `loads` that failed or took too long. */
  loadErrors: number;
  loadMs: number;
  /** Calls that waited for the loader of another request. */
  joinedLoads: number;
  joinedMs: number;
  /** Loaders that ran in the background. */
  refreshes: number;
  /** Those of `refreshes` that failed or took too long. */
  refreshErrors: number;
  refreshMs: number;
  writes: number;
  writtenBytes: number;
  writeMs: number;
  /** Loaded values that were not stored. */
  skips: number;
  /** Failures that a client went on without. */
  errors: number;
  /** Keys deleted and tags marked; 1 for each `clear`. */
  invalidations: number;
  invalidateMs: number;
  sessionHits: number;
  sessionMisses: number;
  /** Sessions that were ended, and users whose sessions were. */
  sessionRevocations: number;
  /** Calls that a limit let through, those of a shadow limit and of a failing store included. */
  rateLimitPasses: number;
  /** Calls that a limit refused. */
  rateLimitDenials: number;
  /** Those of `rateLimitPasses` that a limit would have refused, had it not only watched. */
  rateLimitShadowDenials: number;
  /** Calls that were let through or refused because the store failed. */
  rateLimitUndecided: number;
  /** Calls that were decided in the isolate, without a call of the store. */
  rateLimitLocal: number;
  /** Time that deciding took. */
  rateLimitMs: number;
  locksAcquired: number;
  locksRefused: number;
  locksLost: number;
  lockWaitMs: number;
  lockHeldMs: number;
  counterReplays: number;
  /** Large values that were written, and budgets that were spent. */
  warnings: number;
}

type RateLimited = Extract<ClientEvent, { type: 'rate-limit.allowed' | 'rate-limit.denied' }>;
type Counter<Type> = (counts: EventCounts, event: Extract<ClientEvent, { type: Type }>) => void;

const ZEROS: Readonly<EventCounts> = {
  hits: 0,
  memoryHits: 0,
  staleHits: 0,
  misses: 0,
  readMs: 0,
  readBytes: 0,
  loads: 0,
  loadErrors: 0,
  loadMs: 0,
  joinedLoads: 0,
  joinedMs: 0,
  refreshes: 0,
  refreshErrors: 0,
  refreshMs: 0,
  writes: 0,
  writtenBytes: 0,
  writeMs: 0,
  skips: 0,
  errors: 0,
  invalidations: 0,
  invalidateMs: 0,
  sessionHits: 0,
  sessionMisses: 0,
  sessionRevocations: 0,
  rateLimitPasses: 0,
  rateLimitDenials: 0,
  rateLimitShadowDenials: 0,
  rateLimitUndecided: 0,
  rateLimitLocal: 0,
  rateLimitMs: 0,
  locksAcquired: 0,
  locksRefused: 0,
  locksLost: 0,
  lockWaitMs: 0,
  lockHeldMs: 0,
  counterReplays: 0,
  warnings: 0,
};

const countError = (counts: EventCounts): void => {
  counts.errors += 1;
};

const countWarning = (counts: EventCounts): void => {
  counts.warnings += 1;
};

const countDecision = (counts: EventCounts, { reason, decidedBy, durationMs }: RateLimited): void => {
  if (reason === 'store-error') counts.rateLimitUndecided += 1;
  else if (decidedBy === 'isolate') counts.rateLimitLocal += 1;
  counts.rateLimitMs += durationMs;
};

// A table, so that an event which is added to the union does not compile before it is counted.
const COUNTERS: { readonly [Type in ClientEvent['type']]: Counter<Type> } = {
  'cache.hit': (counts, { tier, bytes, durationMs }) => {
    counts.hits += 1;
    if (tier !== 'kv') counts.memoryHits += 1;
    counts.readBytes += bytes;
    counts.readMs += durationMs;
  },
  'cache.stale': (counts, { tier, bytes }) => {
    counts.staleHits += 1;
    if (tier !== 'kv') counts.memoryHits += 1;
    counts.readBytes += bytes;
  },
  'cache.miss': (counts, { reason, durationMs }) => {
    if (reason === 'forced') return;
    counts.misses += 1;
    counts.readMs += durationMs;
  },
  'cache.load': (counts, { outcome, durationMs }) => {
    if (outcome === 'joined') {
      counts.joinedLoads += 1;
      counts.joinedMs += durationMs;
      return;
    }
    counts.loads += 1;
    if (outcome !== 'value') counts.loadErrors += 1;
    counts.loadMs += durationMs;
  },
  'cache.refresh': (counts, { outcome, durationMs }) => {
    // Nobody waited, and what ran counts where it ran.
    if (outcome === 'joined') return;
    counts.refreshes += 1;
    if (outcome !== 'value') counts.refreshErrors += 1;
    counts.refreshMs += durationMs;
  },
  'cache.write': (counts, { bytes, durationMs }) => {
    counts.writes += 1;
    counts.writtenBytes += bytes;
    counts.writeMs += durationMs;
  },
  'cache.skip': (counts) => {
    counts.skips += 1;
  },
  'cache.invalidate': (counts, { count, durationMs }) => {
    counts.invalidations += count;
    counts.invalidateMs += durationMs;
  },
  'cache.error': countError,
  'client.error': countError,
  'session.hit': (counts) => {
    counts.sessionHits += 1;
  },
  'session.miss': (counts) => {
    counts.sessionMisses += 1;
  },
  'session.revoked': (counts) => {
    counts.sessionRevocations += 1;
  },
  'rate-limit.allowed': (counts, event) => {
    counts.rateLimitPasses += 1;
    countDecision(counts, event);
  },
  'rate-limit.denied': (counts, event) => {
    counts[event.shadow ? 'rateLimitPasses' : 'rateLimitDenials'] += 1;
    if (event.shadow) counts.rateLimitShadowDenials += 1;
    countDecision(counts, event);
  },
  'lock.acquired': (counts, { waitMs }) => {
    counts.locksAcquired += 1;
    counts.lockWaitMs += waitMs;
  },
  'lock.refused': (counts, { waitMs }) => {
    counts.locksRefused += 1;
    counts.lockWaitMs += waitMs;
  },
  'lock.released': (counts, { heldMs }) => {
    counts.lockHeldMs += heldMs;
  },
  'lock.lost': (counts, { heldMs }) => {
    counts.locksLost += 1;
    counts.lockHeldMs += heldMs;
  },
  'counter.replayed': (counts) => {
    counts.counterReplays += 1;
  },
  'kv.large-value': countWarning,
  'kv.budget': countWarning,
};

/** Counts to add to, all 0. */
export function noCounts(): EventCounts {
  return { ...ZEROS };
}

/** Adds `event` to `counts`. An event of a type that this version does not know adds nothing. */
export function countEvent(counts: EventCounts, event: ClientEvent): void {
  // The compiler does not follow that the counter under an event's type takes that event.
  const count = COUNTERS[event.type] as ((counts: EventCounts, event: ClientEvent) => void) | undefined;
  count?.(counts, event);
}
