// Compiled in both decorator dialects (see tsconfig.standard.json), never run.
import { Cached } from '../../src/decorators/cached.js';
import { Locked } from '../../src/decorators/locked.js';
import type { Locks } from '../../src/decorators/locked.js';
import type { LockClient } from '../../src/clients/durable/lock-client.js';

declare const client: LockClient;
declare const port: Locks;
const OneAtATime = Locked({ name: () => 'all', ttlMs: 1_000 });

export class Accepted {
  readonly tenant = 'acme';
  readonly #locks = port;

  @Locked({ name: (id) => `publish:${id.toUpperCase()}`, ttlMs: 10_000 })
  async plain(id: string): Promise<number> {
    return id.length;
  }

  @OneAtATime
  async stored(id: string): Promise<string> {
    return id;
  }

  @Locked({
    name(id, page) {
      return this.tenant + id + page.toFixed();
    },
    ttlMs: 10_000,
    timeoutMs: 0,
    permits: 2,
    autoRenew: false,
    when: (id) => id !== '',
    locks: (self) => self.#locks,
  })
  async inferred(id: string, page: number): Promise<string> {
    return id + page.toString();
  }

  @Locked({ name: () => 'a', ttlMs: 1_000, locks: () => client })
  @Cached(60)
  async aboveCached(id: string): Promise<string> {
    return id;
  }

  @Cached(60)
  @Locked({ name: (id) => id, ttlMs: 1_000 })
  async belowCached(id: string): Promise<string> {
    return id;
  }
}

export class Refused {
  // @ts-expect-error the name takes what the method takes
  @Locked({ name: (id: number) => id.toFixed(), ttlMs: 1_000 })
  async otherArgument(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error a lock ends by itself
  @Locked({ name: () => 'a' })
  async endless(): Promise<void> {}

  // @ts-expect-error a call has no signal of its own to give
  @Locked({ name: () => 'a', ttlMs: 1_000, signal: undefined })
  async noSignal(): Promise<void> {}

  // @ts-expect-error the method answers with a promise
  @Locked({ name: () => 'a', ttlMs: 1_000 })
  sync(): number {
    return 1;
  }

  // @ts-expect-error no static method
  @Locked({ name: () => 'a', ttlMs: 1_000 })
  static async fixed(): Promise<number> {
    return 1;
  }
}
