import type { BeginReply, OnceOutcome } from '../../../src/durable-objects/counter/once-api.js';
import { CountedObject } from '../../support/counters.js';
import { fc } from '../../support/kv.js';

const LEASE = 10_000;
const TTL = 60_000;
const HOUR_MS = 3_600_000;

const json = (value: unknown): OnceOutcome => ({ kind: 'json', text: JSON.stringify(value) });

function begin(object: CountedObject, runId: string, fingerprint = ''): BeginReply {
  return object.machine.begin({ runId, fingerprint, leaseMs: LEASE, ttlMs: TTL });
}

/** Begins a run that must be granted. */
function granted(object: CountedObject, runId: string): { runId: string; fence: number } {
  const reply = begin(object, runId);
  if (reply.state !== 'run') throw new Error(`not granted: ${reply.state}`);
  return { runId, fence: reply.fence };
}

const finish = (object: CountedObject, run: { runId: string; fence: number }, value: unknown): boolean =>
  object.machine.finish({ ...run, outcome: json(value), ttlMs: TTL }).stored;

describe('a piece of work that is done once', () => {
  it('is one caller’s until its lease is over, and then the next one’s', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    expect(begin(object, 'b')).toEqual({ state: 'running' });
    object.advance(LEASE - 1);
    object.evict();
    expect(begin(object, 'b')).toEqual({ state: 'running' });
    object.advance(1);
    expect(granted(object, 'b').fence).toBeGreaterThan(a.fence);
  });

  it('is granted again to the caller that has it, for a whole lease', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.advance(LEASE - 1);
    object.evict();
    expect(granted(object, 'a')).toEqual(a);
    object.advance(LEASE - 1);
    expect(begin(object, 'b')).toEqual({ state: 'running' });
  });

  it('is kept by a renewal, which an eviction does not lose', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.advance(LEASE - 1);
    expect(object.machine.renew({ ...a, leaseMs: LEASE })).toEqual({ held: true });
    object.evict();
    object.advance(LEASE - 1);
    expect(begin(object, 'b')).toEqual({ state: 'running' });
  });

  it('is its first runner’s still after the lease where nobody came', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.nowMs += LEASE + 1;
    expect(object.machine.renew({ ...a, leaseMs: LEASE })).toEqual({ held: true });
    object.nowMs += LEASE + 1;
    expect(finish(object, a, 1)).toBe(true);
    expect(begin(object, 'b')).toEqual({ state: 'done', outcome: json(1) });
  });

  it('keeps the newer result when a runner that was replaced comes late', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.advance(LEASE);
    const b = granted(object, 'b');
    expect(finish(object, a, 'late')).toBe(false);
    expect(object.machine.renew({ ...a, leaseMs: LEASE })).toEqual({ held: false });
    object.machine.abandon(a);
    expect(begin(object, 'c')).toEqual({ state: 'running' });
    expect(finish(object, b, 'new')).toBe(true);
    expect(finish(object, a, 'late')).toBe(false);
    object.machine.abandon(b);
    expect(begin(object, 'c')).toEqual({ state: 'done', outcome: json('new') });
  });

  it('does not take an earlier run of the same caller for its later one', () => {
    const object = new CountedObject();
    const first = granted(object, 'a');
    object.advance(LEASE);
    const second = granted(object, 'a');
    expect(finish(object, first, 'late')).toBe(false);
    expect(finish(object, second, 'new')).toBe(true);
    // The same again, its answer having been lost.
    expect(finish(object, second, 'again')).toBe(true);
    expect(begin(object, 'b')).toEqual({ state: 'done', outcome: json('new') });
  });

  it('is the next caller’s when it was given up', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.machine.abandon(a);
    object.evict();
    const b = granted(object, 'b');
    expect(b.fence).toBeGreaterThan(a.fence);
    object.machine.abandon(a);
    expect(begin(object, 'c')).toEqual({ state: 'running' });
  });

  it('is given up under the id of its run alone, where nobody knows the fence', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.machine.abandon({ runId: 'b', fence: null });
    expect(begin(object, 'b')).toEqual({ state: 'running' });
    object.machine.abandon({ runId: 'a', fence: null });
    const b = granted(object, 'b');
    expect(b.fence).toBeGreaterThan(a.fence);
    expect(finish(object, b, 'done')).toBe(true);
    object.machine.abandon({ runId: 'b', fence: null });
    expect(begin(object, 'c')).toEqual({ state: 'done', outcome: json('done') });
  });

  it('is one thing: another fingerprint is a conflict while it runs, after its lease, and when it is done', () => {
    const object = new CountedObject();
    begin(object, 'a', 'x');
    expect(begin(object, 'b', 'y')).toEqual({ state: 'conflict' });
    object.advance(LEASE);
    expect(begin(object, 'b', 'y')).toEqual({ state: 'conflict' });
    const run = begin(object, 'b', 'x');
    finish(object, { runId: 'b', fence: run.state === 'run' ? run.fence : 0 }, 1);
    expect(begin(object, 'c', 'y')).toEqual({ state: 'conflict' });
    expect(begin(object, 'c', 'x')).toEqual({ state: 'done', outcome: json(1) });
  });

  it('is forgotten at the end of its time, and leaves nothing', () => {
    const object = new CountedObject();
    const a = granted(object, 'a');
    object.advance(1_000);
    finish(object, a, 1);
    object.advance(TTL - 1);
    expect(begin(object, 'b')).toEqual({ state: 'done', outcome: json(1) });
    object.nowMs += 1;
    expect(granted(object, 'b').fence).toBeGreaterThan(a.fence);
    object.advance(10 * TTL);
    expect(object.rows.size).toBe(0);
    expect(object.alarmAt).toBeUndefined();
  });

  it('does not forget a fence that ran ahead of the clock', () => {
    const object = new CountedObject();
    const fences: number[] = [];
    for (let index = 0; index < 12; index += 1) {
      // All in one millisecond, and then one for each that the alarm could have cleared it in.
      if (index > 8) object.advance(2);
      const reply = object.machine.begin({ runId: `r${index}`, fingerprint: '', leaseMs: 1, ttlMs: 1 });
      const fence = reply.state === 'run' ? reply.fence : 0;
      object.machine.abandon({ runId: `r${index}`, fence });
      fences.push(fence);
    }
    expect(fences).toEqual([...new Set(fences)].sort((one, other) => one - other));
    object.advance(HOUR_MS);
    expect(object.rows.size).toBe(0);
  });

  it('writes three rows when it is done, and none for those who wait or ask again', () => {
    const object = new CountedObject();
    const written = object.writtenBy(() => finish(object, granted(object, 'a'), 1));
    // Grant, alarm, result; the alarm that clears it is the one that was set.
    expect(written).toBe(3);
    expect(object.writtenBy(() => void begin(object, 'b'))).toBe(0);
    object.advance(LEASE + TTL);
    expect(object.rows.size).toBe(0);
  });
});

