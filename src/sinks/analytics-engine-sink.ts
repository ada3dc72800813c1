/// <reference lib="esnext.disposable" preserve="true" />
// Kept in the declarations: without it they mean nothing to an app whose own `lib` has no Disposable.
import { CloudflareClientError } from '../errors.js';
import type { ClientEvent, EventSink } from '../events.js';
import { ANALYTICS_ENGINE_DOUBLES } from './analytics-engine-doubles.js';
import type { EventCountName } from './analytics-engine-doubles.js';
import { countEvent, noCounts } from './event-counts.js';
import type { EventCounts } from './event-counts.js';

// https://developers.cloudflare.com/analytics/analytics-engine/limits/
const MAX_INDEX_BYTES = 96;
const MAX_DOUBLES = 20;
const MAX_BLOBS = 20;
/** The platform says 16 KB; this is the smaller reading of it, because a point above the bound is lost. */
const MAX_BLOB_BYTES = 16_000;
const MAX_POINTS_PER_INVOCATION = 250;

const MAX_ERROR_CODE_BYTES = 500;
const MAX_OWN_BLOBS = MAX_BLOBS - 1;
const MAX_OWN_BLOB_BYTES = MAX_BLOB_BYTES - MAX_ERROR_CODE_BYTES;

/** A data point, as `AnalyticsEngineSink` writes it. */
export interface AnalyticsEnginePoint {
  indexes: string[];
  doubles: number[];
  blobs: string[];
}

/** What the sink needs of a Workers Analytics Engine dataset; a binding typed by `@cloudflare/workers-types` is assignable to it. */
export interface AnalyticsEngineDatasetLike {
  /** Writes a point; the platform does so in the background. */
  writeDataPoint(event?: AnalyticsEnginePoint): void;
}

/** A dataset, of which nothing says that a double of it is not async. */
interface AnyDataset {
  writeDataPoint(point: AnalyticsEnginePoint): unknown;
}

/** Options of `AnalyticsEngineSink`. */
export interface AnalyticsEngineSinkOptions {
  /** The sampling key, 1 to 96 UTF-8 bytes: what you group by, such as the Worker's name or a tenant. `index1` in SQL. */
  readonly index: string;
  /**
   * Texts of yours on every point, at most 19 of together 15,500 UTF-8 bytes: a route, a colo, a version. `blob2` and on.
   *
   * @default []
   */
  readonly blobs?: readonly string[];
  /**
   * What the doubles hold, 1 to 20 names in their order: `ANALYTICS_ENGINE_COORDINATION_DOUBLES` or a choice of yours. Give each layout a
   * dataset of its own, as the columns of one mean one thing.
   *
   * @default ANALYTICS_ENGINE_DOUBLES
   */
  readonly doubles?: readonly EventCountName[];
  /**
   * Most points that this instance writes, an integer from 1 to 250: as many as an invocation of a Worker may write to all
   * its datasets. `Infinity` for an instance that outlives invocations; the platform's bound is then yours to keep.
   *
   * @default 250
   */
  readonly pointsPerInvocation?: number;
}

