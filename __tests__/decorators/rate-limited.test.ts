import { RateLimitExceeded } from '../../src/clients/rate-limit/enforce-limit.js';
import { Cached } from '../../src/decorators/cached.js';
import { cached } from '../../src/decorators/cached-methods.js';
import { RateLimited } from '../../src/decorators/rate-limited.js';
import { CloudflareClientError, isCloudflareClientError } from '../../src/errors.js';
import { FakeCache } from '../support/fake-cache.js';
import { FakeLimiter } from '../support/fake-limiter.js';

class Search {
  runs = 0;
  readonly tenant = 'acme';
  constructor(readonly limiter = new FakeLimiter()) {}

  @RateLimited({
    limit: 5,
    window: 60,
    keyPrefix: 'rl:search:',
    key(user) {
      return `${this.tenant}/${user}`;
    },
  })
  async find(user: string, text = 'all'): Promise<string> {
    this.runs += 1;
    return `${user} ${text}`;
  }

  @RateLimited({
    limit: 10,
    window: 60,
    algorithm: 'gcra',
    burst: 2,
    keyPrefix: 'rl:export:',
    key: (user) => user,
    cost: (_user, rows) => rows,
    requestId: (user, rows) => `${user}-${rows}`,
    when: (user) => user !== 'admin',
    countRejected: true,
  })
  async export(user: string, rows: number): Promise<number> {
    this.runs += 1;
    if (rows === 2) throw new RangeError('no such rows');
    return rows;
  }

  @RateLimited({
    rules: [
      { limit: 3, window: 1 },
      { limit: 100, window: 60, name: 'minute' },
    ],
    keyPrefix: 'rl:both:',
    key: (user) => user,
    cost: 2,
  })
  async both(user: string): Promise<string> {
    this.runs += 1;
    return user;
  }
}

