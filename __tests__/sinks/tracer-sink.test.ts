import type { Tracer } from '@opentelemetry/api';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { CloudflareClientError } from '../../src/errors.js';
import type { ClientEvent } from '../../src/events.js';
import type { SpanLike, TracerLike } from '../../src/sinks/tracer-sink.js';
import { TracerSink } from '../../src/sinks/tracer-sink.js';
import { ManualClock } from '../../src/testing.js';
import { codeOf, fc } from '../support/kv.js';
import { EVENTS, anyEvent, cacheError } from './events.js';

const START_MS = Date.UTC(2026, 0, 1);

function setup() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer('test');
  const { now } = new ManualClock(START_MS);
  return { exporter, tracer, now, sink: new TracerSink(tracer, { now }) };
}

function spanOf(event: ClientEvent): ReadableSpan {
  const { exporter, sink } = setup();
  sink.emit(event);
  const spans = exporter.getFinishedSpans();
  expect(spans).toHaveLength(1);
  return spans[0]!;
}

const toMs = ([seconds, nanos]: readonly [number, number]): number => seconds * 1000 + nanos / 1_000_000;

describe('TracerSink', () => {
  test.each<[ClientEvent['type'], string, SpanKind, Record<string, unknown>]>([
    [
      'cache.hit',
      'cache.get',
      SpanKind.CLIENT,
      {
        'db.system.name': 'cloudflare-kv',
        'db.operation.name': 'get',
        'cache.key_prefix': 'cache:content:',
        'cache.hit': true,
        'cache.result': 'hit',
        'cache.tier': 'kv',
        'cloudflare.kv.response.size': 120,
        'cache.item_size': 120,
        'cache.age_ms': 900,
      },
    ],
    [
      'cache.stale',
      'cache.get',
      SpanKind.INTERNAL,
      {
        'cache.key_prefix': 'cache:content:',
        'cache.hit': true,
        'cache.result': 'stale',
        'cache.reason': 'revalidate',
        'cache.tier': 'memory',
        'cache.item_size': 80,
        'cache.age_ms': 61_000,
        'cache.stale_ms': 1_000,
      },
    ],
    [
      'cache.miss',
      'cache.get',
      SpanKind.CLIENT,
      {
        'db.system.name': 'cloudflare-kv',
        'db.operation.name': 'get',
        'cache.key_prefix': 'cache:content:',
        'cache.hit': false,
        'cache.result': 'miss',
        'cache.reason': 'absent',
      },
    ],
    [
      'cache.load',
      'cache.load',
      SpanKind.INTERNAL,
      { 'cache.key_prefix': 'cache:content:', 'cache.keys.count': 1, 'cache.load.outcome': 'value' },
    ],
    [
      'cache.refresh',
      'cache.refresh',
      SpanKind.INTERNAL,
      {
        'cache.key_prefix': 'cache:content:',
        'cache.keys.count': 1,
        'cache.load.outcome': 'value',
        'cache.refresh.trigger': 'stale',
      },
    ],
    [
      'cache.write',
      'cache.put',
      SpanKind.CLIENT,
      {
        'db.system.name': 'cloudflare-kv',
        'db.operation.name': 'put',
        'cache.key_prefix': 'cache:content:',
        'cloudflare.kv.query.payload.size': 120,
        'cache.ttl': 60,
        'cache.item_size': 120,
      },
    ],
    [
      'cache.skip',
      'cache.skip',
      SpanKind.INTERNAL,
      { 'cache.key_prefix': 'cache:content:', 'cache.reason': 'cacheIf refused the value.' },
    ],
    [
      'cache.invalidate',
      'cache.invalidate',
      SpanKind.CLIENT,
      { 'db.system.name': 'cloudflare-kv', 'cache.invalidate.kind': 'key', 'cache.invalidate.count': 2 },
    ],
    ['session.hit', 'session.get', SpanKind.INTERNAL, { 'cache.hit': true }],
    ['session.miss', 'session.get', SpanKind.INTERNAL, { 'cache.hit': false, 'cache.reason': 'revoked' }],
    [
      'rate-limit.denied',
      'rate-limit.denied',
      SpanKind.INTERNAL,
      {
        'rate_limit.key_prefix': 'rl:login:',
        'rate_limit.limit': 5,
        'rate_limit.decided_by': 'object',
        'rate_limit.reason': 'limit-exceeded',
        'rate_limit.allowed': false,
        'rate_limit.shadow': false,
        'rate_limit.retry_after_ms': 1_000,
      },
    ],
    [
      'kv.large-value',
      'kv.large-value',
      SpanKind.CLIENT,
      {
        'db.system.name': 'cloudflare-kv',
        'db.operation.name': 'put',
        'kv.source': 'kv',
        'kv.key_prefix': 'cache:content:',
        'cloudflare.kv.query.payload.size': 100_001,
      },
    ],
    [
      'kv.budget',
      'kv.budget',
      SpanKind.INTERNAL,
      { 'kv.source': 'cache', 'kv.budget.spent': 'writes', 'kv.budget.limit': 1000 },
    ],
  ])('makes a span of %s', (type, name, kind, attributes) => {
    const span = spanOf(EVENTS[type]);
    expect(span).toMatchObject({ name, kind, status: { code: SpanStatusCode.UNSET }, events: [] });
    expect(span.attributes).toEqual(attributes);
  });

  test('ends the span of an event now and starts it as long before as it took', () => {
    const span = spanOf({ ...EVENTS['cache.load'], durationMs: 250 });
    expect(toMs(span.startTime)).toBe(START_MS - 250);
    expect(toMs(span.endTime)).toBe(START_MS);
  });

  test('gives an event without a duration a span of no length', () => {
    const span = spanOf(EVENTS['session.hit']);
    expect(toMs(span.startTime)).toBe(START_MS);
    expect(span.duration).toEqual([0, 0]);
  });

  test('shows keys as far as the event does', () => {
    expect(spanOf({ ...EVENTS['cache.hit'], keyHash: '1f' }).attributes).toMatchObject({ 'cache.key_hash': '1f' });
    const raw = spanOf({ ...EVENTS['cache.hit'], key: 'cache:content:a' });
    expect(raw.attributes).toMatchObject({ 'cache.key': ['cache:content:a'] });
  });

  test.each<['cache.error' | 'client.error', string, Record<string, unknown>]>([
    [
      'cache.error',
      'KV_READ_FAILED',
      { 'db.operation.name': 'get', 'cache.key_prefix': 'cache:content:', 'error.type': 'KV_READ_FAILED' },
    ],
    [
      'client.error',
      'KV_TIMEOUT',
      {
        'db.operation.name': 'delete',
        'kv.source': 'session',
        'kv.key_prefix': 'session:',
        'error.type': 'KV_TIMEOUT',
      },
    ],
  ])('records the error of %s', (type, code, attributes) => {
    const error = new CloudflareClientError(code as 'KV_TIMEOUT', 'KV failed.');
    const span = spanOf({ ...EVENTS[type], error });
    expect(span).toMatchObject({
      name: type,
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.ERROR, message: 'KV failed.' },
      events: [
        {
          name: 'exception',
          attributes: {
            'exception.type': code,
            'exception.message': 'KV failed.',
            'exception.stacktrace': expect.stringContaining('KV failed.') as string,
          },
        },
      ],
    });
    expect(span.attributes).toEqual({ 'db.system.name': 'cloudflare-kv', ...attributes });
  });

  test('records what was thrown in place of an error by its type', () => {
    const span = spanOf(cacheError({ token: 'secret' }));
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'thrown: object' });
    expect(JSON.stringify(span.events)).not.toContain('secret');
  });

  test.each([
    ['error', '_OTHER', 'the loader failed'],
    ['timeout', 'LOADER_TIMEOUT', 'the loader took too long'],
  ] as const)('marks a loader that ended with %s as failed', (outcome, type, message) => {
    for (const event of [EVENTS['cache.load'], EVENTS['cache.refresh']]) {
      const span = spanOf({ ...event, outcome });
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message });
      expect(span.attributes).toMatchObject({ 'error.type': type, 'cache.load.outcome': outcome });
    }
  });

  test.each(['error', 'timeout'] as const)('records what a refresh threw that ended with %s', (outcome) => {
    const span = spanOf({ ...EVENTS['cache.refresh'], outcome, error: new RangeError('database is down') });
    expect(span.status.code).toBe(SpanStatusCode.ERROR);
    expect(span.events).toMatchObject([
      { name: 'exception', attributes: { 'exception.type': 'RangeError', 'exception.message': 'database is down' } },
    ]);
  });

  test('records nothing of what a refresh threw in place of an error', () => {
    const span = spanOf({ ...EVENTS['cache.refresh'], outcome: 'error', error: { token: 'secret' } });
    expect(span.events).toMatchObject([{ attributes: { 'exception.message': 'the loader failed' } }]);
    expect(JSON.stringify(span.events)).not.toContain('secret');
  });

  test('takes waiting for the load of another request for no failure', () => {
    for (const event of [EVENTS['cache.load'], EVENTS['cache.refresh']]) {
      const span = spanOf({ ...event, outcome: 'joined' });
      expect(span.status).toEqual({ code: SpanStatusCode.UNSET });
      expect(span.attributes).toMatchObject({ 'cache.load.outcome': 'joined' });
    }
  });

  test('takes a forced miss for no call of KV', () => {
    const span = spanOf({ ...EVENTS['cache.miss'], reason: 'forced' });
    expect(span.kind).toBe(SpanKind.INTERNAL);
    expect(span.attributes).toEqual({
      'cache.key_prefix': 'cache:content:',
      'cache.hit': false,
      'cache.result': 'miss',
      'cache.reason': 'forced',
    });
  });

  test('makes the spans children of the span in the given context', () => {
    const { exporter, tracer, now } = setup();
    const parent = tracer.startSpan('request');
    const sink = new TracerSink(tracer, { now, context: trace.setSpan(ROOT_CONTEXT, parent) });
    sink.emit(EVENTS['cache.hit']);
    const { spanId, traceId } = parent.spanContext();
    const [span] = exporter.getFinishedSpans();
    expect(span!.parentSpanContext?.spanId).toBe(spanId);
    expect(span!.spanContext().traceId).toBe(traceId);
  });

  test('makes one ended span of any event', () => {
    fc.assert(
      fc.property(anyEvent(), (event) => {
        const { exporter, sink } = setup();
        sink.emit(event);
        expect(exporter.getFinishedSpans()).toHaveLength(1);
      }),
    );
  });

  test('ends a span also where recording its failure throws', () => {
    const end = jest.fn();
    const span: SpanLike = {
      end,
      setStatus: () => undefined,
      recordException: () => {
        throw new Error('no');
      },
    };
    expect(() => new TracerSink({ startSpan: () => span }).emit(EVENTS['cache.error'])).toThrow('no');
    expect(end).toHaveBeenCalledTimes(1);
  });

  test('makes no span of an event that this version does not know', () => {
    const { exporter, sink } = setup();
    sink.emit({ type: 'cache.new' } as unknown as ClientEvent);
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  test('takes the tracer of OpenTelemetry as it is typed', () => {
    const take = (tracer: Tracer): TracerLike => tracer;
    expect(take(trace.getTracer('none'))).toBeDefined();
    new TracerSink(trace.getTracer('none')).emit(EVENTS['cache.error']);
  });

  test.each([undefined, null, {}])('refuses %p in place of a tracer', async (tracer) => {
    expect(await codeOf(() => new TracerSink(tracer as never))).toBe('INVALID_OPTION');
  });
});
