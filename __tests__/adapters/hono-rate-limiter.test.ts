import { Hono } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import type { Store } from 'hono-rate-limiter';
import { honoRateLimitStore } from '../../src/adapters/hono-rate-limiter.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';
import { MemoryObjectNamespace } from '../../src/durable-objects/memory-object-namespace.js';
import { RateLimitMachine } from '../../src/durable-objects/rate-limit/rate-limit-machine.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { RecordingSink } from '../../src/testing/recording-sink.js';

const PREFIX = { keyPrefix: 'rl:api:' };

function setup(options: { readonly skipFailedRequests?: boolean; readonly limit?: number | (() => number) } = {}) {
  const clock = new ManualClock();
  const objects = new MemoryObjectNamespace((host) => new RateLimitMachine(host), { now: clock.now });
  const limiter = new RateLimiterClient(objects, { now: clock.now, delay: clock.delay, blockCache: false });
  const store = honoRateLimitStore(limiter, PREFIX);
  // Assignable as it is: the shape is that of the library.
  const typed: Store = store;
  const app = new Hono();
  const keyGenerator = (c: { req: { header(name: string): string | undefined } }) => c.req.header('client') ?? 'a';
  app.use(rateLimiter({ windowMs: 60_000, limit: 5, keyGenerator, store: typed, ...options }));
  app.get('/', (c) => c.text('ok'));
  app.get('/broken', (c) => c.text('broken', 500));
  const get = async (path = '/', client = 'a') => app.request(path, { headers: { client } });
  return { clock, objects, limiter, store, get };
}