/**
 * Adds up the events of a request and writes them to Workers Analytics Engine as one data point when it is flushed or
 * disposed. A request scope disposes what it makes, so providing it as `EVENT_SINK` is all there is to do. It writes no keys.
 *
 * Dispose it in `finally` or by `using`, or its scope by `await using`. What comes later, of a refresh in `waitUntil`, is not
 * lost: the events of each moment go out as a further point, so a request can have several rows. Sums stay right.
 *
 * `double1` to `double20` are `ANALYTICS_ENGINE_DOUBLES` in that order: hits, staleHits, misses, loads, loadErrors, loadMs,
 * writes, skips, errors, refreshes, refreshErrors, readBytes, writtenBytes, rateLimitDenials, sessionHits, sessionMisses,
 * invalidations, warnings, readMs, memoryHits. `blob1` holds the distinct codes of the errors, joined by commas and cut at 500 bytes.
 *
 * For rate limits, locks and counters combine it with a second one, `doubles: ANALYTICS_ENGINE_COORDINATION_DOUBLES`, over another dataset. What
 * adds up to nothing in a layout is not written.
 *
 * Hits, stale hits and misses are of values that were looked for: what `@CachePut` or `forceFresh` loads is a load alone.
 *
 * Analytics Engine samples. A row stands for `_sample_interval` points, so weigh every sum with it. Hit ratio and mean load
 * time per hour:
 *
 * ```sql
 * SELECT toStartOfInterval(timestamp, INTERVAL '1' HOUR) AS hour, index1 AS worker,
 *   SUM(_sample_interval * (double1 + double2)) / SUM(_sample_interval * (double1 + double2 + double3)) AS hit_ratio,
 *   SUM(_sample_interval * double6) / SUM(_sample_interval * double4) AS mean_load_ms
 * FROM my_dataset WHERE timestamp > NOW() - INTERVAL '1' DAY GROUP BY hour, worker ORDER BY hour
 * ```
 *
 * @example
 * ```ts
 * const ANALYTICS = token<AnalyticsEngineDatasetLike>('ANALYTICS');
 * const app = createContainer(
 *   provideCache(),
 *   provideBinding(ANALYTICS, 'ANALYTICS'),
 *   provide(EVENT_SINK, (scope) => new AnalyticsEngineSink(scope.resolve(ANALYTICS), { index: 'my-worker' })),
 * );
 * ```
 */
export class AnalyticsEngineSink implements EventSink, Disposable {
  readonly #dataset: AnyDataset;
  readonly #index: string;
  readonly #blobs: readonly string[];
  readonly #doubles: readonly EventCountName[];
  readonly #maxPoints: number;
  #counts: EventCounts | undefined;
  #errorCodes = new Set<string>();
  #points = 0;
  #dropped = 0;
  #isDisposed = false;
  #isScheduled = false;

  /**
   * Makes a sink over a dataset.
   *
   * @param dataset the binding.
   * @param options the sampling key, and what else goes on every point.
   * @throws {CloudflareClientError} `INVALID_BINDING` for what is not a dataset; `INVALID_OPTION` without options and for what
   *   no data point can hold.
   */
  constructor(dataset: AnalyticsEngineDatasetLike, options: AnalyticsEngineSinkOptions) {
    checkDataset(dataset);
    checkOptions(options);
    const { index, blobs = [], pointsPerInvocation = MAX_POINTS_PER_INVOCATION } = options;
    const { doubles = ANALYTICS_ENGINE_DOUBLES } = options;
    checkIndex(index);
    checkBlobs(blobs);
    checkPoints(pointsPerInvocation);
    checkDoubles(doubles);
    this.#dataset = dataset;
    this.#index = index;
    this.#blobs = [...blobs];
    this.#doubles = [...doubles];
    this.#maxPoints = pointsPerInvocation;
  }

  /** Points that were not written: the bound was reached, or the dataset failed. The events in them are lost. */
  get droppedPoints(): number {
    return this.#dropped;
  }