describe('RateLimited', () => {
  it('lets through as many of 50 calls at once as the limit allows, and runs the method for these alone', async () => {
    const search = new Search();
    const calls = await Promise.allSettled(Array.from({ length: 50 }, () => search.find('ann')));
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(search.runs).toBe(5);
  });

  it('limits each identifier by itself', async () => {
    const search = new Search();
    for (let call = 0; call < 5; call += 1) await search.find('ann');
    await expect(search.find('ann')).rejects.toBeInstanceOf(RateLimitExceeded);
    expect(await search.find('bob', 'news')).toBe('bob news');
  });

  it('rejects with what was decided, in a sentence without the identifier', async () => {
    const search = new Search();
    for (let call = 0; call < 5; call += 1) await search.find('ann');
    const error: unknown = await search.find('ann').catch((refused: unknown) => refused);
    expect(error).toBeInstanceOf(CloudflareClientError);
    expect(isCloudflareClientError(error, 'RATE_LIMITED')).toBe(true);
    const { result, message } = error as RateLimitExceeded;
    expect(result).toMatchObject({ allowed: false, limit: 5, retryAfterMs: 2_500 });
    expect(message).toBe('The limit of 5 per 60 s under "rl:search:" is used up. Try again in 3 s.');
  });

  it('asks with the identifier, the prefix and the rule, and this in key is the instance', async () => {
    const search = new Search();
    await search.find('ann');
    expect(search.limiter.calls).toEqual([
      { identifier: 'acme/ann', config: { limit: 5, window: 60, keyPrefix: 'rl:search:' } },
    ]);
  });

  it('takes cost and requestId from the arguments', async () => {
    const search = new Search();
    await search.export('ann', 1);
    expect(search.limiter.calls).toEqual([
      {
        identifier: 'ann',
        config: {
          limit: 10,
          window: 60,
          algorithm: 'gcra',
          burst: 2,
          keyPrefix: 'rl:export:',
          cost: 1,
          requestId: 'ann-1',
          countRejected: true,
        },
      },
    ]);
  });

  it('asks for all rules at once', async () => {
    const search = new Search();
    expect(await search.both('ann')).toBe('ann');
    await expect(search.both('ann')).rejects.toMatchObject({ code: 'RATE_LIMITED', result: { limit: 3 } });
    expect(search.limiter.calls[0]).toMatchObject({ config: { cost: 2, rules: [{ limit: 3 }, { name: 'minute' }] } });
    expect(search.runs).toBe(1);
  });

  it('leaves out calls that when says no to, also without a limiter', async () => {
    const search = new Search(undefined);
    expect(await search.export('admin', 9)).toBe(9);
    expect(search.limiter.calls).toEqual([]);
    class Bare {
      @RateLimited({ limit: 1, window: 1, keyPrefix: 'rl:', key: () => 'a', when: () => false })
      async work(): Promise<number> {
        return 1;
      }
    }
    expect(await new Bare().work()).toBe(1);
  });

  it('passes on what the method throws, and what the functions and the limiter throw before it runs', async () => {
    const search = new Search();
    await expect(search.export('ann', 2)).rejects.toEqual(new RangeError('no such rows'));
    class Broken {
      runs = 0;
      limiter = new FakeLimiter();
      @RateLimited({
        limit: 1,
        window: 1,
        keyPrefix: 'rl:',
        key: () => {
          throw new TypeError('no user');
        },
      })
      async work(): Promise<void> {
        this.runs += 1;
      }
      @RateLimited({ limit: 1, window: 1, keyPrefix: 'rl:', key: () => 'a', when: () => 'yes' as never })
      async odd(): Promise<void> {
        this.runs += 1;
      }
      @RateLimited({
        limit: 1,
        window: 1,
        keyPrefix: 'rl:',
        key: () => 'a',
        limiter: () => ({
          checkLimit: () => Promise.reject(new Error('down')),
          checkLimits: () => Promise.reject(new Error('down')),
        }),
      })
      async down(): Promise<void> {
        this.runs += 1;
      }
    }
    const broken = new Broken();
    await expect(broken.work()).rejects.toEqual(new TypeError('no user'));
    await expect(broken.odd()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(broken.down()).rejects.toEqual(new Error('down'));
    expect(broken.runs).toBe(0);
  });

  it('keeps the name and the arity of the method', () => {
    expect(Search.prototype.find.name).toBe('find');
    expect(Search.prototype.export).toHaveLength(2);
  });

  it('limits an override and what it calls through super each by its own rule', async () => {
    class Sub extends Search {
      @RateLimited({ limit: 1, window: 60, keyPrefix: 'rl:sub:', key: (user) => user })
      override async find(user: string): Promise<string> {
        return super.find(user);
      }
    }
    const sub = new Sub();
    await sub.find('ann');
    await expect(sub.find('ann')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(sub.limiter.calls.map(({ config }) => config.keyPrefix)).toEqual(['rl:sub:', 'rl:search:', 'rl:sub:']);
  });

  describe('with Cached', () => {
    const RULE = { limit: 1, window: 60, keyPrefix: 'rl:load:', key: () => 'all' };
    class Loads {
      runs = 0;
      readonly cache = new FakeCache();
      readonly limiter = new FakeLimiter();
      @Cached(60)
      @RateLimited(RULE)
      async below(id: string): Promise<string> {
        this.runs += 1;
        return id;
      }
      @RateLimited(RULE)
      @Cached(60)
      async above(id: string): Promise<string> {
        this.runs += 1;
        return id;
      }
    }

    it('below it limits loads: hits are free, and a refused load is not stored', async () => {
      const loads = new Loads();
      expect([await loads.below('a'), await loads.below('a')]).toEqual(['a', 'a']);
      await expect(loads.below('b')).rejects.toBeInstanceOf(RateLimitExceeded);
      expect(loads.limiter.calls).toHaveLength(2);
      expect([...loads.cache.values.keys()]).toEqual(['cache:Loads.below:["a"]']);
    });

    it('above it limits every call, but for refresh, which is of the cached method', async () => {
      const loads = new Loads();
      await loads.above('a');
      await expect(loads.above('a')).rejects.toBeInstanceOf(RateLimitExceeded);
      expect(await cached(loads).above.refresh('a')).toBe('a');
      expect(loads.limiter.calls).toHaveLength(2);
      expect(loads.runs).toBe(2);
    });
  });

  describe('refused when the class is defined', () => {
    it.each<[string, object]>([
      ['limit', { limit: 0 }],
      ['window', { window: 1.5 }],
      ['algorithm', { algorithm: 'leaky' }],
      ['burst', { burst: 5 }],
      ['cost', { cost: 6 }],
      ['keyPrefix', { keyPrefix: undefined }],
      ['key is missing', { key: undefined }],
      ['key', { key: 'user' }],
      ['requestId', { requestId: 'a' }],
      ['when', { when: true }],
      ['limiter', { limiter: new FakeLimiter() }],
      ['rules', { rules: [] }],
    ])('%s: %p', (option, change) => {
      const options = { limit: 5, window: 60, keyPrefix: 'rl:', key: () => 'a', ...change };
      const refused = expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(option) as string,
      }) as Error;
      expect(() => RateLimited(options as never)).toThrow(refused);
    });

    it('no options at all, and a prefix that leaves no room for an identifier', () => {
      const refused = (code: string) => expect.objectContaining({ code }) as Error;
      expect(() => RateLimited(undefined as never)).toThrow(refused('INVALID_OPTION'));
      const keyPrefix = 'x'.repeat(512);
      expect(() => RateLimited({ limit: 1, window: 1, keyPrefix, key: () => 'a' })).toThrow(refused('INVALID_KEY'));
    });

    it('what is no instance method', () => {
      const decorate = RateLimited({ limit: 1, window: 1, keyPrefix: 'rl:', key: () => 'a' }) as (
        ...args: unknown[]
      ) => unknown;
      const refused = expect.objectContaining({
        code: 'INVALID_DECORATION',
        message: expect.stringContaining('@RateLimited sits on') as string,
      }) as Error;
      expect(() => decorate(class {}, undefined)).toThrow(refused);
      expect(() => decorate({}, 'field', undefined)).toThrow(refused);
      expect(() => decorate(() => 1, { kind: 'method', name: 'a', static: true })).toThrow(refused);
    });
  });
});
