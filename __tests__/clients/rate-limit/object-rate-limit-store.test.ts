import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import type { RateLimiterClientOptions } from '../../../src/clients/rate-limit/rate-limiter-options.js';
import { ObjectRateLimitStore } from '../../../src/clients/rate-limit/object-rate-limit-store.js';
import type { MemoryObjectNamespace } from '../../../src/durable-objects/memory-object-namespace.js';
import { ManualClock, RecordingSink } from '../../../src/testing.js';
import { codeOf, deferred, fc } from '../../support/kv.js';
import { anotherIsolate, countedIds, limiterObjects } from '../../support/rate-limits.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
const IP = '192.168.1.1';

function setup(options: RateLimiterClientOptions = {}) {
  const clock = new ManualClock();
  const objects = limiterObjects({ now: clock.now });
  const sink = new RecordingSink();
  const clientOptions = { now: clock.now, events: sink, operationId: countedIds(), ...options };
  const limiter = new RateLimiterClient(objects, clientOptions);
  const elsewhere = new RateLimiterClient(anotherIsolate(objects), clientOptions);
  return { clock, objects, sink, limiter, elsewhere };
}

/** The same objects, whose answers to one method come late. */
function slowObjects(objects: MemoryObjectNamespace, slow: string, answered: Promise<undefined>) {
  type Stub = Record<string, (request?: unknown) => Promise<unknown>>;
  return {
    idFromName: (name: string) => objects.idFromName(name),
    get: (id: { readonly name: string }) => {
      const stub = objects.get(id) as Stub;
      const call = (method: string) => async (request?: unknown) => {
        const reply = await stub[method]!(request);
        if (method === slow) await answered;
        return reply;
      };
      return { check: call('check'), block: call('block'), reset: call('reset') };
    },
  };
}

async function exhaust(limiter: RateLimiterClient, config = LOGIN): Promise<void> {
  for (let attempt = 0; attempt < config.limit; attempt += 1) await limiter.checkLimit(IP, config);
  expect((await limiter.checkLimit(IP, config)).allowed).toBe(false);
}

describe('RateLimiterClient over Durable Objects', () => {
  test('allows up to the limit exactly and says what headers need', async () => {
    const { clock, limiter, sink } = setup();
    const results = [];
    for (let attempt = 0; attempt < 6; attempt += 1) results.push(await limiter.checkLimit(IP, LOGIN));
    expect(results.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0]);
    expect(results[4]).toMatchObject({ allowed: true, limit: 5, window: 900, name: 'default', approximate: false });
    expect(results[5]).toMatchObject({ allowed: false, reason: 'limit-exceeded', decidedBy: 'object' });
    expect(results[5]!.resetAt - clock.now()).toBe(results[5]!.retryAfterMs);
    expect(sink.ofType('rate-limit.allowed')).toHaveLength(5);
    expect(sink.ofType('rate-limit.denied')).toMatchObject([
      { keyPrefix: 'rl:login:', limit: 5, decidedBy: 'object', reason: 'limit-exceeded', shadow: false },
    ]);
  });

  test.each([50, 200, 1_000])(
    'of %i attempts at once, through two isolates, exactly the limit is allowed',
    async (attempts) => {
      for (const limit of [5, 100]) {
        const { limiter, elsewhere } = setup();
        const all = Array.from({ length: attempts }, (_, index) =>
          (index % 2 === 0 ? limiter : elsewhere).checkLimit(IP, { ...LOGIN, limit }),
        );
        const results = await Promise.all(all);
        expect(results.filter(({ allowed }) => allowed)).toHaveLength(Math.min(limit, attempts));
      }
    },
  );

  test('has an object per key, and hashes names above 256 bytes', async () => {
    const { objects, limiter } = setup();
    await limiter.checkLimit('a', LOGIN);
    await limiter.checkLimit('é'.repeat(123), LOGIN);
    await limiter.checkLimit('é'.repeat(124), LOGIN);
    expect(objects.stored.map((name) => name.slice(0, 10))).toEqual(['rl:login:a', 'rl:login:é', 'sha256:b94']);
  });

  test('goes on where the object was when it loses its memory', async () => {
    const { objects, limiter } = setup();
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await limiter.checkLimit(IP, LOGIN);
      objects.evict();
    }
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 0 });
  });

  test('takes the algorithm, the burst and the cost', async () => {
    const { clock, limiter } = setup();
    const rule = { ...LOGIN, limit: 60, window: 60, algorithm: 'gcra', burst: 3 } as const;
    const admitted = [];
    for (const cost of [2, 2, 1]) admitted.push((await limiter.checkLimit(IP, { ...rule, cost })).allowed);
    expect(admitted).toEqual([true, false, true]);
    clock.advance(1_000);
    expect((await limiter.checkLimit(IP, rule)).allowed).toBe(true);
  });
});

