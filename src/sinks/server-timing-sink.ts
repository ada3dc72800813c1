import type { ClientEvent, EventSink } from '../events.js';
import { countEvent, noCounts } from './event-counts.js';
import type { EventCounts } from './event-counts.js';

const HEADER = 'Server-Timing';
/** Numbers above it are written with an exponent, which the header's grammar has not. */
const MAX_SHOWN = 1e15;

/** One metric of the header: what it counts, by label, and the time that belongs to it. */
interface Metric {
  readonly name: string;
  /** `''` is a number without a label; a label whose count is 0 is left out. */
  readonly labels: Readonly<Record<string, keyof EventCounts>>;
  readonly durationMs?: keyof EventCounts;
}

const METRICS: readonly Metric[] = [
  { name: 'cache', labels: { hit: 'hits', stale: 'staleHits', miss: 'misses' }, durationMs: 'readMs' },
  { name: 'load', labels: { '': 'loads', failed: 'loadErrors' }, durationMs: 'loadMs' },
  { name: 'join', labels: { '': 'joinedLoads' }, durationMs: 'joinedMs' },
  { name: 'refresh', labels: { '': 'refreshes', failed: 'refreshErrors' }, durationMs: 'refreshMs' },
  { name: 'write', labels: { '': 'writes', skipped: 'skips' }, durationMs: 'writeMs' },
  { name: 'invalidate', labels: { '': 'invalidations' }, durationMs: 'invalidateMs' },
  { name: 'session', labels: { hit: 'sessionHits', miss: 'sessionMisses', revoked: 'sessionRevocations' } },
  {
    name: 'rate-limit',
    labels: { passed: 'rateLimitPasses', denied: 'rateLimitDenials', undecided: 'rateLimitUndecided' },
    durationMs: 'rateLimitMs',
  },
  {
    name: 'lock',
    labels: { '': 'locksAcquired', refused: 'locksRefused', lost: 'locksLost' },
    durationMs: 'lockWaitMs',
  },
  { name: 'counter', labels: { replayed: 'counterReplays' } },
  { name: 'error', labels: { '': 'errors' } },
];

/**
 * Adds up the events of one request for its `Server-Timing` header, which browsers show beside the request: counts by kind
 * and the time they took together, which is more than the time that passed where things ran at once. Make one per request.
 *
 * What the caller forced to be loaded (`@CachePut`, `forceFresh`) counts as a load and not as a miss.
 *
 * It names no keys, but it tells the client what was cached, and a shared cache keeps it with the response. Leave it out of
 * answers to strangers where that must not be known. https://www.w3.org/TR/server-timing/
 *
 * @example
 * ```ts
 * const timing = new ServerTimingSink();
 * const timed = new CacheClient(env.CACHE_KV, { events: timing });
 * const featured = await timed.get('cache:content:featured');
 * const response = timing.applyTo(Response.json(featured)); // Server-Timing: cache;desc="hit 1";dur=4.2
 * ```
 */
export class ServerTimingSink implements EventSink {
  readonly #counts: EventCounts = noCounts();

  /** Adds `event` up. */
  emit(event: ClientEvent): void {
    countEvent(this.#counts, event);
  }

  /**
   * The header's value for what came so far: `cache;desc="hit 3, stale 1, miss 1";dur=4.2, load;desc="2";dur=120`. Durations
   * are in milliseconds, to a tenth. The metrics are cache, load, join (waiting for the load of another request), refresh,
   * write, invalidate, session, rate-limit, lock (the time is that of waiting), counter and error.
   *
   * @returns the empty string when there is nothing to tell.
   */
  header(): string {
    return METRICS.map((metric) => describe(metric, this.#counts))
      .filter((text) => text !== '')
      .join(', ');
  }

  /**
   * Appends the header to a response, beside any such header that it has.
   *
   * @returns `response` itself where its headers can be written or there is nothing to tell, else a copy with the same body:
   *   what `fetch` and the Cache API answer is immutable. One that cannot be copied comes back as it is.
   */
  applyTo(response: Response): Response {
    const value = this.header();
    if (value === '' || append(response, value)) return response;
    const copy = copyOf(response);
    append(copy, value);
    return copy;
  }
}

function describe({ name, labels, durationMs }: Metric, counts: EventCounts): string {
  const parts = Object.entries(labels)
    .filter(([, key]) => counts[key] > 0)
    .map(([label, key]) => `${label} ${toDecimal(counts[key])}`.trimStart());
  if (parts.length === 0) return '';
  const duration = durationMs === undefined ? '' : `;dur=${toDecimal(counts[durationMs])}`;
  return `${name};desc="${parts.join(', ')}"${duration}`;
}

/** Digits with at most one behind the point; 0 for what is no number to show. */
function toDecimal(value: number): string {
  return value > 0 ? String(Math.round(Math.min(value, MAX_SHOWN) * 10) / 10) : '0';
}

function append(response: Response, value: string): boolean {
  try {
    response.headers.append(HEADER, value);
    return true;
  } catch {
    return false;
  }
}

function copyOf(response: Response): Response {
  try {
    return new Response(response.body, response);
  } catch {
    return response;
  }
}
