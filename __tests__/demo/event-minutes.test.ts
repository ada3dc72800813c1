import type { ClientEvent } from '@codex/cloudflare-clients';
import { EventMinutes } from '../../examples/worker/src/event-minutes.js';

const NOW = 1_700_000_070_000;

/** A D1 that keeps the batches that it was given. */
function database(failure?: Error) {
  const batches: unknown[][] = [];
  return {
    batches,
    prepare: () => ({ bind: (...values: unknown[]) => values }),
    batch: async (statements: unknown[]) => {
      batches.push(statements);
      if (failure !== undefined) throw failure;
    },
  };
}

function hit(durationMs: number, keyPrefix = 'cache:content:'): ClientEvent {
  return { type: 'cache.hit', tier: 'kv', ageMs: 1, bytes: 1, durationMs, keyPrefix };
}

test('adds up events by minute, type, key prefix and bound of latency', () => {
  let now = NOW;
  const counts = new EventMinutes(database(), { now: () => now });
  for (const durationMs of [0, 1, 3, 4]) counts.emit(hit(durationMs));
  counts.emit(hit(3, 'cache:other:'));
  now += 60_000;
  counts.emit(hit(3));
  const minute = Math.floor(NOW / 60_000);
  expect(counts.rows).toEqual([
    { minute, type: 'cache.hit', label: 'cache:content:', leMs: 1, count: 2 },
    { minute, type: 'cache.hit', label: 'cache:content:', leMs: 5, count: 2 },
    { minute, type: 'cache.hit', label: 'cache:other:', leMs: 5, count: 1 },
    { minute: minute + 1, type: 'cache.hit', label: 'cache:content:', leMs: 5, count: 1 },
  ]);
});

test('counts what is slower than every bound under the last, and what tells no latency under 0', () => {
  const counts = new EventMinutes(database(), { now: () => NOW });
  counts.emit(hit(99_999));
  counts.emit({ type: 'session.hit' });
  expect(counts.rows.map(({ label, leMs }) => [label, leMs])).toEqual([
    ['cache:content:', 10_000],
    ['session:', 0],
  ]);
});

test('writes one batch when it is disposed, and none without events', async () => {
  const d1 = database();
  const counts = new EventMinutes(d1, { now: () => NOW });
  counts.emit({ type: 'session.revoked', scope: 'user' });
  await counts[Symbol.asyncDispose]();
  expect(d1.batches).toEqual([]);
  counts.emit(hit(1));
  counts.emit({ type: 'session.hit' });
  await counts[Symbol.asyncDispose]();
  await counts[Symbol.asyncDispose]();
  const minute = Math.floor(NOW / 60_000);
  expect(d1.batches).toEqual([
    [
      [minute, 'cache.hit', 'cache:content:', 1, 1],
      [minute, 'session.hit', 'session:', 0, 1],
    ],
  ]);
});

test('a database that fails is told to onError and to nobody else', async () => {
  const errors: unknown[] = [];
  const failure = new Error('D1 is gone');
  const counts = new EventMinutes(database(failure), { now: () => NOW, onError: (error) => errors.push(error) });
  counts.emit(hit(1));
  await counts[Symbol.asyncDispose]();
  expect(errors).toEqual([failure]);
});
