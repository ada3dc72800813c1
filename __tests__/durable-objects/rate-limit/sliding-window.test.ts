import type { ObjectRule } from '../../../src/durable-objects/rate-limit/rate-limit-api.js';
import { slidingLog } from '../../../src/durable-objects/rate-limit/sliding-log.js';
import { SLOTS, slidingWindow } from '../../../src/durable-objects/rate-limit/sliding-window.js';

const rule: ObjectRule = { algorithm: 'sliding-window', limit: 1_000_000, windowMs: 64_000, burst: 1 };
const START = 64_000_000;

describe('slidingWindow', () => {
  test('counts a slot until its newest attempt is a window old: a 64th of a window late at most, and never early', () => {
    const narrow = { ...rule, limit: 2 };
    let log = slidingWindow.none;
    for (const at of [START, START + 999]) log = slidingWindow.take(log, narrow, 1, { at, now: at });
    expect(slidingWindow.waitFor(log, narrow, 1, START + 999)).toBe(64_000);
    expect(slidingWindow.waitFor(log, narrow, 2, START + 999)).toBe(64_000);
    log = slidingWindow.take(slidingWindow.none, narrow, 1, { at: START + 999, now: START + 999 });
    log = slidingWindow.take(log, narrow, 1, { at: START + 1000, now: START + 1000 });
    expect(slidingWindow.waitFor(log, narrow, 1, START + 1000)).toBe(63_999);
  });

  test('is as small as its slots, however many attempts there are', () => {
    let log = slidingWindow.none;
    for (let now = START; now < START + 200_000; now += 10) {
      log = slidingWindow.take(log, rule, 1, { at: now, now });
      expect(log.times.length).toBeLessThanOrEqual(SLOTS + 1);
    }
    expect(rule.limit - slidingWindow.remaining(log, rule, START + 200_000)).toBeGreaterThanOrEqual(6400);
    expect(rule.limit - slidingWindow.remaining(log, rule, START + 200_000)).toBeLessThanOrEqual(6500);
  });
});

describe('slidingLog', () => {
  test('puts only attempts of the same millisecond together', () => {
    let log = slidingLog.none;
    for (const at of [5, 5, 6]) log = slidingLog.take(log, rule, 2, { at, now: at });
    expect(log).toMatchObject({ times: [5, 6], counts: [4, 2], total: 6 });
  });
});