type Step =
  | { readonly kind: 'begin'; readonly who: number }
  | { readonly kind: 'finish' | 'renew' | 'abandon'; readonly which: number }
  | { readonly kind: 'evict' }
  | { readonly kind: 'advance'; readonly ms: number };

const step = (): fc.Arbitrary<Step> =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('begin' as const), who: fc.nat(3) }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constantFrom('finish' as const, 'renew' as const, 'abandon' as const),
        which: fc.nat(),
      }),
    },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'evict' }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(0, 1, LEASE / 2, LEASE, TTL, 2 * TTL),
      }),
    },
  );

describe('runs, whatever happens to their object', () => {
  it('have fences that only grow, one lease at a time, and one result until it is forgotten', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 60 }), (steps) => {
        const object = new CountedObject();
        const runs: { runId: string; fence: number; until: number }[] = [];
        let result: { readonly fence: number; readonly text: string; readonly until: number } | undefined;
        let given: number | undefined;
        for (const taken of steps) {
          const now = object.nowMs;
          const last = runs.at(-1);
          const isKept = result !== undefined && result.until > now;
          if (taken.kind === 'evict') object.evict();
          if (taken.kind === 'advance') object.advance(taken.ms);
          if (taken.kind === 'begin') {
            const runId = `run-${taken.who}`;
            const reply = begin(object, runId);
            if (isKept) {
              expect(reply).toEqual({ state: 'done', outcome: { kind: 'json', text: result!.text } });
              continue;
            }
            const isFree = last === undefined || last.until <= now || given === last.fence;
            const isOwn = last?.runId === runId && !isFree;
            expect(reply.state).toBe(isFree || isOwn ? 'run' : 'running');
            if (reply.state !== 'run') continue;
            if (isOwn) {
              expect(reply.fence).toBe(last.fence);
              last.until = now + LEASE;
              continue;
            }
            expect(reply.fence).toBeGreaterThan(last?.fence ?? 0);
            runs.push({ runId, fence: reply.fence, until: now + LEASE });
            result = undefined;
          }
          const run = 'which' in taken ? runs[taken.which % Math.max(1, runs.length)] : undefined;
          if (run === undefined) continue;
          const isCurrent = run.fence === last!.fence && given !== run.fence;
          if (taken.kind === 'abandon') {
            object.machine.abandon(run);
            if (isCurrent && result === undefined) given = run.fence;
          }
          if (taken.kind === 'renew') {
            const { held } = object.machine.renew({ ...run, leaseMs: LEASE });
            if (!isCurrent) expect(held).toBe(false);
            if (held) run.until = now + LEASE;
          }
          if (taken.kind === 'finish') {
            const stored = finish(object, run, run.fence);
            if (!isCurrent) expect(stored).toBe(false);
            if (isCurrent && run.until > now) expect(stored).toBe(true);
            if (stored && result === undefined) result = { fence: run.fence, text: `${run.fence}`, until: now + TTL };
          }
        }
        object.advance(20 * TTL);
        expect(object.rows.size).toBe(0);
        expect(object.alarmAt).toBeUndefined();
      }),
      { numRuns: 1_000, seed: 5 },
    );
  });
});
