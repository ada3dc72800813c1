import { MemoryRateLimitStore } from '../../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import { ManualClock } from '../../../src/testing.js';
import { codeOf, fc } from '../../support/kv.js';
import { limiterObjects } from '../../support/rate-limits.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };

describe('MemoryRateLimitStore', () => {
  test('answers at once', () => {
    const store = new MemoryRateLimitStore();
    const rules = [{ limit: 1, windowMs: 1_000 }];
    const attempt = { key: 'rl:a', keyPrefix: 'rl:', rules, cost: 1, countRejected: false };
    expect(store.consume(attempt)).toMatchObject({ allowed: true, approximate: true, decidedBy: 'memory' });
    expect(store.consume(attempt)).toMatchObject({ allowed: false });
  });

  test('keeps so many keys and forgets the one that was not used for longest', async () => {
    const clock = new ManualClock();
    const store = new MemoryRateLimitStore({ now: clock.now, maxKeys: 10 });
    const limiter = new RateLimiterClient(store);
    for (let index = 0; index < 100; index += 1) await limiter.checkLimit(`key-${index}`, LOGIN);
    expect(store.size).toBe(10);
    expect((await limiter.peek('key-99', LOGIN)).remaining).toBe(4);
    expect((await limiter.peek('key-0', LOGIN)).remaining).toBe(5);
  });

  test('lets keys go that do not matter any more, so that they do not heap up', async () => {
    const clock = new ManualClock();
    const store = new MemoryRateLimitStore({ now: clock.now });
    const limiter = new RateLimiterClient(store);
    for (let index = 0; index < 1_000; index += 1) {
      await limiter.checkLimit(`key-${index}`, { ...LOGIN, window: 10 });
      clock.advance(1_000);
    }
    // Ten are within their window: nothing of an attempt is kept beside its count, which a flood would fill the memory with.
    expect(store.size).toBeLessThan(15);
  });

  test('decides as an object does, for any order of attempts', async () => {
    const step = fc.record({
      pauseMs: fc.nat({ max: 4_000 }),
      cost: fc.integer({ min: 1, max: 4 }),
      algorithm: fc.constantFrom('sliding-window', 'sliding-log', 'fixed-window', 'gcra'),
      act: fc.constantFrom('check', 'check', 'check', 'refund', 'peek', 'reset', 'countRejected'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const clock = new ManualClock();
        const { now } = clock;
        const memory = new RateLimiterClient(new MemoryRateLimitStore({ now }), { now });
        const objects = new RateLimiterClient(limiterObjects({ now }), { now, blockCache: false });
        for (const { pauseMs, cost, algorithm, act } of steps) {
          clock.advance(pauseMs);
          const config = {
            limit: 6,
            window: 5,
            keyPrefix: 'rl:',
            algorithm,
            cost,
            countRejected: act === 'countRejected',
          };
          const answers = [memory, objects].map(async (limiter) => {
            if (act === 'refund') return limiter.refund('a', config);
            if (act === 'reset') return limiter.reset('a', 'rl:');
            const result = await (act === 'peek' ? limiter.peek('a', config) : limiter.checkLimit('a', config));
            return { ...result, decidedBy: '', approximate: false };
          });
          const [one, other] = await Promise.all(answers);
          expect(one).toEqual(other);
        }
      }),
      { numRuns: 150, seed: 11 },
    );
  });

  test('refuses a bound that is none', async () => {
    expect(await codeOf(() => new MemoryRateLimitStore({ maxKeys: 0 }))).toBe('INVALID_OPTION');
  });
});
