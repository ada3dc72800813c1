import { CloudflareClientError } from '../errors.js';
import type { ClientEvent, EventSink } from '../events.js';
import { spanOf } from './event-span.js';
import type { EventSpan, SpanAttributes } from './event-span.js';

/** The status of a failed span in OpenTelemetry. */
const STATUS_ERROR = 2;

/** What the sink needs of an OpenTelemetry span. */
export interface SpanLike {
  /** Adds an error to the span. */
  recordException(exception: { name?: string; message: string; stack?: string }, time?: Date): unknown;
  /** Marks the span: 2 is ERROR. */
  setStatus(status: { code: number; message?: string }): unknown;
  /** Ends the span. */
  end(endTime?: Date): void;
}

/** How the sink starts a span. */
export interface SpanOptionsLike {
  /** 0 for INTERNAL, 2 for CLIENT. */
  kind: number;
  /** When the work began. */
  startTime: Date;
  /** What is known of the work. */
  attributes: SpanAttributes;
}

/** What the sink needs of an OpenTelemetry tracer; that of `@opentelemetry/api` is assignable to it. */
export interface TracerLike {
  /** Starts a span, as a child of that of `context`. */
  startSpan(name: string, options: SpanOptionsLike, context?: unknown): SpanLike;
}

/** Options of `TracerSink`. */
export interface TracerSinkOptions {
  /**
   * The OpenTelemetry context whose span is the parent, as `trace.setSpan(context.active(), span)` makes it. Without an
   * AsyncLocalStorage context manager a Worker has no active span, and every span would be the root of a trace.
   *
   * @default the tracer's active context
   */
  readonly context?: unknown;
  /**
   * The clock, in milliseconds since the epoch; that of the clients.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/**
 * Makes a span of each event, with a tracer of yours. An event that has a duration becomes a span that ends now and lasted as
 * long. All others become spans of no length, not events of a parent span: they are seen without one as well, and
 * OpenTelemetry is about to give span events up. Workers' clocks stand still between I/O, so work without I/O has no length.
 *
 * Names: `cache.get` (hit, stale, miss), `cache.put`, `session.get` (hit, miss); all others are named as their event. The
 * dots tell them apart from what the runtime itself traces (`kv_get`, `cache_put`). Spans of KV are CLIENT spans with
 * `db.system.name=cloudflare-kv` and `db.operation.name`, as the runtime's own. The attributes are `cache.hit`, `cache.result`,
 * `cache.reason`, `cache.tier`, `cache.item_size`, `cache.ttl`, `cache.age_ms`, `cache.key_prefix` and the like; `cache.key` only where
 * the client puts raw keys on its events. A failure sets `error.type` to its code, records the exception and the status ERROR;
 * that of a loader is recorded where it failed in the background, which nobody else is told.
 * https://developers.cloudflare.com/workers/observability/traces/spans-and-attributes/
 *
 * @example
 * ```ts
 * import { trace } from '@opentelemetry/api';
 *
 * const sink = new TracerSink(trace.getTracer('my-worker'));
 * const traced = new CacheClient(env.CACHE_KV, { events: sink });
 * ```
 */
export class TracerSink implements EventSink {
  readonly #tracer: TracerLike;
  readonly #context: unknown;
  readonly #now: () => number;

  /**
   * Makes a sink over a tracer.
   *
   * @param tracer starts the spans.
   * @param options the parent's context, and the clock.
   * @throws {CloudflareClientError} `INVALID_OPTION` for what is not a tracer.
   */
  constructor(tracer: TracerLike, options: TracerSinkOptions = {}) {
    if (typeof (tracer as Partial<TracerLike> | null | undefined)?.startSpan !== 'function') {
      throw new CloudflareClientError(
        'INVALID_OPTION',
        `What was given (${typeof tracer}) is not a tracer: it has no startSpan.`,
      );
    }
    this.#tracer = tracer;
    this.#context = options.context;
    this.#now = options.now ?? Date.now;
  }

  /** Starts and ends the span of `event`. */
  emit(event: ClientEvent): void {
    const described = spanOf(event);
    if (described === undefined) return;
    const { name, kind, durationMs, attributes, failure } = described;
    const nowMs = this.#now();
    // Dates: the SDK takes small numbers for performance.now().
    const end = new Date(nowMs);
    const options = { kind, startTime: new Date(nowMs - durationMs), attributes };
    const span = this.#tracer.startSpan(name, options, this.#context);
    try {
      if (failure !== undefined) recordFailure(span, failure, end);
    } finally {
      span.end(end);
    }
  }
}

function recordFailure(span: SpanLike, failure: NonNullable<EventSpan['failure']>, time: Date): void {
  const { message, exception } = failure;
  span.setStatus({ code: STATUS_ERROR, message });
  if (exception !== undefined) span.recordException(exception instanceof Error ? exception : { message }, time);
}
