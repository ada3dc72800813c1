import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { rateLimit } from 'express-rate-limit';
import type { Options, Store } from 'express-rate-limit';
import { expressRateLimitStore } from '../../src/adapters/express-rate-limit.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { MemoryObjectNamespace } from '../../src/durable-objects/memory-object-namespace.js';
import { RateLimitMachine } from '../../src/durable-objects/rate-limit/rate-limit-machine.js';

const servers: Server[] = [];

/** An app with the limiter before it, on a free port of 127.0.0.1; what the library logs fails the test. */
async function start(options: Partial<Options>) {
  const logged: unknown[] = [];
  const log = (...what: unknown[]) => void logged.push(what);
  const app = express();
  // In Express the body of a failure shows its stack unless this says otherwise.
  app.set('env', 'test');
  app.use(
    rateLimit({
      windowMs: 60_000,
      limit: 5,
      standardHeaders: 'draft-8',
      legacyHeaders: false,
      keyGenerator: ({ headers }) => String(headers['client'] ?? 'a'),
      logger: { error: log, warn: log },
      ...options,
    }),
  );
  app.get('/', (_request, response) => void response.send('ok'));
  app.get('/broken', (_request, response) => void response.status(500).send('broken'));
  const server = await new Promise<Server>((resolve) => {
    const listening: Server = app.listen(0, '127.0.0.1', () => resolve(listening));
  });
  servers.push(server);
  const { port } = server.address() as AddressInfo;
  const get = (path = '/', client = 'a') => fetch(`http://127.0.0.1:${port}${path}`, { headers: { client } });
  return { get, logged };
}

const objectStore = () => {
  const objects = new MemoryObjectNamespace((host) => new RateLimitMachine(host));
  return { objects, store: expressRateLimitStore(objects, { keyPrefix: 'rl:api:' }) };
};

afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
});

describe('expressRateLimitStore, with express-rate-limit itself', () => {
  it.each<[string, () => Store]>([
    ['Durable Objects', () => objectStore().store],
    ['memory', () => expressRateLimitStore(new MemoryRateLimitStore(), { keyPrefix: 'rl:api:' })],
  ])('lets 5 of 50 requests at once through a limit of 5, over %s', async (_name, make) => {
    const { get, logged } = await start({ store: make() });
    const statuses = (await Promise.all(Array.from({ length: 50 }, () => get()))).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
    expect(statuses.filter((status) => status === 429)).toHaveLength(45);
    expect(logged).toEqual([]);
  });

  it('tells the library what is left and when the window ends', async () => {
    const { get } = await start({ store: objectStore().store });
    await get();
    const response = await get();
    expect(response.headers.get('RateLimit')).toMatch(/^"5-in-1min"; r=3; t=(60|59)$/);
  });

  it('takes failed requests back, refused ones among them', async () => {
    const { store } = objectStore();
    const { get } = await start({ store, skipFailedRequests: true });
    for (let index = 0; index < 8; index += 1) expect((await get('/broken')).status).toBe(500);
    for (let index = 0; index < 5; index += 1) expect((await get()).status).toBe(200);
    for (let index = 0; index < 8; index += 1) expect((await get()).status).toBe(429);
    expect(await store.get('a')).toMatchObject({ totalHits: 5 });
  });

  it('shares no counts with a limiter of another prefix, and the library sees no double count', async () => {
    const { objects, store } = objectStore();
    const other = expressRateLimitStore(objects, { keyPrefix: 'rl:login:' });
    const { get, logged } = await start({ store });
    const second = await start({ store: other, limit: 1 });
    await Promise.all(Array.from({ length: 4 }, () => get()));
    expect((await second.get()).status).toBe(200);
    expect((await second.get()).status).toBe(429);
    expect((await get()).status).toBe(200);
    expect([...logged, ...second.logged]).toEqual([]);
  });

  it('serves on this isolate\u2019s memory when the objects fail, and no request fails', async () => {
    const { objects, store } = objectStore();
    const { get } = await start({ store });
    for (let index = 0; index < 3; index += 1) objects.failNext('failed');
    for (let index = 0; index < 3; index += 1) expect((await get()).status).toBe(200);
  });

  it('is told apart by its prefix and is not local', () => {
    expect(objectStore().store).toMatchObject({ prefix: 'rl:api:', localKeys: false });
  });
});
