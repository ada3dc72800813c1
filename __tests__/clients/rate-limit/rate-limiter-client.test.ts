import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import type { RateLimiterClientOptions } from '../../../src/clients/rate-limit/rate-limiter-options.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../../src/testing.js';
import { codeOf, fc } from '../../support/kv.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
const IP = '192.168.1.1';
const KEY = `rl:login:${IP}`;

function setup(options: RateLimiterClientOptions = {}) {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
  const sink = new RecordingSink();
  const limiter = new RateLimiterClient(kv, { now: clock.now, events: sink, ...options });
  return { clock, kv, sink, limiter };
}

async function countIn(kv: MemoryKVNamespace): Promise<unknown> {
  return ((await kv.get<{ count: number }>(KEY, 'json')) ?? { count: null }).count;
}

describe('RateLimiterClient over KV', () => {
  test('allows up to the limit, counts down and refuses the rest', async () => {
    const { clock, limiter, sink } = setup();
    const resetAt = clock.now() + 900_000;
    for (const remaining of [4, 3, 2, 1, 0]) {
      expect(await limiter.checkLimit(IP, LOGIN)).toEqual({
        allowed: true,
        remaining,
        resetAt,
        limit: 5,
        window: 900,
        name: 'default',
        retryAfterMs: 0,
        approximate: true,
        reason: 'allowed',
        decidedBy: 'kv',
      });
      clock.advance(1000);
    }
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({
      allowed: false,
      remaining: 0,
      resetAt,
      retryAfterMs: 895_000,
      reason: 'limit-exceeded',
    });
    expect(sink.events.slice(-2)).toMatchObject([
      {
        type: 'rate-limit.allowed',
        keyPrefix: 'rl:login:',
        limit: 5,
        remaining: 0,
        reason: 'allowed',
        decidedBy: 'kv',
      },
      { type: 'rate-limit.denied', keyPrefix: 'rl:login:', limit: 5, retryAfterMs: 895_000 },
    ]);
  });

  test('starts a new window when one is over, not counting what was refused', async () => {
    const { clock, limiter } = setup();
    for (let attempt = 0; attempt < 20; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    clock.advance(899_999);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(false);
    clock.advance(1);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({
      allowed: true,
      remaining: 4,
      resetAt: clock.now() + 900_000,
    });
  });

  test('keeps identifiers and prefixes apart', async () => {
    const { limiter } = setup();
    const once = { ...LOGIN, limit: 1 };
    expect((await limiter.checkLimit('a', once)).allowed).toBe(true);
    expect((await limiter.checkLimit('b', once)).allowed).toBe(true);
    expect((await limiter.checkLimit('a', { ...once, keyPrefix: 'rl:api:' })).allowed).toBe(true);
    expect((await limiter.checkLimit('a', once)).allowed).toBe(false);
  });

  test('50 attempts at once against a limit of 5 let exactly 5 through', async () => {
    const { limiter } = setup();
    const results = await Promise.all(Array.from({ length: 50 }, () => limiter.checkLimit(IP, LOGIN)));
    expect(results.filter((result) => result.allowed)).toHaveLength(5);
  });

  test('50 clients over one namespace let exactly 5 through together', async () => {
    const { clock, kv } = setup();
    const attempt = () => new RateLimiterClient(kv, { now: clock.now }).checkLimit(IP, LOGIN);
    const results = await Promise.all(Array.from({ length: 50 }, attempt));
    expect(results.filter((result) => result.allowed)).toHaveLength(5);
  });

  test('never lets more than the limit through in a window, whatever the order of attempts and pauses', async () => {
    const steps = fc.array(fc.nat({ max: 30_000 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(steps, fc.integer({ min: 1, max: 4 }), async (pauses, limit) => {
        const { clock, limiter } = setup();
        const allowed = new Map<number, number>();
        for (const pause of pauses) {
          clock.advance(pause);
          const rule = { limit, window: 10, keyPrefix: 'rl:' };
          const batch = await Promise.all([limiter.checkLimit('a', rule), limiter.checkLimit('a', rule)]);
          for (const result of batch) {
            if (result.allowed) allowed.set(result.resetAt, (allowed.get(result.resetAt) ?? 0) + 1);
          }
        }
        expect(Math.max(...allowed.values())).toBeLessThanOrEqual(limit);
      }),
    );
  });

  test('answers a blocked identifier without KV', async () => {
    const { kv, limiter } = setup();
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    const before = kv.operations;
    for (let attempt = 0; attempt < 50; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    expect(kv.operations).toBe(before);
  });

  test('takes over what another isolate counted, with the end of its window', async () => {
    const { clock, kv, limiter } = setup();
    const resetAt = clock.now() + 100_000;
    await kv.put(KEY, JSON.stringify({ count: 4, resetAt, at: clock.now() }));
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 0, resetAt });
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: false, resetAt });
  });

  test.each([
    '',
    '{',
    '5',
    'null',
    '[]',
    '{"count":"9","resetAt":9e15,"at":1}',
    '{"count":1e400,"resetAt":9e15,"at":1}',
  ])('ignores the stored text %p', async (text) => {
    const { kv, limiter } = setup();
    await kv.put(KEY, text);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4 });
  });

  test('ignores the record of a window that is over', async () => {
    const { clock, kv, limiter } = setup();
    await kv.put(KEY, JSON.stringify({ count: 5, resetAt: clock.now(), at: clock.now() - 1 }));
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });
});

