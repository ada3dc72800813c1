import { gcra } from '../../../src/durable-objects/rate-limit/gcra.js';
import type { ObjectRule } from '../../../src/durable-objects/rate-limit/rate-limit-api.js';
import { fc } from '../../support/kv.js';
import type { Counted } from '../../support/rate-limit-oracle.js';
import { judgeGcra } from '../../support/rate-limit-oracle.js';

const START = Date.UTC(2026, 0, 1);
const LARGEST_LIMIT = 1_000_000_000;
const LONGEST_WINDOW_MS = 2_592_000_000;

describe('gcra', () => {
  test('rounds nothing where units times milliseconds exceed 2^53', () => {
    const large = fc.record({
      algorithm: fc.constant('gcra' as const),
      limit: fc.integer({ min: 1, max: LARGEST_LIMIT }),
      windowMs: fc.integer({ min: 1, max: LONGEST_WINDOW_MS }),
      burst: fc.integer({ min: 1, max: LARGEST_LIMIT }),
    });
    const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat({ max: 100_000 })), {
      maxLength: 30,
      size: 'max',
    });
    fc.assert(
      fc.property(large, steps, (rule, given) => {
        const history: Counted[] = [];
        let bucket = gcra.none;
        let now = START;
        for (const [share, pauseMs] of given) {
          now += pauseMs;
          const cost = Math.max(1, Math.floor(share * rule.burst));
          const waitMs = gcra.waitFor(bucket, rule, cost, now);
          // Beyond that times are not whole numbers any more.
          if (waitMs > 1e14) continue;
          expect(judgeGcra(history, rule, cost, now + waitMs)).toBe(true);
          if (waitMs > 0) expect(judgeGcra(history, rule, cost, now + waitMs - 1)).toBe(false);
          if (share < 0.5) now += waitMs;
          else if (waitMs > 0) continue;
          bucket = gcra.take(bucket, rule, cost, { at: now, now });
          history.push({ at: now, cost });
        }
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test('neither gains nor loses a millisecond over 100,000 attempts, each as soon as it can be', () => {
    const rule: ObjectRule = { algorithm: 'gcra', limit: 3, windowMs: 1000, burst: 2 };
    let bucket = gcra.none;
    let now = START;
    for (let index = 0; index < 100_000; index += 1) {
      now += gcra.waitFor(bucket, rule, 1, now);
      bucket = gcra.take(bucket, rule, 1, { at: now, now });
    }
    expect(now - START).toBe(Math.ceil((99_998 * 1000) / 3));
  });

  test('waits no longer than a number can tell', () => {
    const rule: ObjectRule = { algorithm: 'gcra', limit: 1, windowMs: LONGEST_WINDOW_MS, burst: LARGEST_LIMIT };
    const bucket = gcra.take(gcra.none, rule, LARGEST_LIMIT, { at: START, now: START });
    expect(gcra.waitFor(bucket, rule, LARGEST_LIMIT, START)).toBe(Number.MAX_SAFE_INTEGER);
    expect(gcra.waitFor(bucket, rule, 1, START)).toBe(LONGEST_WINDOW_MS);
  });
});