describe('the block cache', () => {
  test('answers who is refused without a call, and tells how long it still lasts', async () => {
    const { clock, objects, limiter } = setup();
    await exhaust(limiter);
    const { calls } = objects;
    clock.advance(10_000);
    const first = await limiter.checkLimit(IP, LOGIN);
    expect(first).toMatchObject({ allowed: false, reason: 'limit-exceeded', decidedBy: 'isolate', remaining: 0 });
    expect(first.resetAt - clock.now()).toBe(first.retryAfterMs);
    expect(objects.calls).toBe(calls);
  });

  test('asks again after 30 seconds, or after what it is told, for a reset elsewhere', async () => {
    for (const [options, ms] of [
      [{}, 30_000],
      [{ blockCache: { maxBlockMs: 5_000 } }, 5_000],
    ] as const) {
      const { clock, limiter, elsewhere } = setup(options);
      await exhaust(limiter);
      await elsewhere.reset(IP, LOGIN.keyPrefix);
      clock.advance(ms - 1);
      expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(false);
      clock.advance(1);
      expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
    }
  });

  test('asks again at the very millisecond at which there can be room', async () => {
    const { clock, objects, limiter } = setup();
    const rule = { ...LOGIN, window: 10, algorithm: 'sliding-log' } as const;
    await limiter.checkLimit(IP, { ...rule, limit: 1 });
    await limiter.checkLimit(IP, { ...rule, limit: 1 });
    const { calls } = objects;
    clock.advance(9_999);
    expect((await limiter.checkLimit(IP, { ...rule, limit: 1 })).allowed).toBe(false);
    expect(objects.calls).toBe(calls);
    clock.advance(1);
    expect((await limiter.checkLimit(IP, { ...rule, limit: 1 })).allowed).toBe(true);
  });

  test('refuses the same rule and the same cost or more, and asks about anything else', async () => {
    const { objects, limiter } = setup();
    await limiter.checkLimit(IP, { ...LOGIN, cost: 3 });
    expect((await limiter.checkLimit(IP, { ...LOGIN, cost: 3 })).allowed).toBe(false);
    const { calls } = objects;
    expect((await limiter.checkLimit(IP, { ...LOGIN, cost: 4 })).decidedBy).toBe('isolate');
    expect(objects.calls).toBe(calls);
    expect((await limiter.checkLimit(IP, { ...LOGIN, cost: 2 })).allowed).toBe(true);
    expect((await limiter.checkLimit(IP, { ...LOGIN, limit: 50, cost: 3 })).allowed).toBe(true);
    expect((await limiter.checkLimit(IP, { ...LOGIN, algorithm: 'gcra', cost: 3 })).allowed).toBe(true);
  });

  test.each(['reset', 'refund'] as const)('forgets at once on a %s through this isolate', async (change) => {
    const { limiter } = setup();
    await exhaust(limiter);
    if (change === 'reset') await limiter.reset(IP, LOGIN.keyPrefix);
    else expect(await limiter.refund(IP, LOGIN)).toBe(1);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });

  test('does not remember a refusal that was under way during a reset', async () => {
    const { objects, clock } = setup();
    await exhaust(new RateLimiterClient(objects, { now: clock.now }));
    const answered = deferred<undefined>();
    // The answer to the check comes after that to the reset.
    const slow = slowObjects(objects, 'check', answered.promise);
    const limiter = new RateLimiterClient(slow, { now: clock.now });
    const refused = limiter.checkLimit(IP, LOGIN);
    await limiter.reset(IP, LOGIN.keyPrefix);
    answered.resolve(undefined);
    expect((await refused).allowed).toBe(false);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });

  test('is not filled by a block when a reset was under way with it, whichever the object did last', async () => {
    const { clock, objects } = setup();
    const answered = deferred<undefined>();
    const slow = slowObjects(objects, 'block', answered.promise);
    const limiter = new RateLimiterClient(slow, { now: clock.now });
    const blocked = limiter.block(IP, LOGIN.keyPrefix, 60);
    await limiter.reset(IP, LOGIN.keyPrefix);
    answered.resolve(undefined);
    await blocked;
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, decidedBy: 'object' });
  });

  test('is filled by a block, which refuses every rule until it is over', async () => {
    const { clock, objects, limiter, elsewhere } = setup();
    expect(await limiter.block(IP, LOGIN.keyPrefix, 20)).toBe(clock.now() + 20_000);
    const { calls } = objects;
    clock.advance(5_000);
    for (const limit of [5, 500]) {
      const result = await limiter.checkLimit(IP, { ...LOGIN, limit });
      expect(result).toMatchObject({ allowed: false, reason: 'blocked', remaining: 0, retryAfterMs: 15_000 });
      expect(result).toMatchObject({ resetAt: clock.now() + 15_000, decidedBy: 'isolate' });
    }
    expect(objects.calls).toBe(calls);
    expect(await elsewhere.checkLimit(IP, LOGIN)).toMatchObject({
      reason: 'blocked',
      decidedBy: 'object',
      resetAt: clock.now() + 15_000,
    });
    clock.advance(15_000);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });

  test('hides no refused attempt from a count of refused attempts, nor a named one from the object', async () => {
    const { objects, limiter } = setup();
    await limiter.checkLimit(IP, { ...LOGIN, requestId: 'first' });
    await exhaust(limiter, { ...LOGIN, limit: 4 });
    for (let attempt = 0; attempt < 3; attempt += 1) await limiter.checkLimit(IP, { ...LOGIN, limit: 5 });
    const { calls } = objects;
    await limiter.checkLimit(IP, { ...LOGIN, countRejected: true });
    expect((await limiter.checkLimit(IP, { ...LOGIN, requestId: 'first' })).allowed).toBe(true);
    expect((await limiter.checkLimit(IP, { ...LOGIN, requestId: 'second' })).allowed).toBe(false);
    expect(objects.calls).toBe(calls + 3);
  });

  test('is not used when it is switched off', async () => {
    const { objects, limiter } = setup({ blockCache: false });
    await exhaust(limiter);
    await limiter.block(IP, LOGIN.keyPrefix, 60);
    const { calls } = objects;
    await limiter.checkLimit(IP, LOGIN);
    expect(objects.calls).toBe(calls + 1);
  });

  test('lets a clock that was set back lengthen nothing', async () => {
    const { clock, limiter, elsewhere } = setup();
    await exhaust(limiter);
    await elsewhere.reset(IP, LOGIN.keyPrefix);
    clock.advance(-60_000);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });

  test('keeps the newest 10,000 and those in use, so that a flood of keys does not flush it', async () => {
    const { objects, limiter } = setup();
    const once = { ...LOGIN, limit: 1 };
    const refuse = async (identifier: string) => {
      await limiter.checkLimit(identifier, once);
      await limiter.checkLimit(identifier, once);
    };
    await refuse('in use');
    await refuse('idle');
    for (let index = 0; index < 10_050; index += 1) {
      await refuse(`flood-${index}`);
      if (index % 1_000 === 0) await limiter.checkLimit('in use', once);
    }
    const { calls } = objects;
    await limiter.checkLimit('in use', once);
    await limiter.checkLimit('flood-10000', once);
    expect(objects.calls).toBe(calls);
    await limiter.checkLimit('idle', once);
    expect(objects.calls).toBe(calls + 1);
  });

  const algorithm = fc.constantFrom('sliding-window', 'sliding-log', 'fixed-window', 'gcra');
  const step = fc.record({
    pauseMs: fc.oneof(fc.nat({ max: 400 }), fc.nat({ max: 5_000 })),
    cost: fc.integer({ min: 1, max: 3 }),
    where: fc.nat({ max: 2 }),
  });

  test('never changes a decision: the same as asking the object each time, for any order of attempts', async () => {
    await fc.assert(
      fc.asyncProperty(algorithm, fc.array(step, { minLength: 1, maxLength: 60 }), async (chosen, steps) => {
        const { clock, limiter, elsewhere, objects } = setup();
        const peer = limiterObjects({ now: clock.now });
        const always = new RateLimiterClient(peer, { now: clock.now, blockCache: false });
        const config = { limit: 4, window: 3, keyPrefix: 'rl:', algorithm: chosen } as const;
        for (const { pauseMs, cost, where } of steps) {
          clock.advance(pauseMs);
          const cached = await (where === 0 ? elsewhere : limiter).checkLimit(IP, { ...config, cost });
          const asked = await always.checkLimit(IP, { ...config, cost });
          expect(cached.allowed).toBe(asked.allowed);
          // An attempt that takes more than the one that was refused is told how long it is at least.
          if (cached.decidedBy === 'isolate') expect(cached.retryAfterMs).toBeLessThanOrEqual(asked.retryAfterMs);
          else expect(cached.retryAfterMs).toBe(asked.retryAfterMs);
        }
        expect(objects.calls).toBeLessThanOrEqual(peer.calls);
      }),
      { numRuns: 200, seed: 5 },
    );
  });
});

