import type { AnalyticsEngineDataset } from '@cloudflare/workers-types';
import type { ErrorCode } from '../../src/errors.js';
import type { ClientEvent } from '../../src/events.js';
import { provide } from '../../src/providers/provider.js';
import { openScope } from '../../src/providers/request-scope.js';
import type {
  AnalyticsEngineDatasetLike,
  AnalyticsEnginePoint,
  AnalyticsEngineSinkOptions,
} from '../../src/sinks/analytics-engine-sink.js';
import {
  ANALYTICS_ENGINE_COORDINATION_DOUBLES,
  ANALYTICS_ENGINE_DOUBLES,
} from '../../src/sinks/analytics-engine-doubles.js';
import { AnalyticsEngineSink } from '../../src/sinks/analytics-engine-sink.js';
import { EVENT_SINK } from '../../src/tokens/index.js';
import { container as root } from 'tsyringe';
import { codeOf, errorOf, fc } from '../support/kv.js';
import { EVENTS, anyEvent, cacheError } from './events.js';

const bytesOf = (text: string): number => new TextEncoder().encode(text).byteLength;

/** A dataset that refuses what the platform loses. */
class FakeDataset implements AnalyticsEngineDatasetLike {
  readonly points: AnalyticsEnginePoint[] = [];

  writeDataPoint(point: AnalyticsEnginePoint): void {
    const { indexes, doubles, blobs } = point;
    if (indexes.length !== 1 || bytesOf(indexes[0]!) > 96) throw new Error('index');
    if (doubles.length > 20 || doubles.some((double) => !Number.isFinite(double))) throw new Error('doubles');
    if (blobs.length > 20 || blobs.reduce((sum, blob) => sum + bytesOf(blob), 0) > 16_000) throw new Error('blobs');
    if (this.points.length === 250) throw new Error('points');
    this.points.push(point);
  }

  /** What a point says, by name; without the zeros. */
  named(index: number, names: readonly string[] = ANALYTICS_ENGINE_DOUBLES): Record<string, number> {
    const { doubles } = this.points[index]!;
    const entries = names.map((name, position) => [name, doubles[position]!] as const);
    return Object.fromEntries(entries.filter(([, value]) => value !== 0));
  }
}

function setup(options: Partial<AnalyticsEngineSinkOptions> = {}) {
  const dataset = new FakeDataset();
  return { dataset, sink: new AnalyticsEngineSink(dataset, { index: 'worker', ...options }) };
}

