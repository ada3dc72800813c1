import { Hono } from 'hono';
import { streamText } from 'hono/streaming';
import { currentScope, runInScope } from '../../src/ambient.js';
import { enforceLimit } from '../../src/clients/rate-limit/enforce-limit.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';
import { containerMiddleware } from '../../src/hono.js';
import type { ContainerVariables, EntryOptions } from '../../src/hono.js';
import { BINDING, PLAIN, RESOURCE, setupApp, setupContext } from './support.js';

function setup(options?: EntryOptions) {
  const { app, disposed } = setupApp();
  const api = new Hono<{ Bindings: { THING: object }; Variables: ContainerVariables }>();
  api.use(containerMiddleware(app, options));
  return { api, disposed, ...setupContext() };
}

describe('containerMiddleware', () => {
  it('gives each request a container, in Node without an execution context', async () => {
    const { api } = setup();
    const seen = new Set<object>();
    api.get('/', (c) => {
      seen.add(c.var.container.resolve(PLAIN));
      return c.text(String(c.get('container') === c.var.container));
    });
    expect(await (await api.request('/')).text()).toBe('true');
    await api.request('/');
    expect(seen.size).toBe(2);
  });

  it('resolves what is bound', async () => {
    const { api } = setup();
    const THING = { name: 'thing' };
    api.get('/', (c) => c.json(c.var.container.resolve(BINDING)));
    expect(await (await api.request('/', {}, { THING })).json()).toEqual(THING);
  });

  it('disposes when the response has been read', async () => {
    const { api, disposed, ctx, settle } = setup();
    api.get('/', (c) =>
      streamText(c, async (stream) => {
        await stream.write(`one ${c.var.container.resolve(RESOURCE).id} `);
        await stream.write('two');
      }),
    );
    api.get('/text', (c) => c.text(`text ${c.var.container.resolve(RESOURCE).id}`, 201, { 'X-Own': 'a' }));
    const response = await api.request('/text', {}, { THING: {} }, ctx as never);
    expect([response.status, response.headers.get('X-Own'), disposed]).toEqual([201, 'a', []]);
    expect(await response.text()).toBe('text 1');
    await settle();
    expect(disposed).toEqual([1]);
    expect(await (await api.request('/', {}, { THING: {} }, ctx as never)).text()).toBe('one 2 two');
  });

  it('disposes when a handler throws, and leaves the answer to onError', async () => {
    const { api, disposed, ctx, settle } = setup();
    api.onError((error, c) => c.text(error.message, 418));
    api.get('/', (c) => {
      c.var.container.resolve(RESOURCE);
      throw new RangeError('its own');
    });
    const response = await api.request('/', {}, { THING: {} }, ctx as never);
    expect([response.status, await response.text()]).toEqual([418, 'its own']);
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('disposes when something is thrown that Hono does not answer', async () => {
    const { api, disposed, ctx, settle } = setup();
    api.get('/', (c) => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- Hono answers errors alone
      throw `no error ${c.var.container.resolve(RESOURCE).id}`;
    });
    await expect((async () => api.request('/', {}, { THING: {} }, ctx as never))()).rejects.toBe('no error 1');
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('answers a call that a limit refused with 429, as Hono asks the error', async () => {
    const { api } = setup();
    const limiter = new RateLimiterClient(new MemoryRateLimitStore());
    api.get('/', async (c) => {
      await enforceLimit(limiter, 'all', { limit: 1, window: 60, keyPrefix: 'rl:' });
      return c.text('ok');
    });
    expect((await api.request('/')).status).toBe(200);
    const refused = await api.request('/');
    expect([refused.status, refused.headers.get('Content-Type')]).toEqual([429, 'application/problem+json']);
  });

  it('runs the request in what it is told to', async () => {
    const { api } = setup({ run: runInScope });
    api.get('/', async (c) => {
      await Promise.resolve();
      return c.text(String(currentScope() === c.var.container));
    });
    expect(await (await api.request('/')).text()).toBe('true');
  });
});