  /** Adds `event` up. After disposal it is written as soon as the code that runs now gives way. */
  emit(event: ClientEvent): void {
    countEvent((this.#counts ??= noCounts()), event);
    if (event.type === 'cache.error' || event.type === 'client.error') this.#errorCodes.add(event.code);
    if (this.#isDisposed) this.#schedule();
  }

  /** Writes what came since the last flush as one point; nothing when there were no events. It never throws. */
  flush(): void {
    if (this.#counts === undefined) return;
    const point = this.#pointOf(this.#counts);
    this.#counts = undefined;
    this.#errorCodes = new Set();
    if (point.doubles.every((value) => value === 0) && point.blobs[0] === '') return;
    if (this.#points < this.#maxPoints) this.#write(point);
    else this.#dropped += 1;
  }

  /** As `flush`. Events that come later are written by themselves, those of one moment as one point. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.flush();
  }

  // A microtask and no timer: it runs within what `waitUntil` waits for.
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  #pointOf(counts: EventCounts): AnalyticsEnginePoint {
    return {
      indexes: [this.#index],
      doubles: this.#doubles.map((name) => (Number.isFinite(counts[name]) ? counts[name] : 0)),
      blobs: [joinWithin(this.#errorCodes, MAX_ERROR_CODE_BYTES), ...this.#blobs],
    };
  }

  #write(point: AnalyticsEnginePoint): void {
    this.#points += 1;
    try {
      const result = this.#dataset.writeDataPoint(point);
      if (result instanceof Promise) result.catch(() => (this.#dropped += 1));
    } catch {
      this.#dropped += 1;
    }
  }
}

function checkDataset(dataset: unknown): void {
  if (typeof (dataset as Partial<AnalyticsEngineDatasetLike> | null | undefined)?.writeDataPoint === 'function') return;
  throw new CloudflareClientError(
    'INVALID_BINDING',
    `What was given (${typeof dataset}) is not an Analytics Engine dataset: add the binding to analytics_engine_datasets in wrangler.jsonc and pass env.BINDING.`,
  );
}

function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  refuse('The options of AnalyticsEngineSink are refused: give an object with at least an index.');
}

function checkIndex(index: unknown): void {
  const bytes = typeof index === 'string' ? bytesOf(index) : 0;
  if (bytes >= 1 && bytes <= MAX_INDEX_BYTES) return;
  const shown = typeof index === 'string' ? `of ${bytes} bytes` : `of type ${typeof index}`;
  refuse(`Option index ${shown} is refused: give a string of 1 to ${MAX_INDEX_BYTES} UTF-8 bytes.`);
}

function checkBlobs(blobs: unknown): void {
  if (!Array.isArray(blobs) || blobs.some((blob) => typeof blob !== 'string')) {
    refuse('Option blobs is refused: give an array of strings.');
  }
  const bytes = (blobs as string[]).reduce((sum, blob) => sum + bytesOf(blob), 0);
  if (blobs.length <= MAX_OWN_BLOBS && bytes <= MAX_OWN_BLOB_BYTES) return;
  refuse(
    `Option blobs with ${blobs.length} texts of together ${bytes} bytes is refused: give at most ${MAX_OWN_BLOBS} of together ${MAX_OWN_BLOB_BYTES} UTF-8 bytes.`,
  );
}

function checkPoints(points: unknown): void {
  if (points === Infinity) return;
  if (Number.isInteger(points) && (points as number) >= 1 && (points as number) <= MAX_POINTS_PER_INVOCATION) return;
  const shown = typeof points === 'number' ? String(points) : `of type ${typeof points}`;
  refuse(
    `Option pointsPerInvocation ${shown} is refused: give an integer from 1 to ${MAX_POINTS_PER_INVOCATION}, or Infinity.`,
  );
}

function checkDoubles(doubles: unknown): void {
  const known = noCounts();
  const isLayout = Array.isArray(doubles) && doubles.length >= 1 && doubles.length <= MAX_DOUBLES;
  if (isLayout && doubles.every((name) => typeof name === 'string' && Object.hasOwn(known, name))) return;
  refuse(`Option doubles is refused: give 1 to ${MAX_DOUBLES} of ${Object.keys(known).join(', ')}.`);
}

function refuse(message: string): never {
  throw new CloudflareClientError('INVALID_OPTION', message);
}

function joinWithin(texts: Iterable<string>, maxBytes: number): string {
  let joined = '';
  for (const text of texts) {
    const longer = joined === '' ? text : `${joined},${text}`;
    if (bytesOf(longer) <= maxBytes) joined = longer;
  }
  return joined;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}
