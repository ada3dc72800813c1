import { container as tsyringe } from 'tsyringe';
import {
  createContainer,
  EVENT_SINK,
  memoryRateLimits,
  MemoryRateLimitStore,
  provideRateLimiter,
  provideValue,
  RATE_LIMIT_KV,
  RATE_LIMITER,
  RATE_LIMITER_CLIENT,
  RateLimiterClient,
} from '../../src/index.js';
import type { ProvideRateLimiterOptions } from '../../src/index.js';
import { MemoryKVNamespace, RecordingSink } from '../../src/testing.js';
import { codeOf, errorOf } from '../support/kv.js';
import { FakeRateLimitBinding, limiterObjects } from '../support/rate-limits.js';

const LOGIN = { limit: 2, window: 60, keyPrefix: 'rl:login:' };
const kv = () => new MemoryKVNamespace();
const binding = () => new FakeRateLimitBinding({ limit: 2, period: 60 }, Date.now);
const FILTER = { name: 'FLOOD_FILTER', limit: 2, period: 60 } as const;

function limiterOf(env: object, options?: ProvideRateLimiterOptions): RateLimiterClient {
  return createContainer(provideRateLimiter(options)).scope({ env }).resolve(RATE_LIMITER_CLIENT);
}

async function decidedBy(env: object, options?: ProvideRateLimiterOptions): Promise<string> {
  return (await limiterOf(env, options).checkLimit('a', LOGIN)).decidedBy;
}

