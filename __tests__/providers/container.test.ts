import { container as globalContainer, delay, inject, injectable, Lifecycle, scoped, singleton } from 'tsyringe';
import { Injectable } from '../../src/decorators/injectable.js';
import { isCloudflareClientError } from '../../src/errors.js';
import { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import { provideCache } from '../../src/providers/cache.js';
import { createContainer } from '../../src/providers/container.js';
import { KV_NAMESPACE } from '../../src/providers/kv-binding.js';
import { provide, provideBinding, provideValue } from '../../src/providers/provider.js';
import { CACHE_CLIENT, ENV, EXECUTION_CONTEXT, REQUEST } from '../../src/tokens/index.js';
import { token } from '../../src/tokens/token.js';
import type { KVNamespaceLike } from '../../src/clients/kv/kv-namespace.js';

interface Clock {
  now(): number;
}
interface Repository {
  readonly kv: KVNamespaceLike;
}
const CLOCK = token<Clock>('CLOCK');
const STORE_KV = token<KVNamespaceLike>('STORE_KV');
const REPOSITORY = token<Repository>('REPOSITORY');

@Injectable(REPOSITORY, CLOCK)
class Service {
  constructor(
    readonly repository: Repository,
    readonly clock: Clock,
  ) {}
}

@Injectable(Service)
class Controller {
  constructor(readonly service: Service) {}
}

const kv = () => ({ getWithMetadata: () => {} }) as unknown as KVNamespaceLike;

const app = createContainer(
  provideBinding(STORE_KV, 'STORE_KV', KV_NAMESPACE),
  provide(REPOSITORY, (container) => ({ kv: container.resolve(STORE_KV) })),
  provide(CLOCK, () => ({ now: () => 0 })),
);

function errorOf(run: () => unknown): { code: string; message: string; cause?: unknown } {
  try {
    run();
  } catch (error) {
    if (isCloudflareClientError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('createContainer', () => {
  describe('scope', () => {
    it('resolves a class with what its tokens stand for', () => {
      const env = { STORE_KV: kv() };
      const controller = app.scope({ env }).resolve(Controller);
      expect(controller).toBeInstanceOf(Controller);
      expect(controller.service.repository.kv).toBe(env.STORE_KV);
    });

    it('gives one instance per token and per class within a scope', () => {
      const scope = app.scope({ env: { STORE_KV: kv() } });
      expect(scope.resolve(CLOCK)).toBe(scope.resolve(CLOCK));
      expect(scope.resolve(Controller).service).toBe(scope.resolve(Service));
      expect(scope.resolve(Service).clock).toBe(scope.resolve(CLOCK));
    });

    it('never shares an instance between two scopes that are open at the same time', () => {
      const scopes = Array.from({ length: 50 }, () => app.scope({ env: { STORE_KV: kv() } }));
      const services = scopes.map((scope) => scope.resolve(Controller).service);
      expect(new Set(services).size).toBe(50);
      expect(new Set(services.map((service) => service.repository.kv)).size).toBe(50);
      expect(new Set(services.map((service) => service.clock)).size).toBe(50);
    });

    it('hands over the env, the execution context and the request', () => {
      const env = {};
      const ctx = { waitUntil: () => {} };
      const request = new Request('https://example.com/');
      const scope = app.scope({ env, ctx, request });
      expect(scope.resolve(ENV)).toBe(env);
      expect(scope.resolve(EXECUTION_CONTEXT)).toBe(ctx);
      expect(scope.resolve(REQUEST)).toBe(request);
    });

    it('builds nothing before it is resolved', () => {
      const make = jest.fn(() => ({ now: () => 0 }));
      const scope = createContainer(provide(CLOCK, make)).scope({ env: {} });
      expect(make).not.toHaveBeenCalled();
      scope.resolve(CLOCK);
      scope.resolve(CLOCK);
      expect(make).toHaveBeenCalledTimes(1);
    });

    it('makes a value of any kind once, functions and primitives too', () => {
      const ID = token<string>('ID');
      const NOW = token<() => number>('NOW');
      let made = 0;
      const scope = createContainer(
        provide(ID, () => `id-${(made += 1)}`),
        provide(NOW, () => () => 0),
      ).scope({ env: {} });
      expect([scope.resolve(ID), scope.resolve(ID)]).toEqual(['id-1', 'id-1']);
      expect(scope.resolve(NOW)).toBe(scope.resolve(NOW));
    });

    it('keeps classes that tsyringe calls container-scoped apart, also those declared after the first scope', () => {
      app.scope({ env: {} }).resolve(CLOCK);
      @scoped(Lifecycle.ContainerScoped)
      @Injectable(ENV, CLOCK)
      class Late {
        constructor(
          readonly env: object,
          readonly clock: Clock,
        ) {}
      }
      const [first, second] = [app.scope({ env: { first: 1 } }), app.scope({ env: { second: 2 } })];
      expect(first.resolve(Late)).toBe(first.resolve(Late));
      expect(first.resolve(Late).clock).toBe(first.resolve(CLOCK));
      expect(second.resolve(Late).env).toEqual({ second: 2 });
    });

    it('resolves delayed classes, which tsyringe allows to form a cycle', () => {
      @injectable()
      class Parent {
        constructor(@inject(delay(() => Child)) readonly child: unknown) {}
      }
      @injectable()
      class Child {
        readonly name = 'child';
        constructor(@inject(Parent) readonly parent: Parent) {}
      }
      const scope = app.scope({ env: {} });
      const child = scope.resolve(Child);
      expect((child.parent.child as Child).name).toBe('child');
    });

    it('resolves services that are decorated with tsyringe alone', () => {
      @injectable()
      class Plain {
        constructor(@inject(REPOSITORY) readonly repository: Repository) {}
      }
      const scope = app.scope({ env: { STORE_KV: kv() } });
      expect(scope.resolve(Plain).repository).toBe(scope.resolve(REPOSITORY));
      expect(scope.resolve(Plain)).toBe(scope.resolve(Plain));
    });

    it('lets a registration on the scope stand in for a provider', () => {
      const scope = app.scope({ env: {} });
      const memory = kv();
      scope.register(STORE_KV, { useValue: memory });
      expect(scope.resolve(Controller).service.repository.kv).toBe(memory);
    });

    it('leaves the global container empty', () => {
      app.scope({ env: { STORE_KV: kv() } }).resolve(Controller);
      expect(globalContainer.isRegistered(CLOCK)).toBe(false);
      expect(globalContainer.isRegistered(Controller)).toBe(false);
    });

    it('refuses an env that is no object', () => {
      for (const env of [undefined, null, 'env']) {
        expect(errorOf(() => app.scope({ env: env as unknown as object }))).toMatchObject({ code: 'INVALID_OPTION' });
      }
      expect(errorOf(() => app.scope(null as never)).code).toBe('INVALID_OPTION');
    });

    it('takes a null execution context for none', () => {
      const scope = app.scope({ env: {}, ctx: null as never });
      expect(errorOf(() => scope.resolve(EXECUTION_CONTEXT)).code).toBe('MISSING_SCOPE_VALUE');
    });
  });

  describe('with', () => {
    it('replaces a provider in the copy and leaves the original', () => {
      const clock = { now: () => 42 };
      const copy = app.with(provideValue(CLOCK, clock));
      const env = { STORE_KV: kv() };
      expect(copy.scope({ env }).resolve(Service).clock).toBe(clock);
      expect(app.scope({ env }).resolve(Service).clock.now()).toBe(0);
    });

    it('takes lists of providers, and the last one of a token wins', () => {
      const copy = app.with([provideValue(CLOCK, { now: () => 1 })], provideValue(CLOCK, { now: () => 2 }));
      expect(copy.scope({ env: {} }).resolve(CLOCK).now()).toBe(2);
    });

    it('replaces a class by a mock', () => {
      const mock = { repository: { kv: kv() }, clock: { now: () => 7 } };
      const scope = app.with(provideValue(Service, mock)).scope({ env: {} });
      expect(scope.resolve(Controller).service).toBe(mock);
    });
  });

  describe('aliases', () => {
    it('replace a client under both of its names when its class is overridden', () => {
      const fake = { getOrSet: () => Promise.resolve('fake') };
      const scope = createContainer(provideCache())
        .with(provideValue(CacheClient, fake as unknown as CacheClient))
        .scope({ env: {} });
      expect(scope.resolve(CacheClient)).toBe(fake);
      expect(scope.resolve(CACHE_CLIENT)).toBe(fake);
    });
  });

  describe('errors', () => {
    it('names the path to a missing binding, and what to add to wrangler.jsonc', () => {
      const error = errorOf(() => app.scope({ env: {} }).resolve(Controller));
      expect(error.code).toBe('MISSING_BINDING');
      expect(error.message).toContain('Controller -> Service -> REPOSITORY -> STORE_KV');
      expect(error.message).toContain('env.STORE_KV is not bound. Add "kv_namespaces": [{ "binding": "STORE_KV"');
    });

    it('refuses a binding of another kind', () => {
      for (const wrong of ['an-id', {}, { get() {}, put() {}, list() {}, head() {} }, 5, true]) {
        const error = errorOf(() => app.scope({ env: { STORE_KV: wrong } }).resolve(REPOSITORY));
        expect(error.code).toBe('INVALID_BINDING');
        expect(error.message).toContain('REPOSITORY -> STORE_KV');
      }
    });

    it('keeps the cause when reading the env throws', () => {
      const cause = new Error('the bindings are away');
      const error = errorOf(() => app.scope({ env: envThatThrows(cause) }).resolve(REPOSITORY));
      expect(error).toMatchObject({ code: 'RESOLUTION_FAILED', cause });
      expect(error.message).toContain('REPOSITORY -> STORE_KV: the bindings are away');
    });

    it('says that pages are prerendered without bindings, when SvelteKit prerenders', () => {
      const cause = new Error('Cannot access platform.env.STORE_KV in a prerenderable route');
      const error = errorOf(() => app.scope({ env: envThatThrows(cause) }).resolve(REPOSITORY));
      expect(error).toMatchObject({ code: 'MISSING_BINDING', cause });
      expect(error.message).toContain('REPOSITORY -> STORE_KV: Cannot access platform.env');
      expect(error.message).toContain('Pages are prerendered at build time, without bindings');
    });

    it('hands out an env that throws on every access without looking into it', () => {
      const env = new Proxy({}, { get: (_, name) => { throw new Error(`no ${String(name)}`); } }); // prettier-ignore
      expect(app.scope({ env }).resolve(ENV)).toBe(env);
    });

    it('names the path of a cycle of tokens', () => {
      const A = token<object>('A');
      const B = token<object>('B');
      const scope = createContainer(
        provide(A, (container) => ({ b: container.resolve(B) })),
        provide(B, (container) => ({ a: container.resolve(A) })),
      ).scope({ env: {} });
      const error = errorOf(() => scope.resolve(A));
      expect(error.code).toBe('CIRCULAR_DEPENDENCY');
      expect(error.message).toContain('A -> B -> A');
      expect(error.message.length).toBeLessThan(300);
    });

    it('names the path of a cycle through classes, without the steps before it', () => {
      const LATER = token<object>('LATER');
      @Injectable(LATER)
      class First {
        constructor(readonly later: object) {}
      }
      @Injectable(First)
      class Outer {
        constructor(readonly first: First) {}
      }
      const scope = createContainer(provide(LATER, (container) => container.resolve(First))).scope({ env: {} });
      const error = errorOf(() => scope.resolve(Outer));
      expect(error.code).toBe('CIRCULAR_DEPENDENCY');
      expect(error.message).toContain('Circular dependency: First -> LATER -> First.');
    });

    it('names the path to a token that nothing provides', () => {
      const error = errorOf(() =>
        createContainer(provideValue(CLOCK, { now: () => 0 }))
          .scope({ env: {} })
          .resolve(Controller),
      );
      expect(error.code).toBe('UNKNOWN_TOKEN');
      expect(error.message).toContain('Controller -> Service -> REPOSITORY: nothing provides REPOSITORY');
      expect(error.message).toContain('provide(REPOSITORY');
    });

    it('says how to hand over an execution context', () => {
      const error = errorOf(() => app.scope({ env: {} }).resolve(EXECUTION_CONTEXT));
      expect(error.code).toBe('MISSING_SCOPE_VALUE');
      expect(error.message).toContain('scope({ env, ctx, request })');
    });

    it('says that a class with arguments needs @Injectable', () => {
      class Undecorated {
        constructor(readonly clock: Clock) {}
      }
      const error = errorOf(() => app.scope({ env: {} }).resolve(Undecorated));
      expect(error.code).toBe('UNKNOWN_TOKEN');
      expect(error.message).toContain('Undecorated takes constructor arguments that nobody named');
    });

    it('names the path and keeps the cause when a constructor throws', () => {
      const cause = new TypeError('no database');
      @Injectable()
      class Broken {
        constructor() {
          throw cause;
        }
      }
      @Injectable(Broken)
      class Holder {
        constructor(readonly broken: Broken) {}
      }
      const error = errorOf(() => app.scope({ env: {} }).resolve(Holder));
      expect(error).toMatchObject({ code: 'RESOLUTION_FAILED', cause });
      expect(error.message).toBe('Cannot resolve Holder -> Broken: no database');
    });

    it('reports each failure for itself after one was caught', () => {
      const OPTIONAL = token<object>('OPTIONAL');
      const scope = createContainer(
        provide(OPTIONAL, (container) => {
          try {
            return container.resolve(CLOCK);
          } catch {
            return container.resolve(STORE_KV);
          }
        }),
      ).scope({ env: {} });
      expect(errorOf(() => scope.resolve(OPTIONAL)).message).toContain(
        'OPTIONAL -> STORE_KV: nothing provides STORE_KV',
      );
      expect(errorOf(() => scope.resolve(OPTIONAL)).message).toContain(
        'OPTIONAL -> STORE_KV: nothing provides STORE_KV',
      );
    });

    it('resolves again after a failure', () => {
      const scope = app.scope({ env: {} });
      errorOf(() => scope.resolve(REPOSITORY));
      scope.register(STORE_KV, { useValue: kv() });
      expect(scope.resolve(REPOSITORY).kv).toBeDefined();
    });
  });

  describe('dispose', () => {
    it('disposes what the scope made, the latest first, and only once', async () => {
      const order: string[] = [];
      const POOL = token<object>('POOL');
      const QUEUE = token<object>('QUEUE');
      @Injectable(POOL, QUEUE)
      class Worker {
        constructor(
          readonly pool: object,
          readonly queue: object,
        ) {}
        dispose(): void {
          order.push('worker');
        }
      }
      const scope = createContainer(
        provide(POOL, () => ({ [Symbol.asyncDispose]: async () => void order.push('pool') })),
        provide(QUEUE, () => ({ [Symbol.dispose]: () => void order.push('queue') })),
      ).scope({ env: {} });
      scope.resolve(Worker);
      await scope.dispose();
      await scope[Symbol.asyncDispose]();
      expect(order).toEqual(['worker', 'queue', 'pool']);
    });

    it('leaves bindings and given values alone', async () => {
      const dispose = jest.fn();
      const scope = app.with(provideValue(CLOCK, { now: () => 0, dispose } as Clock)).scope({
        env: { STORE_KV: { getWithMetadata() {}, dispose, [Symbol.dispose]: dispose } },
      });
      scope.resolve(Controller);
      await scope.dispose();
      expect(dispose).not.toHaveBeenCalled();
    });

    it('disposes once what has two names, and not what was given and has a second name', async () => {
      const own = jest.fn();
      const given = jest.fn();
      const [OWN, OWN_TOO, GIVEN, GIVEN_TOO] = ['OWN', 'OWN_TOO', 'GIVEN', 'GIVEN_TOO'].map((name) => token<object>(name)) as [ReturnType<typeof token<object>>, ReturnType<typeof token<object>>, ReturnType<typeof token<object>>, ReturnType<typeof token<object>>]; // prettier-ignore
      const scope = createContainer(
        provide(OWN, () => ({ dispose: own })),
        provide(OWN_TOO, (container) => container.resolve(OWN)),
        provideValue(GIVEN, { dispose: given }),
        provide(GIVEN_TOO, (container) => container.resolve(GIVEN)),
      ).scope({ env: {} });
      for (const key of [OWN, OWN_TOO, GIVEN, GIVEN_TOO]) scope.resolve(key);
      await scope.dispose();
      expect(own).toHaveBeenCalledTimes(1);
      expect(given).not.toHaveBeenCalled();
    });

    it('leaves alone what a singleton took in, which outlives the scope', async () => {
      const dispose = jest.fn();
      const TAKEN = token<object>('TAKEN');
      @singleton()
      @Injectable(TAKEN)
      class Keeper {
        constructor(readonly taken: object) {}
      }
      const scope = createContainer(provide(TAKEN, () => ({ dispose }))).scope({ env: {} });
      scope.resolve(Keeper);
      await scope.dispose();
      expect(dispose).not.toHaveBeenCalled();
    });

    it('lets a second call wait for the same end', async () => {
      let isDisposed = false;
      const SLOW = token<object>('SLOW');
      const dispose = async (): Promise<void> => {
        await Promise.resolve();
        isDisposed = true;
      };
      const scope = createContainer(provide(SLOW, () => ({ dispose }))).scope({ env: {} });
      scope.resolve(SLOW);
      void scope.dispose();
      await scope.dispose();
      expect(isDisposed).toBe(true);
    });

    it('does not call dispose on a stub, of which every name is a remote method', async () => {
      const remote = jest.fn();
      const STUB = token<object>('STUB');
      const scope = createContainer(provide(STUB, () => new Proxy({}, { get: () => remote }))).scope({ env: {} });
      scope.resolve(STUB);
      await scope.dispose();
      expect(remote).not.toHaveBeenCalled();
    });

    it('disposes the rest when one of them fails, and then says so', async () => {
      const last = jest.fn();
      const A = token<object>('A');
      const B = token<object>('B');
      const scope = createContainer(
        provide(A, () => ({ dispose: last })),
        provide(B, () => ({
          dispose: () => {
            throw new Error('busy');
          },
        })),
      ).scope({ env: {} });
      scope.resolve(A);
      scope.resolve(B);
      await expect(scope.dispose()).rejects.toMatchObject({
        code: 'DISPOSE_FAILED',
        cause: { errors: [new Error('busy')] },
      });
      expect(last).toHaveBeenCalledTimes(1);
    });

    it('refuses to resolve afterwards', async () => {
      const scope = app.scope({ env: {} });
      await scope.dispose();
      expect(errorOf(() => scope.resolve(CLOCK)).code).toBe('SCOPE_DISPOSED');
    });

    it('does not touch other scopes', async () => {
      const first = app.scope({ env: {} });
      const second = app.scope({ env: {} });
      first.resolve(CLOCK);
      await first.dispose();
      expect(second.resolve(CLOCK).now()).toBe(0);
    });
  });

  describe('as a tsyringe container', () => {
    it('lets a later registration on the scope replace what was resolved before', () => {
      const scope = app.scope({ env: {} });
      expect(scope.resolve(CLOCK).now()).toBe(0);
      scope.register(CLOCK, { useValue: { now: () => 9 } });
      expect(scope.resolve(CLOCK).now()).toBe(9);
    });

    it('answers resolveAll with the instance that resolve answers with', () => {
      const scope = app.scope({ env: {} });
      expect(scope.resolveAll(CLOCK)).toEqual([scope.resolve(CLOCK)]);
      expect(scope.resolveAll(CLOCK)[0]).toBe(scope.resolve(CLOCK));
    });

    it('knows what its providers provide', () => {
      const scope = app.scope({ env: {} });
      expect(scope.isRegistered(CLOCK, true)).toBe(true);
      expect(scope.isRegistered(EXECUTION_CONTEXT, true)).toBe(false);
    });

    it('calls interceptors', () => {
      const scope = app.scope({ env: {} });
      const seen = jest.fn();
      scope.afterResolution(CLOCK, seen);
      const clock = scope.resolve(CLOCK);
      expect(seen).toHaveBeenCalledWith(CLOCK, clock, 'Single');
    });

    it('has children with paths in their errors', () => {
      const error = errorOf(() => app.scope({ env: {} }).createChildContainer().resolve(Controller));
      expect(error.message).toContain('Controller -> Service -> REPOSITORY -> STORE_KV');
    });

    it('has children, which see its env and what was registered on it', () => {
      const memory = kv();
      const parent = app.scope({ env: {} });
      parent.register(STORE_KV, { useValue: memory });
      expect(parent.createChildContainer().resolve(Controller).service.repository.kv).toBe(memory);
    });

    it('has children, which see its bindings', () => {
      const env = { STORE_KV: kv() };
      const child = app.scope({ env }).createChildContainer();
      expect(child.resolve(Controller).service.repository.kv).toBe(env.STORE_KV);
      expect(child.resolve(CLOCK)).toBe(child.resolve(CLOCK));
    });
  });

  it('finds a tsyringe singleton, which is the same in every scope', () => {
    @singleton()
    class Shared {}
    expect(app.scope({ env: {} }).resolve(Shared)).toBe(app.scope({ env: {} }).resolve(Shared));
  });
});

describe('provideBinding', () => {
  it('takes any binding where no kind is asked for, and names one that is missing', () => {
    const QUEUE = token<{ send(body: unknown): void }>('QUEUE');
    const queue = { send: () => {} };
    const queues = createContainer(provideBinding(QUEUE, 'JOBS'));
    expect(queues.scope({ env: { JOBS: queue } }).resolve(QUEUE)).toBe(queue);
    const error = errorOf(() => queues.scope({ env: {} }).resolve(QUEUE));
    expect(error.code).toBe('MISSING_BINDING');
    expect(error.message).toBe(
      'Cannot resolve QUEUE: env.JOBS is not bound. Add a binding named "JOBS" to wrangler.jsonc.',
    );
  });

  it('refuses a name that is no name', () => {
    for (const name of ['', undefined, 5]) {
      expect(errorOf(() => provideBinding(STORE_KV, name as string, KV_NAMESPACE)).code).toBe('INVALID_OPTION');
    }
  });
});

describe('Injectable', () => {
  it('works as a plain call', () => {
    class ByHand {
      constructor(readonly clock: Clock) {}
    }
    Injectable(CLOCK)(ByHand);
    expect(app.scope({ env: {} }).resolve(ByHand).clock.now()).toBe(0);
  });

  it('refuses an undefined dependency when the class is defined', () => {
    class Cyclic {
      constructor(readonly other: object) {}
    }
    const missing = undefined as unknown as typeof Service;
    expect(errorOf(() => Injectable(missing)(Cyclic as never))).toMatchObject({
      code: 'INVALID_DECORATION',
      message: expect.stringContaining('Cyclic: dependency 0 is undefined') as string,
    });
  });

  it('refuses to sit on something that is no class', () => {
    expect(errorOf(() => Injectable()((() => {}) as never)).code).toBe('INVALID_DECORATION');
  });
});

/** As adapter-cloudflare's stand-in for env does while a page is prerendered. */
function envThatThrows(cause: Error): object {
  return Object.defineProperty({}, 'STORE_KV', {
    get() {
      throw cause;
    },
  });
}
