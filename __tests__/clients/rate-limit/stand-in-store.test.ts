import { BoundedMap } from '../../../src/clients/rate-limit/bounded-map.js';
import type { RateLimitAttempt, RateLimitRule } from '../../../src/clients/rate-limit/rate-limit-store.js';
import { MemoryRateLimitStore } from '../../../src/clients/rate-limit/memory-rate-limit-store.js';
import { StandInStore } from '../../../src/clients/rate-limit/stand-in-store.js';
import { ManualClock } from '../../../src/testing.js';
import { fc } from '../../support/kv.js';

const attemptOf = (more: Partial<RateLimitAttempt> = {}): RateLimitAttempt => ({
  key: 'rl:ip',
  keyPrefix: 'rl:',
  rules: [{ limit: 5, windowMs: 60_000 }],
  cost: 1,
  countRejected: false,
  ...more,
});

function setup() {
  const clock = new ManualClock();
  return { clock, store: new StandInStore(clock.now), memory: new MemoryRateLimitStore({ now: clock.now }) };
}

describe('StandInStore', () => {
  test('never admits more than the limit in any window, and decides as the state machine of the objects does', () => {
    const rules: fc.Arbitrary<RateLimitRule> = fc.record({
      limit: fc.integer({ min: 3, max: 20 }),
      windowMs: fc.constantFrom(1_000, 60_000),
      algorithm: fc.constantFrom('sliding-window', 'fixed-window', undefined),
    });
    const step = fc.record({
      cost: fc.integer({ min: 1, max: 3 }),
      pauseMs: fc.integer({ min: 0, max: 20_000 }),
      countRejected: fc.boolean(),
      peeks: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(rules, { minLength: 1, maxLength: 3 }), fc.array(step, { maxLength: 60 }), (all, steps) => {
        const { clock, store, memory } = setup();
        const used = all.filter(
          (rule, index) =>
            all.findIndex(
              (other) =>
                (other.algorithm ?? 'sliding-window') === (rule.algorithm ?? 'sliding-window') &&
                other.windowMs === rule.windowMs,
            ) === index,
        );
        for (const { cost, pauseMs, countRejected, peeks } of steps) {
          clock.advance(pauseMs);
          const attempt = attemptOf({ rules: used, cost, countRejected });
          const ask = peeks ? 'peek' : 'consume';
          expect(store[ask](attempt)).toEqual(memory[ask](attempt));
        }
      }),
      { seed: 22, numRuns: 300 },
    );
  });

  test.each(['sliding-log', 'gcra'] as const)('counts a rule of %s in a sliding window', (algorithm) => {
    const { clock, store } = setup();
    const attempt = attemptOf({ rules: [{ limit: 5, windowMs: 60_000, algorithm, burst: 2 }] });
    const allowed = Array.from({ length: 7 }, () => store.consume(attempt).allowed);
    expect(allowed).toEqual([true, true, true, true, true, false, false]);
    clock.advance(59_000);
    expect(store.consume(attempt).allowed).toBe(false);
    clock.advance(1_000);
    expect(store.consume(attempt).allowed).toBe(true);
  });

  test('forgets a key by reset', async () => {
    const { store } = setup();
    for (let attempt = 0; attempt < 5; attempt += 1) store.consume(attemptOf());
    expect(store.consume(attemptOf()).allowed).toBe(false);
    await store.reset('rl:ip');
    expect(store.consume(attemptOf()).allowed).toBe(true);
  });

  test('keeps no more than 10,000 keys, and none of a refused attempt that was never seen', () => {
    const set = jest.spyOn(BoundedMap.prototype, 'set');
    const { store } = setup();
    for (let key = 0; key < 10_001; key += 1) store.consume(attemptOf({ key: `rl:${key}` }));
    const map = set.mock.contexts[0] as BoundedMap<unknown>;
    expect(map.size).toBe(10_000);
    store.peek(attemptOf({ key: 'rl:another' }));
    expect(map.get('rl:another')).toBeUndefined();
    set.mockRestore();
  });

  test('lets go of keys whose windows are over', () => {
    const set = jest.spyOn(BoundedMap.prototype, 'set');
    const { clock, store } = setup();
    for (let key = 0; key < 100; key += 1) store.consume(attemptOf({ key: `rl:${key}` }));
    const map = set.mock.contexts[0] as BoundedMap<unknown>;
    clock.advance(60_000);
    for (let attempt = 0; attempt < 100; attempt += 1) store.consume(attemptOf());
    expect(map.size).toBe(1);
    set.mockRestore();
  });
});