describe('RateLimiterClient, writes to KV', () => {
  test('writes a key once a second and lets the next attempt write what came between', async () => {
    const { clock, kv, limiter } = setup();
    const rule = { ...LOGIN, limit: 100 };
    for (let attempt = 0; attempt < 10; attempt += 1) await limiter.checkLimit(IP, rule);
    expect([kv.counts.put, await countIn(kv)]).toEqual([1, 1]);
    clock.advance(1000);
    await limiter.checkLimit(IP, rule);
    expect([kv.counts.put, await countIn(kv)]).toEqual([2, 11]);
  });

  test('a refused attempt writes what is still unwritten', async () => {
    const { clock, kv, limiter } = setup();
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    expect(await countIn(kv)).toBe(1);
    clock.advance(1000);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(false);
    expect(await countIn(kv)).toBe(5);
  });

  test('with waitUntil one delayed write per key brings the last count', async () => {
    const pending: Promise<unknown>[] = [];
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now, writesPerSecondPerKey: true });
    const waitUntil = (promise: Promise<unknown>) => void pending.push(promise);
    const limiter = new RateLimiterClient(kv, { now: clock.now, waitUntil, delay: clock.delay });
    await Promise.all(Array.from({ length: 50 }, () => limiter.checkLimit(IP, { ...LOGIN, limit: 40 })));
    expect(clock.waiting).toBe(1);
    expect(kv.counts.put).toBe(1);
    clock.advance(1000);
    await Promise.all(pending);
    expect([kv.counts.put, await countIn(kv)]).toEqual([2, 40]);
    expect(clock.waiting).toBe(0);
  });

  test('survives 429 and any failure of a write, reports it, and tries again a second later', async () => {
    const { clock, kv, limiter, sink } = setup();
    kv.failNext('put', new Error('KV PUT failed: 429 Too Many Requests'));
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
    expect(kv.counts.put).toBe(1);
    clock.advance(1000);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
    expect(await countIn(kv)).toBe(3);
    expect(sink.ofType('client.error')).toMatchObject([
      {
        type: 'client.error',
        source: 'rate-limit',
        operation: 'write',
        code: 'KV_RATE_LIMITED',
        keyPrefix: 'rl:login:',
      },
    ]);
  });

  test('a count whose write failed is written by the next attempt, a refused one too', async () => {
    const { clock, kv, limiter } = setup();
    const once = { ...LOGIN, limit: 1 };
    kv.failNext('put');
    await limiter.checkLimit(IP, once);
    expect(await countIn(kv)).toBeNull();
    clock.advance(1000);
    expect((await limiter.checkLimit(IP, once)).allowed).toBe(false);
    expect(await countIn(kv)).toBe(1);
  });

  test('decides from its own count when reads fail, and reports that', async () => {
    const { kv, limiter, sink } = setup();
    kv.failAll('get');
    const results = [];
    for (let attempt = 0; attempt < 7; attempt += 1) results.push(await limiter.checkLimit(IP, LOGIN));
    expect(results.map((result) => result.allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(results.every((result) => result.approximate)).toBe(true);
    expect(sink.ofType('client.error')).toHaveLength(5);
  });

  test('decides from its own count when KV hangs', async () => {
    jest.useFakeTimers();
    const { kv, limiter } = setup({ timeoutMs: 50 });
    kv.hang();
    const results = Promise.all(Array.from({ length: 50 }, () => limiter.checkLimit(IP, LOGIN)));
    await jest.advanceTimersByTimeAsync(100);
    jest.useRealTimers();
    expect((await results).filter((result) => result.allowed)).toHaveLength(5);
  });

  test('keeps a window that nearly ended for the 60 s that KV asks for', async () => {
    const { clock, kv, limiter } = setup();
    await limiter.checkLimit(IP, { ...LOGIN, window: 1 });
    expect((await kv.list()).keys[0]?.expiration).toBe(clock.now() / 1000 + 60);
  });
});

