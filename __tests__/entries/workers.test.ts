import { enforceLimit } from '../../src/clients/rate-limit/enforce-limit.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';
import { EXECUTION_CONTEXT } from '../../src/tokens/index.js';
import { defineWorker } from '../../src/workers.js';
import type { ScopedHandlers } from '../../src/workers.js';
import { PLAIN, RESOURCE, setupApp, setupContext } from './support.js';

const request = new Request('http://app/');

function setup(handlers: ScopedHandlers<object, string>, dispose?: () => void) {
  const { app, disposed } = setupApp(dispose);
  const { ctx, kept, settle } = setupContext();
  const worker = defineWorker<object, string>(app, handlers);
  const batch = { queue: 'jobs', messages: [], ackAll: () => {}, retryAll: () => {} };
  return {
    disposed,
    kept,
    settle,
    worker,
    fetch: async (input = request) => worker.fetch!(input, {}, ctx),
    queue: async () => worker.queue!(batch, {}, ctx),
  };
}

/** As `console.error` is where failures are told. */
function watchConsole(): jest.SpyInstance {
  return jest.spyOn(console, 'error').mockImplementation(() => {});
}

afterEach(() => jest.restoreAllMocks());

describe('defineWorker', () => {
  it('exports the handlers that there are', () => {
    expect(Object.keys(setup({ fetch: () => new Response() }).worker)).toEqual(['fetch']);
    const all = setup({ queue: () => {}, scheduled: () => {}, email: () => {}, tail: () => {} });
    expect(Object.keys(all.worker).sort()).toEqual(['email', 'queue', 'scheduled', 'tail']);
  });

  it('returns the very response where there is nothing to dispose, and asks nothing of the context', async () => {
    const response = new Response('text');
    const { fetch, kept } = setup({
      fetch(_request, scope) {
        scope.resolve(PLAIN);
        return response;
      },
    });
    expect(await fetch()).toBe(response);
    expect(kept).toEqual([]);
  });

  it('keeps status, headers and body, and disposes when the body has been read', async () => {
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response('text', {
          status: 201,
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
          ],
        });
      },
    });
    const response = await fetch();
    expect([response.status, response.headers.get('Set-Cookie')]).toEqual([201, 'a=1, b=2']);
    expect(disposed).toEqual([]);
    expect(await response.text()).toBe('text');
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('disposes when the reader has gone', async () => {
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response(new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(9)) }));
      },
    });
    await (await fetch()).body!.cancel();
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('passes the error of a body on', async () => {
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response(new ReadableStream({ pull: () => Promise.reject(new RangeError('cut')) }));
      },
    });
    await expect((await fetch()).text()).rejects.toThrow('cut');
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('waits for all that waitUntil was given, by whomever, and then disposes', async () => {
    const events: string[] = [];
    let finish = (): void => {};
    const { fetch, settle } = setup(
      {
        fetch(_request, scope, { ctx }) {
          scope.resolve(RESOURCE);
          ctx.waitUntil(Promise.reject(new Error('of no account')).catch(() => undefined));
          const later = new Promise<void>((resolve) => (finish = resolve)).then(() => void events.push('worked'));
          scope.resolve(EXECUTION_CONTEXT).waitUntil(later);
          return new Response(null);
        },
      },
      () => void events.push('disposed'),
    );
    await fetch();
    await Promise.resolve();
    expect(events).toEqual([]);
    finish();
    await settle();
    expect(events).toEqual(['worked', 'disposed']);
  });

  it('answers a refused call with 429, and passes other errors on, disposed of all the same', async () => {
    const limiter = new RateLimiterClient(new MemoryRateLimitStore());
    const limited = setup({
      async fetch(_request, scope) {
        scope.resolve(RESOURCE);
        await enforceLimit(limiter, 'all', { limit: 1, window: 60, keyPrefix: 'rl:' });
        return new Response('ok');
      },
    });
    expect(await (await limited.fetch()).text()).toBe('ok');
    const refused = await limited.fetch();
    expect([refused.status, refused.headers.get('Content-Type')]).toEqual([429, 'application/problem+json']);
    await refused.text();

    const error = new RangeError('its own');
    const broken = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        throw error;
      },
    });
    await expect(broken.fetch()).rejects.toBe(error);
    await broken.settle();
    expect(broken.disposed).toEqual([1]);
  });

  it('asks onError first, with the scope', async () => {
    const { fetch } = setup({
      fetch: () => Promise.reject(new RangeError('its own')),
      onError: (error, { url }, scope) => new Response(`${String(error)} ${url} ${scope.resolve(RESOURCE).id}`),
    });
    expect(await (await fetch()).text()).toBe('RangeError: its own http://app/ 1');
  });

  it('lets a batch fail by its own error alone, and logs what failed to dispose', async () => {
    const console = watchConsole();
    const stubborn = (): void => {
      throw new Error('it will not go');
    };
    const failing = setup(
      { queue: (_batch, scope) => Promise.reject(new RangeError(`${scope.resolve(RESOURCE).id}`)) },
      stubborn,
    );
    await expect(failing.queue()).rejects.toThrow(RangeError);
    const working = setup({ queue: (_batch, scope) => void scope.resolve(RESOURCE) }, stubborn);
    await expect(working.queue()).resolves.toBeUndefined();
    expect(console.mock.calls).toEqual(Array(2).fill([expect.objectContaining({ code: 'DISPOSE_FAILED' })]));
  });

  it('leaves a context that cannot be changed as it is', async () => {
    const { app, disposed } = setupApp();
    const { ctx, settle } = setupContext();
    const worker = defineWorker(app, {
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response(null);
      },
    });
    await worker.fetch!(request, {}, Object.freeze(ctx));
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('runs handlers with the object that they are of', async () => {
    const handlers = {
      name: 'mine',
      fetch() {
        return new Response(this.name);
      },
    };
    expect(await (await setup(handlers).fetch()).text()).toBe('mine');
  });
});