describe('leases', () => {
  const HOT = { limit: 100, window: 60, keyPrefix: 'rl:hot:' };

  test('decide most attempts of a hot key without a call', async () => {
    const { objects, limiter } = setup({ lease: { units: 10, ttlMs: 5_000 } });
    const results = [];
    for (let attempt = 0; attempt < 60; attempt += 1) results.push(await limiter.checkLimit(IP, HOT));
    expect(results.every(({ allowed }) => allowed)).toBe(true);
    expect(results.map(({ remaining }) => remaining)).toEqual(Array.from({ length: 60 }, (_, index) => 99 - index));
    expect(objects.calls).toBeLessThan(15);
    expect(results.filter(({ decidedBy }) => decidedBy === 'isolate').length).toBeGreaterThan(45);
  });

  test('take one lease at a time in a burst', async () => {
    const { objects, limiter } = setup({ lease: { units: 10, ttlMs: 5_000 } });
    await Promise.all(Array.from({ length: 20 }, () => limiter.checkLimit(IP, HOT)));
    expect(objects.calls).toBe(20);
    expect((await limiter.peek(IP, HOT)).remaining).toBe(70);
  });

  test('lapse, are dropped by reset and block, and are not spent by named attempts', async () => {
    const { clock, objects, limiter } = setup({ lease: { units: 10, ttlMs: 5_000 } });
    await limiter.checkLimit(IP, HOT);
    const spent = async (config = {}) => {
      const { calls } = objects;
      await limiter.checkLimit(IP, { ...HOT, ...config });
      return objects.calls === calls;
    };
    expect(await spent()).toBe(true);
    expect(await spent({ requestId: 'named' })).toBe(false);
    expect(await spent({ countRejected: true })).toBe(false);
    expect(await spent({ limit: 99 })).toBe(false);
    expect(await spent()).toBe(true);
    clock.advance(5_000);
    expect(await spent()).toBe(false);
    await limiter.reset(IP, HOT.keyPrefix);
    expect(await spent()).toBe(false);
    expect(await spent()).toBe(true);
    await limiter.block(IP, HOT.keyPrefix, 60);
    expect((await limiter.checkLimit(IP, HOT)).reason).toBe('blocked');
  });

  test('are spent also when the object has no more, and not when it blocks', async () => {
    const { limiter, elsewhere } = setup({ lease: { units: 10, ttlMs: 5_000 } });
    const dear = { ...HOT, cost: 60 };
    await limiter.checkLimit(IP, { ...HOT, cost: 20 });
    expect((await limiter.checkLimit(IP, { ...HOT, cost: 100 })).allowed).toBe(false);
    await elsewhere.checkLimit(IP, dear);
    expect((await limiter.checkLimit(IP, dear)).allowed).toBe(false);
    expect(await limiter.checkLimit(IP, HOT)).toMatchObject({ allowed: true, decidedBy: 'isolate' });
    await elsewhere.block(IP, HOT.keyPrefix, 60);
    expect((await limiter.checkLimit(IP, { ...HOT, cost: 20 })).reason).toBe('blocked');
    expect(await limiter.checkLimit(IP, HOT)).toMatchObject({ allowed: false, reason: 'blocked' });
  });

  test('outlive a refund, which strands no units: who always succeeds is never refused', async () => {
    const { objects, limiter } = setup({ lease: { units: 10, ttlMs: 60_000 } });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      expect((await limiter.checkLimit(IP, HOT)).allowed).toBe(true);
      expect(await limiter.refund(IP, HOT)).toBe(1);
    }
    expect(objects.calls).toBeLessThan(250);
  });

  test.each(['reset', 'block'] as const)('that is under way during a %s is not spent', async (change) => {
    const { objects, clock } = setup();
    const answered = deferred<undefined>();
    const options = { now: clock.now, lease: { units: 10, ttlMs: 60_000 } };
    const limiter = new RateLimiterClient(slowObjects(objects, 'check', answered.promise), options);
    const leasing = limiter.checkLimit(IP, HOT);
    if (change === 'reset') await limiter.reset(IP, HOT.keyPrefix);
    else await limiter.block(IP, HOT.keyPrefix, 60);
    answered.resolve(undefined);
    expect((await leasing).allowed).toBe(true);
    const next = await limiter.checkLimit(IP, HOT);
    expect(next).toMatchObject(change === 'reset' ? { decidedBy: 'object' } : { allowed: false, reason: 'blocked' });
  });

  test('are not taken while there is one: two rules in turns strand nothing', async () => {
    const { limiter } = setup({ lease: { units: 10, ttlMs: 60_000 } });
    const hour = { ...HOT, limit: 1_000, window: 3_600 };
    for (let attempt = 0; attempt < 60; attempt += 1) {
      expect((await limiter.checkLimit(IP, HOT)).allowed).toBe(true);
      expect((await limiter.checkLimit(IP, hour)).allowed).toBe(true);
    }
  });

  test('and refusals that are under way are kept, whatever changes under other keys', async () => {
    const { objects, clock } = setup();
    const limiter = new RateLimiterClient(objects, { now: clock.now, lease: { units: 10, ttlMs: 60_000 } });
    for (const key of ['leased', 'refused']) {
      const rule = { ...HOT, limit: key === 'leased' ? 100 : 1 };
      if (key === 'refused') await limiter.checkLimit(key, rule);
      const pending = limiter.checkLimit(key, rule);
      await Promise.all([limiter.refund('other', HOT), limiter.reset('another', HOT.keyPrefix), pending]);
      expect((await limiter.checkLimit(key, rule)).decidedBy).toBe('isolate');
    }
  });

  test('are none with gcra', async () => {
    const { objects, limiter } = setup({ lease: { units: 10, ttlMs: 5_000 } });
    for (let attempt = 0; attempt < 10; attempt += 1) await limiter.checkLimit(IP, { ...HOT, algorithm: 'gcra' });
    expect(objects.calls).toBe(10);
  });

  const algorithm = fc.constantFrom('sliding-window', 'sliding-log', 'fixed-window');
  const pauses = fc.array(fc.oneof(fc.nat({ max: 60 }), fc.nat({ max: 3_000 })), { minLength: 20, maxLength: 150 });

  test('never let more than the limit through in any window, whatever the order, over three isolates', async () => {
    await fc.assert(
      fc.asyncProperty(algorithm, pauses, fc.integer({ min: 1, max: 4_000 }), async (chosen, steps, ttlMs) => {
        const clock = new ManualClock();
        const objects = limiterObjects({ now: clock.now });
        const isolates = Array.from({ length: 3 }, () => {
          return new RateLimiterClient(anotherIsolate(objects), { now: clock.now, lease: { units: 20, ttlMs } });
        });
        const admittedAt: number[] = [];
        for (const [index, pauseMs] of steps.entries()) {
          clock.advance(pauseMs);
          const config = { limit: 24, window: 2, keyPrefix: 'rl:', algorithm: chosen } as const;
          const { allowed } = await isolates[(index * 7) % 3]!.checkLimit(IP, config);
          if (allowed) admittedAt.push(clock.now());
        }
        // The bound of a fixed window is twice the limit.
        const bound = chosen === 'fixed-window' ? 48 : 24;
        for (const from of admittedAt) {
          expect(admittedAt.filter((at) => at >= from && at < from + 2_000).length).toBeLessThanOrEqual(bound);
        }
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe('what ObjectRateLimitStore is given', () => {
  test.each([
    ['lease.units', { lease: { units: 0, ttlMs: 1 } }],
    ['lease.ttlMs', { lease: { units: 1, ttlMs: 60_001 } }],
    ['blockCache.maxBlockMs', { blockCache: { maxBlockMs: 1.5 } }],
    ['timeoutMs', { timeoutMs: 0 }],
  ])('refuses the option %s', async (name, options) => {
    const make = () => new ObjectRateLimitStore(limiterObjects(), options);
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
    expect(make).toThrow(new RegExp(`Option ${name} `));
  });

  test('refuses what is no namespace', async () => {
    expect(await codeOf(() => new ObjectRateLimitStore({} as never))).toBe('INVALID_BINDING');
  });
});