describe('provideRateLimiter', () => {
  it('takes the strongest that is bound: objects, else KV, else the rate-limit binding', async () => {
    const all = { RATE_LIMITER: limiterObjects(), RATE_LIMIT_KV: kv(), FLOOD_FILTER: binding() };
    expect(await decidedBy(all)).toBe('object');
    expect(await decidedBy({ RATE_LIMIT_KV: kv() })).toBe('kv');
    expect(await decidedBy({ FLOOD_FILTER: binding() }, { rateLimitBinding: FILTER })).toBe('binding');
  });

  it('filters with the rate-limit binding before objects and before KV', async () => {
    for (const [name, namespace] of [
      ['RATE_LIMITER', limiterObjects()],
      ['RATE_LIMIT_KV', kv()],
    ] as const) {
      const filter = binding();
      const limiter = limiterOf({ [name]: namespace, FLOOD_FILTER: filter }, { rateLimitBinding: FILTER });
      await limiter.checkLimit('a', { ...LOGIN, limit: 50 });
      await limiter.checkLimit('a', { ...LOGIN, limit: 50 });
      expect(filter.calls).toBe(2);
      expect(await limiter.checkLimit('a', { ...LOGIN, limit: 50 })).toMatchObject({
        allowed: false,
        decidedBy: 'binding',
      });
    }
  });

  it('takes other names', async () => {
    const env = { LIMITS: limiterObjects(), LIMITS_KV: kv() };
    expect(await decidedBy(env, { object: 'LIMITS', binding: 'LIMITS_KV' })).toBe('object');
    expect(await decidedBy(env, { binding: 'LIMITS_KV' })).toBe('kv');
  });

  it('takes what a test puts in the place of a binding', async () => {
    const app = createContainer(provideRateLimiter());
    const objects = limiterObjects();
    const withObjects = app.with(provideValue(RATE_LIMITER, objects)).scope({ env: { RATE_LIMIT_KV: kv() } });
    expect((await withObjects.resolve(RateLimiterClient).checkLimit('a', LOGIN)).decidedBy).toBe('object');
    const withKV = app.with(provideValue(RATE_LIMIT_KV, kv())).scope({ env: {} });
    expect((await withKV.resolve(RateLimiterClient).checkLimit('a', LOGIN)).decidedBy).toBe('kv');
    const registered = app.scope({ env: {} });
    registered.register(RATE_LIMITER, { useValue: objects });
    expect((await registered.resolve(RateLimiterClient).checkLimit('a', LOGIN)).decidedBy).toBe('object');
  });

  it('counts by KV in a container of tsyringe alone, and by objects where a factory says so', async () => {
    const byHand = tsyringe.createChildContainer();
    byHand.register(RATE_LIMIT_KV, { useValue: kv() });
    byHand.register(RATE_LIMITER, { useValue: limiterObjects() });
    expect((await byHand.resolve(RateLimiterClient).checkLimit('a', LOGIN)).decidedBy).toBe('kv');
    byHand.register(RateLimiterClient, { useFactory: (made) => new RateLimiterClient(made.resolve(RATE_LIMITER)) });
    expect((await byHand.resolve(RateLimiterClient).checkLimit('a', LOGIN)).decidedBy).toBe('object');
  });

  it('names both bindings and what to add when nothing is bound', async () => {
    const error = await errorOf(() => limiterOf({}));
    expect(error).toMatchObject({ code: 'MISSING_BINDING' });
    expect(error.message).toContain('neither env.RATE_LIMITER nor env.RATE_LIMIT_KV is bound');
    expect(error.message).toContain('"new_sqlite_classes": ["RateLimiterObject"]');
    expect(error.message).toContain('"kv_namespaces": [{ "binding": "RATE_LIMIT_KV"');
    expect((await errorOf(() => limiterOf({}, { rateLimitBinding: FILTER }))).message).toContain('"ratelimits"');
  });

  it('refuses a binding of another kind, and names that are none', async () => {
    expect(await codeOf(() => limiterOf({ RATE_LIMITER: kv() }))).toBe('INVALID_BINDING');
    expect(await codeOf(() => provideRateLimiter({ object: '' }))).toBe('INVALID_OPTION');
    expect(await codeOf(() => provideRateLimiter({ rateLimitBinding: { ...FILTER, name: '' } }))).toBe(
      'INVALID_OPTION',
    );
  });

  it('passes the options of the client on, and the sink of the scope', async () => {
    const sink = new RecordingSink();
    const objects = limiterObjects({ faults: () => 'failed' });
    const onStoreError = new MemoryRateLimitStore();
    const app = createContainer(provideRateLimiter({ onStoreError, shadow: true }), [provideValue(EVENT_SINK, sink)]);
    const limiter = app.scope({ env: { RATE_LIMITER: objects } }).resolve(RateLimiterClient);
    for (let attempt = 0; attempt < 2; attempt += 1) await limiter.checkLimit('a', LOGIN);
    expect(await limiter.checkLimit('a', LOGIN)).toMatchObject({
      allowed: true,
      reason: 'shadow',
      decidedBy: 'memory',
    });
    expect(onStoreError.size).toBe(1);
    expect(sink.events.map(({ type }) => type).filter((type) => type !== 'client.error')).toEqual([
      'rate-limit.allowed',
      'rate-limit.allowed',
      'rate-limit.denied',
    ]);
  });
});

describe('memoryRateLimits', () => {
  it('stands in for env.RATE_LIMITER: exact over the scopes that share it, and one made anew counts anew', async () => {
    const app = createContainer(provideRateLimiter());
    const attempts = (RATE_LIMITER_OBJECTS: object) =>
      Promise.all(
        Array.from({ length: 50 }, () =>
          app
            .scope({ env: { RATE_LIMITER: RATE_LIMITER_OBJECTS } })
            .resolve(RateLimiterClient)
            .checkLimit('a', LOGIN),
        ),
      );
    const objects = memoryRateLimits();
    const results = await attempts(objects);
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(LOGIN.limit);
    expect(results[0]).toMatchObject({ decidedBy: 'object', approximate: false });
    expect((await attempts(objects)).some(({ allowed }) => allowed)).toBe(false);
    expect((await attempts(memoryRateLimits())).filter(({ allowed }) => allowed)).toHaveLength(LOGIN.limit);
  });

  it('keeps its own clock', async () => {
    let at = 0;
    const limiter = new RateLimiterClient(memoryRateLimits({ now: () => at }), { now: () => at });
    const once = { ...LOGIN, limit: 1 };
    expect((await limiter.checkLimit('a', once)).allowed).toBe(true);
    expect((await limiter.checkLimit('a', once)).allowed).toBe(false);
    at = 60_000;
    expect((await limiter.checkLimit('a', once)).allowed).toBe(true);
  });
});