describe('honoRateLimitStore, with hono-rate-limiter itself', () => {
  it('lets 5 of 50 requests at once through a limit of 5', async () => {
    const { get } = setup();
    const statuses = (await Promise.all(Array.from({ length: 50 }, () => get()))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(45);
  });

  it('tells the library what is left and when the window ends', async () => {
    const { get } = setup();
    await get();
    const response = await get();
    expect(response.headers.get('RateLimit-Policy')).toBe('5;w=60');
    expect(response.headers.get('RateLimit-Remaining')).toBe('3');
  });

  it('counts clients by themselves, and anew in the next window', async () => {
    const { get, clock } = setup();
    await Promise.all(Array.from({ length: 9 }, () => get()));
    expect((await get('/', 'b')).status).toBe(200);
    clock.advance(59_000);
    // Refused requests count, and yet keep nobody out for longer.
    for (let index = 0; index < 9; index += 1) expect((await get()).status).toBe(429);
    clock.advance(1_000);
    expect((await get()).status).toBe(200);
  });

  it('knows limits that the library finds out by request', async () => {
    const { get } = setup({ limit: () => 2 });
    const statuses = (await Promise.all(Array.from({ length: 50 }, () => get()))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(2);
  });

  it('takes failed requests back, and not refused ones, which the library does not take for failed', async () => {
    const { get, store } = setup({ skipFailedRequests: true });
    for (let index = 0; index < 20; index += 1) expect((await get('/broken')).status).toBe(500);
    expect(await store.get('a')).toBeUndefined();
    for (let index = 0; index < 5; index += 1) expect((await get()).status).toBe(200);
    for (let index = 0; index < 20; index += 1) expect((await get()).status).toBe(429);
    expect(await store.get('a')).toMatchObject({ totalHits: 25 });
  });

  it('answers, resets and forgets a client', async () => {
    const { get, store, clock } = setup();
    expect(await store.get('a')).toBeUndefined();
    for (let index = 0; index < 7; index += 1) await get();
    expect(await store.get('a')).toEqual({ totalHits: 7, resetTime: new Date(clock.now() + 60_000) });
    await store.resetKey('a');
    expect(await store.get('a')).toBeUndefined();
    expect((await get()).status).toBe(200);
  });

  it('counts a request once whose answer was lost', async () => {
    const { get, store, objects, clock } = setup();
    objects.failNext('lost-reply');
    const pending = get();
    while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(100);
    expect((await pending).status).toBe(200);
    expect(await store.get('a')).toMatchObject({ totalHits: 1 });
  });
});

describe('honoRateLimitStore', () => {
  const make = (options: ConstructorParameters<typeof RateLimiterClient>[1]) => {
    const objects = new MemoryObjectNamespace((host) => new RateLimitMachine(host));
    const store = honoRateLimitStore(new RateLimiterClient(objects, options), PREFIX);
    store.init({ windowMs: 60_000 });
    return { objects, store };
  };

  it('lets through or refuses as onStoreError says when the objects fail', async () => {
    const open = make({ onStoreError: 'open' });
    open.objects.failNext('failed');
    expect(await open.store.increment('a')).toMatchObject({ totalHits: 1 });
    const closed = make({ onStoreError: 'closed' });
    closed.objects.failNext('failed');
    expect((await closed.store.increment('a')).totalHits).toBeGreaterThan(1_000_000_000);
  });

  it('refuses nobody when the limiter only watches', async () => {
    const { objects, store } = make({ shadow: true, onStoreError: 'closed' });
    objects.failNext('failed');
    expect(await store.increment('a')).toMatchObject({ totalHits: 1 });
    expect(await store.increment('a')).toMatchObject({ totalHits: 1 });
    expect(await store.increment('a')).toMatchObject({ totalHits: 2 });
  });

  it('refuses who is blocked', async () => {
    const objects = new MemoryObjectNamespace((host) => new RateLimitMachine(host));
    const limiter = new RateLimiterClient(objects);
    const store = honoRateLimitStore(limiter, PREFIX);
    store.init({ windowMs: 1_000 });
    await limiter.block('a', 'rl:api:', 60);
    expect((await store.increment('a')).totalHits).toBeGreaterThan(1_000_000_000);
  });

  it('does not fail a request because a hit cannot be taken back, and reports it', async () => {
    const events = new RecordingSink();
    const objects = new MemoryObjectNamespace((host) => new RateLimitMachine(host));
    const store = honoRateLimitStore(objects, { ...PREFIX, events });
    store.init({ windowMs: 60_000 });
    await store.increment('a');
    objects.failNext('failed');
    await expect(store.decrement('a')).resolves.toBeUndefined();
    expect(events.events.filter(({ type }) => type === 'client.error')).toEqual([
      expect.objectContaining({ source: 'rate-limit', keyPrefix: 'rl:api:', code: 'OBJECT_FAILED' }),
    ]);
  });

  it('takes a namespace, a store or a limiter, and refuses anything else', async () => {
    const memory = honoRateLimitStore(new MemoryRateLimitStore(), PREFIX);
    memory.init({ windowMs: 1_000 });
    expect(await memory.increment('a')).toMatchObject({ totalHits: 1 });
    const refused = expect.objectContaining({ code: 'INVALID_BINDING' }) as Error;
    for (const source of [undefined, null, 'RATE_LIMITER', {}]) {
      expect(() => honoRateLimitStore(source as never, PREFIX)).toThrow(refused);
    }
  });

  it('refuses a rate-limit binding, which does not count', async () => {
    const binding = { limit: async () => ({ success: true }) };
    const store = honoRateLimitStore(binding as never, PREFIX);
    store.init({ windowMs: 60_000 });
    await expect(store.increment('a')).rejects.toMatchObject({
      code: expect.stringMatching(/INVALID_(BINDING|OPTION)/) as string,
    });
  });

  it('refuses a window that is not of whole seconds, and hits before there is one', async () => {
    const store = honoRateLimitStore(new MemoryRateLimitStore(), PREFIX);
    await expect(store.increment('a')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const refused = expect.objectContaining({ code: 'INVALID_OPTION' }) as Error;
    for (const windowMs of [1_500, Number.NaN, Infinity]) expect(() => store.init({ windowMs })).toThrow(refused);
    store.init({ windowMs: 0 });
    await expect(store.increment('a')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  it.each([undefined, 5, 'x'.repeat(512)])('refuses the prefix %p', (keyPrefix) => {
    const refused = expect.objectContaining({
      code: expect.stringMatching(/INVALID_(OPTION|KEY)/) as string,
    }) as Error;
    expect(() => honoRateLimitStore(new MemoryRateLimitStore(), { keyPrefix } as never)).toThrow(refused);
  });
});
