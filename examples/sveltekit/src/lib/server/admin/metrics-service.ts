import { Injectable } from '@codex/cloudflare-clients';
import type { AdminData, CacheMinute, LatencyBucket, LimiterMinute } from '$lib/shapes.js';
import { EventMinuteTable } from '../data/event-minute-table.js';
import { LATENCY_BOUNDS_MS } from '../../../../../worker/src/event-minutes.js';
import type { EventMinute } from '../../../../../worker/src/event-minutes.js';

const MS_PER_MINUTE = 60_000;
const TYPES = [
  'cache.hit',
  'cache.stale',
  'cache.miss',
  'cache.load',
  'rate-limit.allowed',
  'rate-limit.denied',
  'session.hit',
  'session.miss',
] as const;

type Counts = readonly Omit<EventMinute, 'label'>[];
/** What the charts show of the clients' events. */
export type Metrics = Omit<AdminData, 'storage' | 'storageCache'>;

/** What the package's own events say of the last minutes. */
@Injectable(EventMinuteTable)
export class MetricsService {
  constructor(private readonly table: EventMinuteTable) {}

  /** The last `minutes`, with the one that is under way. */
  async lastMinutes(minutes: number, now: number = Date.now()): Promise<Metrics> {
    const first = Math.floor(now / MS_PER_MINUTE) - minutes + 1;
    return chartsOf(await this.table.since(first, TYPES), first, minutes);
  }
}

/** The rows as charts want them; minutes in which nothing was are there. */
export function chartsOf(rows: Counts, first: number, minutes: number): Metrics {
  const sums = new Map<string, number>();
  for (const { minute, type, count } of rows) {
    sums.set(`${minute} ${type}`, (sums.get(`${minute} ${type}`) ?? 0) + count);
  }
  const at = (minute: number, type: (typeof TYPES)[number]): number => sums.get(`${minute} ${type}`) ?? 0;
  const range = Array.from({ length: minutes }, (_, index) => first + index);
  const cache = range.map((minute): CacheMinute => ({
    at: isoOf(minute),
    hits: at(minute, 'cache.hit'),
    stale: at(minute, 'cache.stale'),
    misses: at(minute, 'cache.miss'),
  }));
  const limiter = range.map((minute): LimiterMinute => ({
    at: isoOf(minute),
    allowed: at(minute, 'rate-limit.allowed'),
    denied: at(minute, 'rate-limit.denied'),
  }));
  const sessions = { hits: total(rows, 'session.hit'), misses: total(rows, 'session.miss') };
  return { minutes, cache, limiter, hitRate: hitRateOf(rows), latency: latencyOf(rows), sessions };
}

function hitRateOf(rows: Counts): number | null {
  const served = total(rows, 'cache.hit') + total(rows, 'cache.stale');
  const reads = served + total(rows, 'cache.miss');
  return reads === 0 ? null : served / reads;
}

function latencyOf(rows: Counts): LatencyBucket[] {
  return LATENCY_BOUNDS_MS.map((bound, index) => ({
    // What took longer counts under the last.
    leMs: index === LATENCY_BOUNDS_MS.length - 1 ? null : bound,
    hits: total(rows, 'cache.hit', bound),
    loads: total(rows, 'cache.load', bound),
  }));
}

function total(rows: Counts, type: (typeof TYPES)[number], bound?: number): number {
  return rows
    .filter((row) => row.type === type && (bound === undefined || row.leMs === bound))
    .reduce((sum, { count }) => sum + count, 0);
}

function isoOf(minute: number): string {
  return new Date(minute * MS_PER_MINUTE).toISOString();
}