describe('RateLimiterClient.reset', () => {
  test('lets a blocked identifier attempt again at once', async () => {
    const { kv, limiter } = setup();
    for (let attempt = 0; attempt < 6; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    await limiter.reset(IP, LOGIN.keyPrefix);
    expect(await countIn(kv)).toBeNull();
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4 });
  });

  test('reaches an isolate that blocks the identifier already, two minutes after it last wrote', async () => {
    const { clock, kv, limiter } = setup();
    // The same namespace as another isolate sees it: another object.
    const { get, getWithMetadata, put, delete: remove, list } = kv;
    const binding = { get, getWithMetadata, put, delete: remove, list };
    const elsewhere = new RateLimiterClient(
      Object.fromEntries(
        Object.entries(binding).map(([name, method]) => [name, (method as () => unknown).bind(kv)]),
      ) as unknown as MemoryKVNamespace,
      { now: clock.now },
    );
    for (let attempt = 0; attempt < 6; attempt += 1) {
      await limiter.checkLimit(IP, LOGIN);
      clock.advance(1000);
    }
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(false);
    await elsewhere.reset(IP, LOGIN.keyPrefix);
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(false);
    clock.advance(121_000);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4 });
  });

  test('does not believe a stale record from before it', async () => {
    const { clock, kv, limiter } = setup();
    for (let attempt = 0; attempt < 6; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    clock.advance(1000);
    const stale = JSON.stringify({ count: 5, resetAt: clock.now() + 800_000, at: clock.now() - 500 });
    await limiter.reset(IP, LOGIN.keyPrefix);
    await kv.put(KEY, stale);
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ allowed: true, remaining: 4 });
  });

  test('is not undone by a delayed write', async () => {
    const pending: Promise<unknown>[] = [];
    const clock = new ManualClock();
    const kv = new MemoryKVNamespace({ now: clock.now });
    const waitUntil = (promise: Promise<unknown>) => void pending.push(promise);
    const limiter = new RateLimiterClient(kv, { now: clock.now, waitUntil, delay: clock.delay });
    for (let attempt = 0; attempt < 6; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    await limiter.reset(IP, LOGIN.keyPrefix);
    clock.advance(1000);
    await Promise.all(pending);
    expect(await countIn(kv)).toBeNull();
  });

  test('tells when KV could not delete, having forgotten all the same', async () => {
    const { kv, limiter } = setup();
    for (let attempt = 0; attempt < 6; attempt += 1) await limiter.checkLimit(IP, LOGIN);
    kv.failNext('delete');
    expect(await codeOf(() => limiter.reset(IP, LOGIN.keyPrefix))).toBe('KV_DELETE_FAILED');
    expect((await limiter.checkLimit(IP, LOGIN)).allowed).toBe(true);
  });
});

describe('RateLimiterClient, what it is given', () => {
  test.each([
    ['limit', 0],
    ['limit', 1.5],
    ['limit', 1_000_000_001],
    ['limit', '5'],
    ['window', 0],
    ['window', 2_592_001],
    ['window', NaN],
    ['keyPrefix', 5],
  ])('refuses the option %s %p before KV is asked', async (name, value) => {
    const { kv, limiter } = setup();
    const config = { ...LOGIN, [name]: value };
    await expect(limiter.checkLimit(IP, config)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(`Option ${name}`) as string,
    });
    expect(kv.operations).toBe(0);
  });

  test('refuses an empty identifier, no rule at all, and a key that is too long', async () => {
    const { kv, limiter } = setup();
    expect(await codeOf(() => limiter.checkLimit('', LOGIN))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.reset('', 'rl:'))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.checkLimit(IP, undefined as never))).toBe('INVALID_OPTION');
    expect(await codeOf(() => limiter.checkLimit('x'.repeat(600), LOGIN))).toBe('INVALID_KEY');
    expect(kv.operations).toBe(0);
  });

  test('takes a store in place of a namespace', async () => {
    const rules = [{ remaining: 0, resetAt: 5000, retryAfterMs: 4000 }];
    const decision = {
      allowed: false,
      reason: 'limit-exceeded',
      rules,
      retryAfterMs: 4000,
      approximate: false,
    } as const;
    const consume = jest.fn(async () => ({ ...decision, decidedBy: 'custom' }) as const);
    const limiter = new RateLimiterClient({ consume, reset: jest.fn(async () => undefined) }, { now: () => 1000 });
    expect(await limiter.checkLimit(IP, LOGIN)).toMatchObject({ approximate: false, retryAfterMs: 4000 });
    expect(consume).toHaveBeenCalledWith({
      key: KEY,
      keyPrefix: 'rl:login:',
      rules: [{ limit: 5, windowMs: 900_000 }],
      cost: 1,
      countRejected: false,
    });
  });

  test('refuses what is neither a namespace nor a store', async () => {
    expect(await codeOf(() => new RateLimiterClient(undefined as never))).toBe('INVALID_BINDING');
  });
});
