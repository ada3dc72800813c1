import { MemoryRateLimitStore } from '../../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../../src/clients/rate-limit/rate-limiter-client.js';
import { ManualClock, RecordingSink } from '../../../src/testing.js';
import { errorOf } from '../../support/kv.js';

const LOGIN = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
const RULES = [
  { name: 'burst', limit: 3, window: 10 },
  { name: 'daily', limit: 100, window: 86_400 },
];

function setup() {
  const clock = new ManualClock();
  const sink = new RecordingSink();
  const store = new MemoryRateLimitStore({ now: clock.now });
  const limiter = new RateLimiterClient(store, { now: clock.now, events: sink });
  return { clock, sink, store, limiter };
}

describe('RateLimiterClient, what it refuses before anything is counted', () => {
  test.each([
    [{ limit: 0 }, 'Option limit 0 is refused: give an integer from 1 to 1000000000.'],
    [{ cost: 6 }, 'Option cost 6 is refused: give an integer from 1 to 5.'],
    [{ cost: 0.5 }, 'Option cost 0.5 is refused: give an integer from 1 to 5.'],
    [
      { algorithm: 'leaky' },
      'Option algorithm "leaky" is refused: give one of sliding-window, sliding-log, fixed-window, gcra.',
    ],
    [
      { algorithm: 'sliding-log', limit: 10_001 },
      'Option limit 10001 is refused: a sliding-log keeps every attempt, up to 10000; take sliding-window.',
    ],
    [{ burst: 3 }, "Option burst 3 is refused: it is of algorithm 'gcra' alone."],
    [{ algorithm: 'gcra', burst: 6 }, 'Option burst 6 is refused: give an integer from 1 to 5.'],
    [{ algorithm: 'gcra', burst: 2, cost: 3 }, 'Option cost 3 is refused: give an integer from 1 to 2.'],
    [{ requestId: '' }, 'Option requestId "" is refused: give a string of 1 to 128 characters.'],
    [{ countRejected: 1 }, 'Option countRejected of type number is refused: give true or false.'],
    [{ name: 'größe' }, 'Option name "größe" is refused: give 1 to 64 printable ASCII characters.'],
  ])('%j', async (changes, message) => {
    const { store, limiter } = setup();
    const error = await errorOf(() => limiter.checkLimit('a', { ...LOGIN, ...changes } as never));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message });
    expect((await errorOf(() => limiter.peek('a', { ...LOGIN, ...changes } as never))).message).toBe(message);
    expect((await errorOf(() => limiter.refund('a', { ...LOGIN, ...changes } as never))).message).toBe(message);
    expect(store.size).toBe(0);
  });

  test.each([
    [[], 'Option rules with 0 is refused: give a list of 1 to 8 rules.'],
    [
      Array.from({ length: 9 }, (_, index) => ({ limit: 1, window: index + 1 })),
      'Option rules with 9 is refused: give a list of 1 to 8 rules.',
    ],
    ['rules', 'Option rules "rules" is refused: give a list of 1 to 8 rules.'],
    [[{ limit: 1, window: 0 }], 'Option window 0 is refused: give an integer from 1 to 2592000.'],
    [[null], 'Option limit of type undefined is refused: give an integer from 1 to 1000000000.'],
    [
      [
        { limit: 1, window: 60 },
        { limit: 2, window: 60, algorithm: 'sliding-window' },
      ],
      'Option rules with the same count twice is refused: give one rule for sliding-window over 60 s.',
    ],
    [
      [
        { limit: 1, window: 60, name: 'mine' },
        { limit: 9, window: 900, name: 'mine' },
      ],
      'Option rules with the name "mine" twice is refused: give each a name of its own.',
    ],
    [
      [
        { limit: 1, window: 60 },
        { limit: 1, window: 60, algorithm: 'fixed-window' },
      ],
      'Option rules with the name "1-per-60s" twice is refused: give each a name of its own.',
    ],
  ])('rules %j', async (rules, message) => {
    const { store, limiter } = setup();
    const config = { keyPrefix: 'rl:', rules } as never;
    expect(await errorOf(() => limiter.checkLimits('a', config))).toMatchObject({ code: 'INVALID_OPTION', message });
    expect(await errorOf(() => limiter.peekLimits('a', config))).toMatchObject({ code: 'INVALID_OPTION', message });
    expect(store.size).toBe(0);
  });

  test('a cost above the limit of any of several rules', async () => {
    const { limiter } = setup();
    const error = await errorOf(() => limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES, cost: 4 }));
    expect(error.message).toBe('Option cost 4 is refused: give an integer from 1 to 3.');
  });

  test.each([0, 1.5, 31_536_001, '60'])('a block of %p seconds', async (seconds) => {
    const { limiter } = setup();
    expect(await errorOf(() => limiter.block('a', 'rl:', seconds as never))).toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('RateLimiterClient.checkLimits', () => {
  test('says what each rule says, and what the tightest does', async () => {
    const { clock, limiter } = setup();
    const first = await limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES });
    expect(first).toMatchObject({ allowed: true, name: 'burst', limit: 3, window: 10, remaining: 2 });
    expect(first.rules).toMatchObject([
      { name: 'burst', limit: 3, window: 10, remaining: 2, retryAfterMs: 0 },
      { name: 'daily', limit: 100, window: 86_400, remaining: 99, retryAfterMs: 0 },
    ]);
    for (let attempt = 0; attempt < 5; attempt += 1) await limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES });
    const refused = await limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES });
    expect(refused).toMatchObject({ allowed: false, reason: 'limit-exceeded', name: 'burst', remaining: 0 });
    expect(refused.rules[1]).toMatchObject({ remaining: 97, retryAfterMs: 0 });
    expect(refused.retryAfterMs).toBe(refused.rules[0]!.retryAfterMs);
    clock.advance(refused.retryAfterMs);
    expect((await limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES })).allowed).toBe(true);
  });

  test('names rules by what they are when they have no name', async () => {
    const { limiter } = setup();
    const rules = RULES.map(({ limit, window }) => ({ limit, window }));
    const { rules: named } = await limiter.checkLimits('a', { keyPrefix: 'rl:', rules });
    expect(named.map(({ name }) => name)).toEqual(['3-per-10s', '100-per-86400s']);
    const [first] = rules;
    expect((await limiter.checkLimits('b', { keyPrefix: 'rl:', rules: [first!] })).name).toBe('default');
  });

  test('reports the tightest rule', async () => {
    const { sink, limiter } = setup();
    for (let attempt = 0; attempt < 4; attempt += 1) await limiter.checkLimits('a', { keyPrefix: 'rl:', rules: RULES });
    expect(sink.ofType('rate-limit.allowed')[2]).toMatchObject({ limit: 3, remaining: 0, decidedBy: 'memory' });
    expect(sink.ofType('rate-limit.denied')).toMatchObject([{ limit: 3, keyPrefix: 'rl:' }]);
  });

  test('peeks at several and refunds them', async () => {
    const { limiter } = setup();
    const config = { keyPrefix: 'rl:', rules: RULES };
    await limiter.checkLimits('a', { ...config, cost: 3 });
    expect((await limiter.peekLimits('a', config)).allowed).toBe(false);
    expect(await limiter.refund('a', { ...config, cost: 2 })).toBe(2);
    expect((await limiter.peekLimits('a', config)).rules.map(({ remaining }) => remaining)).toEqual([2, 99]);
  });
});

describe('what a limiter is made of', () => {
  test('nothing but what it knows', async () => {
    for (const source of [{}, { limit: 5 }, { get: () => null }, 'RATE_LIMITER', null]) {
      expect(await errorOf(() => new RateLimiterClient(source as never))).toMatchObject({ code: 'INVALID_BINDING' });
    }
  });
});
