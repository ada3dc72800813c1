import { formatClock, formatCount, formatNumber, formatPercent } from '$lib/format';
import type { AdminData, CacheMinute, LatencyBucket, LimiterMinute } from '$lib/shapes';
import type { ChartTable } from './chart-table';
import { inGroups } from './scale';

const MOST_GROUPS = 48;

/** A chart in words and figures. */
interface Told {
  readonly summary: string;
  readonly table: ChartTable;
}

const total = <Item>(items: readonly Item[], of: (item: Item) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);

/** The share of reads that the cache answered, by time. */
export function hitRateOverTime({ cache, hitRate, minutes }: AdminData): Told & {
  readonly points: readonly { readonly label: string; readonly share: number | null }[];
} {
  const rows = inGroups(cache, MOST_GROUPS).map((group) => {
    const hits = total(group, ({ hits, stale }: CacheMinute) => hits + stale);
    const misses = total(group, ({ misses }: CacheMinute) => misses);
    const share = hits + misses === 0 ? null : hits / (hits + misses);
    return { label: formatClock(group[0]?.at ?? ''), hits, misses, share };
  });
  const reads = total(rows, ({ hits, misses }) => hits + misses);
  return {
    points: rows,
    summary:
      hitRate === null
        ? `Nothing was read in the last ${minutes} minutes.`
        : `${formatPercent(hitRate)} of ${formatCount(reads, 'read')} in the last ${minutes} minutes came from the cache.`,
    table: {
      head: ['From', 'From the cache', 'Loaded', 'Hit rate'],
      rows: rows
        .filter(({ share }) => share !== null)
        .map(({ label, hits, misses, share }) => [
          label,
          formatNumber(hits),
          formatNumber(misses),
          formatPercent(share ?? 0),
        ]),
    },
  };
}

/** How many reads took how long, and below what half and 99 % of them are. */
export function latencyOfReads(latency: readonly LatencyBucket[]): Told & {
  readonly columns: readonly { readonly label: string; readonly values: readonly number[] }[];
} {
  const nameOf = ({ leMs }: LatencyBucket, index: number): string =>
    leMs === null ? `> ${formatNumber(latency[index - 1]?.leMs ?? 0)}` : `≤ ${formatNumber(leMs)}`;
  const columns = latency.map((bucket, index) => ({
    label: nameOf(bucket, index),
    values: [bucket.hits, bucket.loads],
  }));
  const hits = percentiles(latency, ({ hits }) => hits);
  const loads = percentiles(latency, ({ loads }) => loads);
  return {
    columns,
    summary: `From the cache: ${hits}. Loaded: ${loads}.`,
    table: {
      head: ['Milliseconds', 'From the cache', 'Loaded'],
      rows: columns.map(({ label, values }) => [label, ...values.map(formatNumber)]),
    },
  };
}

/** What the limiter let through and what it did not, by time. */
export function limiterOverTime(limiter: readonly LimiterMinute[]): Told & {
  readonly columns: readonly { readonly label: string; readonly values: readonly number[] }[];
} {
  const columns = inGroups(limiter, MOST_GROUPS).map((group) => ({
    label: formatClock(group[0]?.at ?? ''),
    values: [total(group, ({ allowed }) => allowed), total(group, ({ denied }) => denied)],
  }));
  const allowed = total(limiter, (minute) => minute.allowed);
  const denied = total(limiter, (minute) => minute.denied);
  return {
    columns,
    summary: `${formatNumber(allowed)} allowed, ${formatNumber(denied)} denied.`,
    table: {
      head: ['From', 'Allowed', 'Denied'],
      rows: columns
        .filter(({ values }) => values.some((value) => value > 0))
        .map(({ label, values }) => [label, ...values.map(formatNumber)]),
    },
  };
}

function percentiles(latency: readonly LatencyBucket[], of: (bucket: LatencyBucket) => number): string {
  const count = total(latency, of);
  if (count === 0) return 'nothing yet';
  return `half ${boundOf(latency, of, count * 0.5)}, 99 % ${boundOf(latency, of, count * 0.99)}`;
}

function boundOf(latency: readonly LatencyBucket[], of: (bucket: LatencyBucket) => number, wanted: number): string {
  let seen = 0;
  let below = 0;
  for (const bucket of latency) {
    seen += of(bucket);
    if (bucket.leMs === null) break;
    below = bucket.leMs;
    if (seen >= wanted) return `within ${formatNumber(below)} ms`;
  }
  return `above ${formatNumber(below)} ms`;
}
