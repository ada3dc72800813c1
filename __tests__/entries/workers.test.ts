import { findScope, runInScope } from '../../src/ambient.js';
import { enforceLimit } from '../../src/clients/rate-limit/enforce-limit.js';
import { MemoryRateLimitStore } from '../../src/clients/rate-limit/memory-rate-limit-store.js';
import { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';
import { createContainer } from '../../src/providers/container.js';
import { provide, provideBinding } from '../../src/providers/provider.js';
import type { RequestScope } from '../../src/providers/request-scope.js';
import { EXECUTION_CONTEXT } from '../../src/tokens/index.js';
import { token } from '../../src/tokens/token.js';
import { defineWorker } from '../../src/workers.js';
import type { ScopedHandlers } from '../../src/workers.js';
import { PLAIN, RESOURCE, setupApp, setupContext } from './support.js';

class Plain {}

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
    await failing.settle();
    const working = setup({ queue: (_batch, scope) => void scope.resolve(RESOURCE) }, stubborn);
    await expect(working.queue()).resolves.toBeUndefined();
    await working.settle();
    expect(console.mock.calls).toEqual(Array(2).fill([expect.objectContaining({ code: 'DISPOSE_FAILED' })]));
  });

  it('ends a batch when its handler is done, also when background work hangs, and disposes only after that work', async () => {
    let finish = (): void => {};
    const { queue, disposed, settle } = setup({
      queue(_batch, scope, { ctx }) {
        scope.resolve(RESOURCE);
        ctx.waitUntil(new Promise<void>((resolve) => (finish = resolve)));
      },
    });
    await queue();
    expect(disposed).toEqual([]);
    finish();
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('waits for work that background work begins, and for what is given to a waitUntil without its context', async () => {
    const events: string[] = [];
    let finish = (): void => {};
    const { fetch, settle, kept } = setup(
      {
        fetch(_request, scope, { ctx: { waitUntil } }) {
          scope.resolve(RESOURCE);
          waitUntil(
            Promise.resolve().then(() => {
              waitUntil(new Promise<void>((resolve) => (finish = resolve)).then(() => void events.push('second')));
              events.push('first');
            }),
          );
          return new Response(null);
        },
      },
      () => void events.push('disposed'),
    );
    await fetch();
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(['first']);
    finish();
    await settle();
    expect(kept).toHaveLength(3);
    expect(events).toEqual(['first', 'second', 'disposed']);
  });

  it('waits for work that is begun while it waits, and for the slower of two', async () => {
    const gates: (() => void)[] = [];
    const gate = (): Promise<void> => new Promise((resolve) => void gates.push(resolve));
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope, { ctx }) {
        scope.resolve(RESOURCE);
        ctx.waitUntil(gate().then(() => ctx.waitUntil(gate())));
        ctx.waitUntil(gate());
        return new Response(null);
      },
    });
    await fetch();
    for (const _ of [1, 2, 3]) {
      expect(disposed).toEqual([]);
      gates.shift()!();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('changes a context once, also one that many requests share, and calls its waitUntil on it', async () => {
    class RuntimeContext {
      readonly #kept: Promise<unknown>[] = [];
      waitUntil(promise: Promise<unknown>): void {
        this.#kept.push(promise);
      }
      passThroughOnException(): void {}
      get kept(): number {
        return this.#kept.length;
      }
    }
    const ctx = new RuntimeContext();
    const { app } = setupApp();
    const seen = new Set<unknown>();
    const worker = defineWorker(app, {
      fetch(_request, _scope, invocation) {
        seen.add(invocation.ctx.waitUntil);
        invocation.ctx.waitUntil(Promise.resolve());
        return new Response(null);
      },
    });
    for (let count = 0; count < 3; count += 1) await worker.fetch!(request, {}, ctx);
    expect([seen.size, ctx.kept]).toEqual([1, 3]);
  });

  it('waits for the work of one context, whichever of two scopes it is of', async () => {
    const { app, disposed } = setupApp();
    const { ctx, settle } = setupContext();
    let finish = (): void => {};
    const inner = defineWorker(app, {
      fetch(_request, scope) {
        scope.resolve(EXECUTION_CONTEXT).waitUntil(new Promise<void>((resolve) => (finish = resolve)));
        scope.resolve(RESOURCE);
        return new Response(null);
      },
    });
    const outer = defineWorker(app, {
      fetch(inward, scope, invocation) {
        scope.resolve(RESOURCE);
        return inner.fetch!(inward, {}, invocation.ctx);
      },
    });
    await outer.fetch!(request, {}, ctx);
    await new Promise((resolve) => setImmediate(resolve));
    expect(disposed).toEqual([]);
    finish();
    await settle();
    expect([...disposed].sort()).toEqual([1, 2]);
  });

  it('disposes in the reverse order of making', async () => {
    const disposed: string[] = [];
    const of = (name: string) => ({ [Symbol.dispose]: () => void disposed.push(name) });
    const [A, B] = [token<object>('A'), token<object>('B')];
    const app = createContainer(
      provide(A, (container) => ({ needs: container.resolve(B), ...of('a') })),
      provide(B, () => of('b')),
    );
    const { ctx, settle } = setupContext();
    const worker = defineWorker(app, {
      fetch(_request, scope) {
        scope.resolve(A);
        return new Response(null);
      },
    });
    await worker.fetch!(request, {}, ctx);
    await settle();
    expect(disposed).toEqual(['a', 'b']);
  });

  it('disposes of the scope, and leaves to the runtime what is no response', async () => {
    const { fetch, disposed, settle } = setup({
      fetch: (_request, scope) => void scope.resolve(RESOURCE) as unknown as Response,
    });
    expect(await fetch()).toBeUndefined();
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('passes on a response that none can be made like', async () => {
    const odd = new Response('odd');
    Object.defineProperty(odd, 'status', { value: 999 });
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return odd;
      },
    });
    expect(await fetch()).toBe(odd);
    await settle();
    expect(disposed).toEqual([1]);
    expect(await odd.text()).toBe('odd');
  });

  it('runs fetch, onError and events in what it is told to', async () => {
    const { app } = setupApp();
    const { ctx } = setupContext();
    const found: unknown[] = [];
    const find = async (scope: unknown): Promise<void> => {
      await Promise.resolve();
      found.push(findScope() === scope);
    };
    const worker = defineWorker(
      app,
      {
        async fetch(_request, scope) {
          await find(scope);
          throw new RangeError();
        },
        async onError(_error, _request, scope) {
          await find(scope);
          return new Response(null);
        },
        scheduled: (_run, scope) => find(scope),
      },
      { run: runInScope },
    );
    await worker.fetch!(request, {}, ctx);
    await worker.scheduled!({ scheduledTime: 0, cron: '', noRetry: () => {} }, {}, ctx);
    expect(found).toEqual([true, true, true]);
  });

  it.each<[string, (scope: RequestScope) => unknown]>([
    ['the handler disposed itself', (scope) => [scope.resolve(RESOURCE), scope.dispose()]],
    ['nothing was made but what has no end, twice of a class', (scope) => [scope.resolve(Plain), scope.resolve(PLAIN)]],
  ])('returns the very response where %s', async (_case, use) => {
    for (let count = 0; count < 2; count += 1) {
      const response = new Response('text');
      const { fetch, kept } = setup({
        async fetch(_request, scope) {
          await Promise.all([use(scope)].flat());
          return response;
        },
      });
      expect(await fetch()).toBe(response);
      expect(kept).toEqual([]);
    }
  });

  it('returns the very response where a binding that can be disposed was passed on', async () => {
    const [BOUND, PASSED] = [token<object>('BOUND'), token<object>('PASSED')];
    const bound = { [Symbol.dispose]: () => {} };
    const app = createContainer(
      provideBinding(BOUND, 'BOUND'),
      provide(PASSED, (container) => container.resolve(BOUND)),
    );
    const response = new Response('text');
    const worker = defineWorker(app, {
      fetch(_request, scope) {
        scope.resolve(PASSED);
        return response;
      },
    });
    expect(await worker.fetch!(request, { BOUND: bound }, setupContext().ctx)).toBe(response);
  });

  it('passes on a response whose body is being read, and disposes', async () => {
    const read = new Response('read');
    read.body!.getReader();
    const { fetch, disposed, settle } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return read;
      },
    });
    expect(await fetch()).toBe(read);
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('asks the body for no more than its reader takes', async () => {
    let pulled = 0;
    const { fetch } = setup({
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response(
          new ReadableStream({
            pull(controller) {
              pulled += 1;
              controller.enqueue(new Uint8Array(9));
            },
          }),
        );
      },
    });
    const reader = (await fetch()).body!.getReader();
    for (let count = 0; count < 10; count += 1) await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(pulled).toBeLessThan(15);
  });

  it('gives the error of onError in place of the first, and disposes', async () => {
    const { fetch, disposed, settle } = setup({
      fetch: (_request, scope) => Promise.reject(new RangeError(String(scope.resolve(RESOURCE).id))),
      onError: () => Promise.reject(new TypeError('of onError')),
    });
    await expect(fetch()).rejects.toThrow('of onError');
    await settle();
    expect(disposed).toEqual([1]);
  });

  it('lets onError answer a refused call', async () => {
    const limiter = new RateLimiterClient(new MemoryRateLimitStore());
    const { fetch } = setup({
      fetch: () =>
        enforceLimit(limiter, 'all', { limit: 1, window: 60, cost: 1, keyPrefix: 'rl:' }).then(
          () => new Response('ok'),
        ),
      onError: () => new Response(null, { status: 420 }),
    });
    await fetch();
    expect((await fetch()).status).toBe(420);
  });

  it.each([
    ['frozen', (ctx: object) => Object.freeze(ctx)],
    ['sealed', (ctx: object) => Object.seal(ctx)],
    [
      'with a waitUntil that cannot be set',
      (ctx: object) => Object.defineProperty(ctx, 'waitUntil', { writable: false }),
    ],
    ['behind a proxy that refuses changes', (ctx: object) => new Proxy(ctx, { set: () => false })],
    ['behind a proxy', (ctx: object) => new Proxy(ctx, {})],
  ])('serves with a context that is %s', async (_kind, change) => {
    const { app, disposed } = setupApp();
    const { ctx, settle } = setupContext();
    const worker = defineWorker(app, {
      fetch(_request, scope) {
        scope.resolve(RESOURCE);
        return new Response(null);
      },
    });
    await worker.fetch!(request, {}, change(ctx) as typeof ctx);
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
