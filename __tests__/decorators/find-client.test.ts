import { singleton } from 'tsyringe';
import type { LockClient } from '../../src/clients/durable/lock-client.js';
import type { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';
import { Injectable } from '../../src/decorators/injectable.js';
import { Locked } from '../../src/decorators/locked.js';
import { RateLimited } from '../../src/decorators/rate-limited.js';
import { createContainer } from '../../src/providers/container.js';
import { provide, provideValue } from '../../src/providers/provider.js';
import { LOCK_CLIENT, RATE_LIMITER_CLIENT } from '../../src/tokens/index.js';
import { FakeLimiter } from '../support/fake-limiter.js';
import { FakeLocks } from '../support/fake-locks.js';

interface Service {
  work(): Promise<number>;
}
type Client = FakeLimiter | FakeLocks;

const RULE = { limit: 5, window: 60, keyPrefix: 'rl:work:', key: () => 'a' };
const LOCK = { name: () => 'work', ttlMs: 1_000 };

class BareLimited implements Service {
  @RateLimited(RULE)
  async work(): Promise<number> {
    return 1;
  }
}
class BareLocked implements Service {
  @Locked(LOCK)
  async work(): Promise<number> {
    return 1;
  }
}
class OwnLimited implements Service {
  constructor(readonly limiter: unknown) {}
  @RateLimited(RULE)
  async work(): Promise<number> {
    return 1;
  }
}
class OwnLocked implements Service {
  constructor(readonly locks: unknown) {}
  @Locked(LOCK)
  async work(): Promise<number> {
    return 1;
  }
}
class NamedLimited implements Service {
  readonly limiter = new FakeLimiter();
  readonly #other: unknown;
  constructor(other: unknown) {
    this.#other = other;
  }
  @RateLimited({ ...RULE, limiter: (self) => self.#other as FakeLimiter })
  async work(): Promise<number> {
    return 1;
  }
}
class NamedLocked implements Service {
  readonly locks = new FakeLocks();
  readonly #other: unknown;
  constructor(other: unknown) {
    this.#other = other;
  }
  @Locked({ ...LOCK, locks: (self) => self.#other as FakeLocks })
  async work(): Promise<number> {
    return 1;
  }
}

const KINDS = [
  {
    name: '@RateLimited',
    code: 'LIMITER_NOT_FOUND',
    Bare: BareLimited,
    Own: OwnLimited,
    Named: NamedLimited,
    make: (): Client => new FakeLimiter(),
    providing: (make: () => Client) =>
      provide(RATE_LIMITER_CLIENT, () => make() as FakeLimiter as unknown as RateLimiterClient),
    remedy: /^@RateLimited method work found no rate limiter: .*this\.limiter.*limiter: \(self\).*provideRateLimiter/,
    missing: 'Add provideRateLimiter()',
  },
  {
    name: '@Locked',
    code: 'LOCKS_NOT_FOUND',
    Bare: BareLocked,
    Own: OwnLocked,
    Named: NamedLocked,
    make: (): Client => new FakeLocks(),
    providing: (make: () => Client) => provide(LOCK_CLIENT, () => make() as FakeLocks as unknown as LockClient),
    remedy: /^@Locked method work found no locks: .*this\.locks.*locks: \(self\).*provideLocks/,
    missing: 'LOCK_CLIENT',
  },
] as const;

describe.each(KINDS)('the client of $name', ({ code, Bare, Own, Named, make, providing, remedy, missing }) => {
  function appWithFakes(): { app: ReturnType<typeof createContainer>; clients: Client[] } {
    const clients: Client[] = [];
    const app = createContainer(
      providing(() => {
        const client = make();
        clients.push(client);
        return client;
      }),
    );
    return { app, clients };
  }

  it('is what the option says, also a private member', async () => {
    const other = make();
    await new Named(other).work();
    expect(other.calls).toHaveLength(1);
  });

  it('is what the instance has', async () => {
    const own = make();
    await new Own(own).work();
    expect(own.calls).toHaveLength(1);
  });

  it('is that of the request scope which built the instance', async () => {
    const { app, clients } = appWithFakes();
    const [one, other] = [app.scope({ env: {} }), app.scope({ env: {} })];
    await one.resolve<Service>(Bare).work();
    await other.resolve<Service>(Bare).work();
    await one.resolve<Service>(Bare).work();
    expect(clients.map(({ calls }) => calls.length)).toEqual([2, 1]);
  });

  it('is never that of another request: an instance that two scopes share has none', async () => {
    const shared: Service = new Bare();
    const { app, clients } = appWithFakes();
    const both = app.with(provideValue(Bare as new () => Service, shared));
    both.scope({ env: {} }).resolve<Service>(Bare);
    both.scope({ env: {} }).resolve<Service>(Bare);
    await expect(shared.work()).rejects.toMatchObject({
      code,
      message: expect.stringContaining('several request scopes share this instance') as string,
    });
    expect(clients).toHaveLength(0);
  });

  it('is none for an instance that a singleton holds', async () => {
    @singleton()
    @Injectable(Bare as new () => Service)
    class Holder {
      constructor(readonly service: Service) {}
    }
    const { app } = appWithFakes();
    await expect(app.scope({ env: {} }).resolve(Holder).service.work()).rejects.toMatchObject({ code });
  });

  it('is asked for in a sentence that names the method and the remedies', async () => {
    await expect(new Bare().work()).rejects.toMatchObject({ code, message: expect.stringMatching(remedy) as string });
  });

  it('is missing where the scope provides none, and the message says so', async () => {
    const service = createContainer().scope({ env: {} }).resolve<Service>(Bare);
    await expect(service.work()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(missing) as string,
    });
  });

  it('is not a member of that name that is something else', async () => {
    await expect(new Own(new Map()).work()).rejects.toMatchObject({ code });
    await expect(new Own(undefined).work()).rejects.toMatchObject({ code });
  });

  it.each([null, {}, 'client'])('is not what an option answers that is none: %p', async (answer) => {
    await expect(new Named(answer).work()).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/option answered with something that has no (checkLimit|run)/) as string,
    });
  });

  it('is looked for on the instance by an option that answers nothing', async () => {
    const named = new Named(undefined);
    await named.work();
    expect(('limiter' in named ? named.limiter : named.locks).calls).toHaveLength(1);
  });

  it('cannot be found without the instance, which is a rejection', async () => {
    const { work } = new Own(make());
    await expect(work()).rejects.toMatchObject({ code });
  });
});
