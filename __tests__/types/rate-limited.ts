// Compiled in both decorator dialects (see tsconfig.standard.json), never run.
import { Cached } from '../../src/decorators/cached.js';
import { RateLimited } from '../../src/decorators/rate-limited.js';
import type { Limiter } from '../../src/clients/rate-limit/enforce-limit.js';
import type { RateLimiterClient } from '../../src/clients/rate-limit/rate-limiter-client.js';

declare const client: RateLimiterClient;
declare const port: Limiter;
const Global = RateLimited({ limit: 1, window: 1, keyPrefix: 'rl:', key: () => 'all' });

export class Accepted {
  readonly tenant = 'acme';
  readonly #limiter = port;

  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: (id) => id.toUpperCase() })
  async plain(id: string): Promise<number> {
    return id.length;
  }

  @Global
  async stored(id: string): Promise<string> {
    return id;
  }

  @RateLimited({
    limit: 5,
    window: 60,
    algorithm: 'gcra',
    burst: 2,
    keyPrefix: 'rl:a:',
    key(id, rows) {
      return this.tenant + id + rows.toFixed();
    },
    cost: (_id, rows) => rows,
    requestId: (id) => id,
    when: (id) => id !== '',
    limiter: (self) => self.#limiter,
  })
  async inferred(id: string, rows: number): Promise<string> {
    return id + rows.toString();
  }

  @RateLimited({ rules: [{ limit: 1, window: 1 }], keyPrefix: 'rl:a:', key: () => 'a', limiter: () => client })
  async rules(): Promise<void> {}

  @Cached(60)
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: (id) => id })
  async belowCached(id: string): Promise<string> {
    return id;
  }

  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: (id) => id })
  @Cached(60)
  async aboveCached(id: string): Promise<string> {
    return id;
  }
}

export class Refused {
  // @ts-expect-error the key takes what the method takes
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: (id: number) => id.toFixed() })
  async otherArgument(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error a key is text
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: (id) => id })
  async noText(id: number): Promise<number> {
    return id;
  }

  // @ts-expect-error a rule has a window
  @RateLimited({ limit: 5, keyPrefix: 'rl:a:', key: () => 'a' })
  async noWindow(): Promise<void> {}

  // @ts-expect-error there is no such option
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: () => 'a', ttl: 5 })
  async noOption(): Promise<void> {}

  // @ts-expect-error it says who attempts
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:' })
  async noKey(): Promise<void> {}

  // @ts-expect-error the method answers with a promise
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: () => 'a' })
  sync(): number {
    return 1;
  }

  // @ts-expect-error no static method
  @RateLimited({ limit: 5, window: 60, keyPrefix: 'rl:a:', key: () => 'a' })
  static async fixed(): Promise<number> {
    return 1;
  }
}