describe('AnalyticsEngineSink', () => {
  test('adds up every type of event and writes one point when it is flushed', () => {
    const { dataset, sink } = setup({ blobs: ['/route', 'AMS'] });
    Object.values(EVENTS).forEach((event) => sink.emit(event));
    sink.emit({ ...EVENTS['cache.load'], outcome: 'timeout', durationMs: 2 });
    sink.emit({ ...EVENTS['cache.refresh'], outcome: 'error' });
    sink.emit({ ...EVENTS['cache.load'], outcome: 'joined' });
    sink.emit({ ...EVENTS['cache.hit'], tier: 'memo' });
    expect(dataset.points).toEqual([]);
    sink.flush();
    expect(dataset.points).toHaveLength(1);
    expect(dataset.points[0]).toMatchObject({
      indexes: ['worker'],
      blobs: ['KV_READ_FAILED,KV_TIMEOUT', '/route', 'AMS'],
    });
    expect(dataset.named(0)).toEqual({
      hits: 2,
      memoryHits: 2,
      staleHits: 1,
      misses: 1,
      readMs: 8,
      readBytes: 320,
      loads: 2,
      loadErrors: 1,
      loadMs: 42,
      refreshes: 2,
      refreshErrors: 1,
      writes: 1,
      writtenBytes: 120,
      skips: 1,
      errors: 2,
      invalidations: 2,
      sessionHits: 1,
      sessionMisses: 1,
      rateLimitDenials: 1,
      warnings: 2,
    });
  });

  test('keeps the order that its queries rely on', () => {
    expect(ANALYTICS_ENGINE_DOUBLES).toEqual([
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
    ]);
  });

  test('adds up limits, locks, counters and sessions where it is told to', () => {
    const doubles = ANALYTICS_ENGINE_COORDINATION_DOUBLES;
    const { dataset, sink } = setup({ doubles });
    Object.values(EVENTS).forEach((event) => sink.emit(event));
    sink.emit({ ...EVENTS['rate-limit.denied'], shadow: true, decidedBy: 'isolate' });
    sink.emit({ ...EVENTS['rate-limit.allowed'], reason: 'store-error' });
    sink.emit({ ...EVENTS['rate-limit.denied'], reason: 'store-error', decidedBy: 'isolate' });
    sink.flush();
    expect(dataset.named(0, doubles)).toEqual({
      rateLimitPasses: 3,
      rateLimitDenials: 2,
      rateLimitShadowDenials: 1,
      rateLimitUndecided: 2,
      rateLimitLocal: 1,
      rateLimitMs: 38,
      locksAcquired: 1,
      locksRefused: 1,
      locksLost: 1,
      lockWaitMs: 512,
      lockHeldMs: 30_070,
      counterReplays: 1,
      sessionHits: 1,
      sessionMisses: 1,
      sessionRevocations: 1,
      errors: 2,
      warnings: 2,
    });
  });

  test('keeps the order of the layout of coordination as well', () => {
    expect(ANALYTICS_ENGINE_COORDINATION_DOUBLES).toEqual([
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
    ]);
  });

  test('writes no point for events that add up to nothing in its layout', () => {
    const { dataset, sink } = setup({ doubles: ANALYTICS_ENGINE_COORDINATION_DOUBLES, pointsPerInvocation: 1 });
    sink.emit(EVENTS['cache.hit']);
    sink.flush();
    expect(dataset.points).toEqual([]);
    sink.emit(EVENTS['lock.acquired']);
    sink.flush();
    expect(dataset.points).toHaveLength(1);
    expect(sink.droppedPoints).toBe(0);
  });

  test('writes nothing without events, and only what came since in a second point', () => {
    const { dataset, sink } = setup();
    sink.flush();
    expect(dataset.points).toEqual([]);
    sink.emit(EVENTS['cache.hit']);
    sink.emit(EVENTS['cache.error']);
    sink.flush();
    sink.flush();
    sink.emit(EVENTS['cache.miss']);
    sink.flush();
    expect(dataset.points).toHaveLength(2);
    expect(dataset.named(1)).toEqual({ misses: 1, readMs: 2 });
    expect(dataset.points.map(({ blobs }) => blobs[0])).toEqual(['KV_READ_FAILED', '']);
  });

  test('is flushed when the request scope that made it is disposed', async () => {
    const { dataset, sink } = setup();
    const scope = openScope(root, new Map([[EVENT_SINK, provide(EVENT_SINK, () => sink)]]));
    scope.resolve(EVENT_SINK).emit(EVENTS['session.hit']);
    expect(dataset.points).toEqual([]);
    await scope.dispose();
    expect(dataset.named(0)).toEqual({ sessionHits: 1 });
  });

  test('writes what comes after its scope was disposed: the refresh in waitUntil', async () => {
    const { dataset, sink } = setup();
    const scope = openScope(root, new Map([[EVENT_SINK, provide(EVENT_SINK, () => sink)]]));
    const events = scope.resolve(EVENT_SINK);
    events.emit(EVENTS['cache.stale']);
    const background = (async () => {
      await new Promise((resolve) => setImmediate(resolve));
      events.emit(EVENTS['cache.write']);
      events.emit(cacheError(new Error()));
      await Promise.resolve();
      await Promise.resolve();
      events.emit(EVENTS['cache.refresh']);
    })();
    await scope.dispose();
    expect(dataset.points).toHaveLength(1);
    await background;
    await Promise.resolve();
    expect(dataset.points).toHaveLength(3);
    expect(dataset.named(0)).toMatchObject({ staleHits: 1 });
    expect(dataset.named(1)).toEqual({ writes: 1, writtenBytes: 120, errors: 1 });
    expect(dataset.named(2)).toEqual({ refreshes: 1 });
    expect(dataset.points.map(({ blobs }) => blobs[0])).toEqual(['', 'KV_READ_FAILED', '']);
  });

  test('writes no event twice that is flushed by hand after disposal', async () => {
    const { dataset, sink } = setup();
    sink[Symbol.dispose]();
    sink.emit(EVENTS['cache.hit']);
    sink.flush();
    await Promise.resolve();
    expect(dataset.points).toHaveLength(1);
  });

  test('writes no more points than an invocation has after disposal as well', async () => {
    const { dataset, sink } = setup({ pointsPerInvocation: 2 });
    sink.emit(EVENTS['cache.hit']);
    sink[Symbol.dispose]();
    for (let index = 0; index < 3; index += 1) {
      sink.emit(EVENTS['cache.hit']);
      await Promise.resolve();
    }
    expect(dataset.points).toHaveLength(2);
    expect(sink.droppedPoints).toBe(2);
  });

  test('counts neither a forced load as a miss nor a refresh elsewhere as one that failed', () => {
    const { dataset, sink } = setup();
    sink.emit({ ...EVENTS['cache.miss'], reason: 'forced' });
    sink.emit(EVENTS['cache.load']);
    sink.emit({ ...EVENTS['cache.refresh'], outcome: 'joined' });
    sink.flush();
    expect(dataset.named(0)).toEqual({ loads: 1, loadMs: 40 });
  });

  test('is flushed at the end of a block', () => {
    const { dataset, sink } = setup();
    sink.emit(EVENTS['cache.hit']);
    sink[Symbol.dispose]();
    expect(dataset.named(0)).toMatchObject({ hits: 1 });
  });

  test('writes no more points than an invocation has, and counts what it dropped', () => {
    const { dataset, sink } = setup();
    for (let index = 0; index < 260; index += 1) {
      sink.emit(EVENTS['cache.hit']);
      sink.flush();
    }
    expect(dataset.points).toHaveLength(250);
    expect(sink.droppedPoints).toBe(10);

    const small = setup({ pointsPerInvocation: 1 });
    for (let index = 0; index < 3; index += 1) {
      small.sink.emit(EVENTS['cache.hit']);
      small.sink.flush();
    }
    expect(small.dataset.points).toHaveLength(1);
    expect(small.sink.droppedPoints).toBe(2);
  });

  test('writes without end where it outlives invocations and is told so', () => {
    let points = 0;
    const dataset = { writeDataPoint: () => void (points += 1) };
    const sink = new AnalyticsEngineSink(dataset, { index: 'a', pointsPerInvocation: Infinity });
    for (let index = 0; index < 300; index += 1) {
      sink.emit(EVENTS['cache.hit']);
      sink.flush();
    }
    expect(points).toBe(300);
  });

  test('stays within the limits of a point for any events and options', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((index) => bytesOf(index) <= 96),
        fc.array(fc.string({ unit: 'grapheme', maxLength: 50 }), { maxLength: 19 }),
        fc.array(anyEvent(), { minLength: 1, maxLength: 60 }),
        (index, blobs, events) => {
          const { dataset, sink } = setup({ index, blobs });
          [...events, EVENTS['cache.hit']].forEach((event) => sink.emit(event));
          sink.flush();
          expect(sink.droppedPoints).toBe(0);
          expect(dataset.points[0]!.doubles).toHaveLength(20);
          expect(dataset.points[0]!.blobs).toEqual([expect.any(String), ...blobs]);
        },
      ),
    );
  });

  test('writes 0 for a sum that is no number', () => {
    const { dataset, sink } = setup();
    sink.emit({ ...EVENTS['cache.hit'], bytes: NaN, durationMs: Infinity });
    sink.flush();
    expect(dataset.named(0)).toEqual({ hits: 1 });
  });

  test('keeps the bytes of the error codes within their share', () => {
    const { dataset, sink } = setup({ blobs: ['x'.repeat(15_500)] });
    for (let index = 0; index < 100; index += 1) sink.emit(cacheError(new Error(), `É_CODE_${index}` as ErrorCode));
    sink.flush();
    expect(sink.droppedPoints).toBe(0);
    expect(bytesOf(dataset.points[0]!.blobs[0]!)).toBeGreaterThan(480);
  });

  test.each([
    ['throws', () => ({ writeDataPoint: () => fail() })],
    ['rejects', () => ({ writeDataPoint: async () => fail() })],
  ])('is not felt when the dataset %s', async (_name, make) => {
    const sink = new AnalyticsEngineSink(make(), { index: 'a' });
    sink.emit(EVENTS['cache.hit']);
    sink.flush();
    sink[Symbol.dispose]();
    await Promise.resolve();
    expect(sink.droppedPoints).toBe(1);
  });

  test.each<[string, unknown, string]>([
    ['an empty index', { index: '' }, 'Option index of 0 bytes is refused: give a string of 1 to 96 UTF-8 bytes.'],
    ['an index of 97 bytes', { index: `x${'é'.repeat(48)}` }, 'Option index of 97 bytes'],
    ['no index', {}, 'Option index of type undefined'],
    ['20 blobs', { index: 'a', blobs: Array(20).fill('') }, 'Option blobs with 20 texts of together 0 bytes'],
    ['blobs of 15,501 bytes', { index: 'a', blobs: ['x'.repeat(15_501)] }, 'together 15501 bytes is refused'],
    ['a blob that is no text', { index: 'a', blobs: [1] }, 'Option blobs is refused: give an array of strings.'],
    ['blobs that are no array', { index: 'a', blobs: 'abc' }, 'Option blobs is refused'],
    ['no doubles', { index: 'a', doubles: [] }, 'Option doubles is refused: give 1 to 20 of hits, '],
    ['21 doubles', { index: 'a', doubles: Array(21).fill('hits') }, 'Option doubles is refused'],
    ['an unknown double', { index: 'a', doubles: ['toString'] }, 'Option doubles is refused'],
    ['doubles that are no array', { index: 'a', doubles: 'hits' }, 'Option doubles is refused'],
    ['251 points', { index: 'a', pointsPerInvocation: 251 }, 'Option pointsPerInvocation 251 is refused'],
    ['0 points', { index: 'a', pointsPerInvocation: 0 }, 'give an integer from 1 to 250, or Infinity.'],
    ['points of another type', { index: 'a', pointsPerInvocation: '9' }, 'pointsPerInvocation of type string'],
  ])('refuses %s', async (_name, options, message) => {
    const error = await errorOf(
      () => new AnalyticsEngineSink(new FakeDataset(), options as AnalyticsEngineSinkOptions),
    );
    expect(error).toMatchObject({ code: 'INVALID_OPTION' });
    expect(error.message).toContain(message);
  });

  test.each([undefined, null, 'worker'])('refuses %p in place of options', async (options) => {
    const error = await errorOf(() => new AnalyticsEngineSink(new FakeDataset(), options as never));
    expect(error).toMatchObject({
      code: 'INVALID_OPTION',
      message: 'The options of AnalyticsEngineSink are refused: give an object with at least an index.',
    });
  });

  test.each([undefined, null, {}, 'text'])('refuses %p in place of a dataset, with the remedy', async (dataset) => {
    const act = () => new AnalyticsEngineSink(dataset as never, { index: 'a' });
    expect(await codeOf(act)).toBe('INVALID_BINDING');
    expect((await errorOf(act)).message).toContain('analytics_engine_datasets');
  });

  test('takes a binding as the platform types it', () => {
    const make = (dataset: AnalyticsEngineDataset) => new AnalyticsEngineSink(dataset, { index: 'a' });
    expect(make).toBeInstanceOf(Function);
  });

  test('takes an event that this version does not know', () => {
    const { dataset, sink } = setup();
    sink.emit({ type: 'cache.new' } as unknown as ClientEvent);
    sink.emit(EVENTS['session.hit']);
    sink.flush();
    expect(dataset.named(0)).toEqual({ sessionHits: 1 });
  });
});

function fail(): never {
  throw new Error('the dataset is down');
}
