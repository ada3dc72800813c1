import fc from 'fast-check';
import { cachePrefix } from '../../src/decorators/cache-key.js';
import { cached } from '../../src/decorators/cached-methods.js';
import { Cached } from '../../src/decorators/cached.js';
import { FakeCache } from '../support/fake-cache.js';

const schema = {
  '~standard': { version: 1 as const, vendor: 'test', validate: (value: unknown) => ({ value: value as string[] }) },
};

class Feed {
  loads = 0;
  tenant = 'acme';

  constructor(readonly cache = new FakeCache()) {}

  @Cached({ ttl: 60, name: 'feed', key: (_user, page) => String(page), scope: (user) => user ?? '' })
  async page(user: string | undefined, page: number): Promise<string> {
    this.loads += 1;
    return `${user}/${page}`;
  }

  @Cached({
    ttl: (value) => value.length,
    staleWhileRevalidate: 5,
    staleIfError: 10,
    cacheIf: (value) => value.length > 1,
    schema,
  })
  async bounded(...items: string[]): Promise<string[]> {
    this.loads += 1;
    return items;
  }

  @Cached({ ttl: 60, tags: ['feeds'] })
  async fixedTags(): Promise<number> {
    return 1;
  }

  @Cached({
    ttl: 60,
    staleIfError: 10,
    tags(id) {
      return [this.tenant, `feed:${id}`];
    },
  })
  async argumentTags(id: string): Promise<string> {
    return id;
  }

  @Cached({ ttl: 60, tags: ['feeds'], tagsOf: (value) => [`feed:${value}`] })
  async fixedAndResultTags(id: string): Promise<string> {
    return id;
  }

  @Cached({ ttl: 60, tags: (id) => [`asked:${id}`], tagsOf: (value) => [`got:${value}`] })
  async argumentAndResultTags(id: string): Promise<string> {
    return id.toUpperCase();
  }

  @Cached({ ttl: 60, tagsOf: (value) => [value] })
  async resultTags(id: string): Promise<string> {
    return id;
  }

  @Cached({
    ttl: 60,
    when(user) {
      return user !== '' && this.tenant !== 'none';
    },
  })
  async mine(user: string): Promise<string> {
    this.loads += 1;
    return user;
  }

  @Cached({ ttl: 60, key: (id) => id, forceFresh: (_id, fresh) => fresh === true })
  async item(id: string, fresh?: boolean): Promise<string> {
    this.loads += 1;
    return `${id}/${this.loads}/${fresh}`;
  }
}

/** A cache of one's own, as it was before there were options. */
class ThreeArguments {
  readonly counts: number[] = [];
  readonly options: unknown[] = [];
  async getOrSet<T>(...args: [key: string, ttl: unknown, loader: () => T | Promise<T>, options?: unknown]): Promise<T> {
    this.counts.push(args.length);
    this.options.push(args[3]);
    return args[2]();
  }
}

function optionsOf(cache: FakeCache): unknown[] {
  return cache.calls.map(({ options }) => options);
}

describe('options of Cached', () => {
  describe('for the cache', () => {
    it('are handed over as one frozen object, made once', async () => {
      const feed = new Feed();
      await feed.bounded('a', 'b');
      await feed.bounded('c', 'd');
      const [first, second] = optionsOf(feed.cache);
      expect(first).toEqual({
        staleWhileRevalidate: 5,
        staleIfError: 10,
        cacheIf: expect.any(Function) as unknown,
        schema,
      });
      expect(Object.isFrozen(first)).toBe(true);
      expect(second).toBe(first);
    });

    it('are no argument at all where there are none', async () => {
      class Plain {
        cache = new ThreeArguments();
        @Cached(60)
        async plain(): Promise<number> {
          return 1;
        }
        @Cached({ ttl: 60, name: 'named', key: () => 'a', scope: () => 's', when: () => true, forceFresh: () => false })
        async named(): Promise<number> {
          return 1;
        }
        @Cached({ ttl: 60, staleIfError: undefined } as never)
        async empty(): Promise<number> {
          return 1;
        }
        @Cached({ ttl: 60, staleIfError: 5 })
        async bounded(): Promise<number> {
          return 1;
        }
      }
      const plain = new Plain();
      await plain.plain();
      await plain.named();
      await plain.empty();
      await plain.bounded();
      expect(plain.cache.counts).toEqual([3, 3, 3, 4]);
    });

    it('let the result say the lifetime and whether it is stored', async () => {
      const feed = new Feed();
      expect(await feed.bounded('a')).toEqual(['a']);
      expect(await feed.bounded('a')).toEqual(['a']);
      expect(feed.loads).toBe(2);
      const ttl = feed.cache.calls[0]!.ttlSeconds as (value: string[]) => number;
      expect(ttl(['a', 'b'])).toBe(2);
    });
  });

  describe('tags', () => {
    it('come from a list, from the arguments, from the result, and united', async () => {
      const feed = new Feed();
      await feed.fixedTags();
      await feed.argumentTags('a');
      await feed.resultTags('r');
      await feed.fixedAndResultTags('b');
      await feed.argumentAndResultTags('c');
      expect([...feed.cache.tags.values()]).toEqual([
        ['feeds'],
        ['acme', 'feed:a'],
        ['r'],
        ['feeds', 'feed:b'],
        ['asked:c', 'got:C'],
      ]);
    });

    it('of the arguments are known before the read, and keep the other options', async () => {
      const feed = new Feed();
      await feed.argumentTags('a');
      await feed.argumentTags('b');
      expect(optionsOf(feed.cache)).toEqual([
        { staleIfError: 10, tags: ['acme', 'feed:a'] },
        { staleIfError: 10, tags: ['acme', 'feed:b'] },
      ]);
    });

    it('that are none reject the call before anything is read', async () => {
      class Wrong {
        cache = new FakeCache();
        @Cached({ ttl: 60, tags: (tags) => tags as string[] })
        async get(_tags: unknown): Promise<number> {
          return 1;
        }
      }
      const wrong = new Wrong();
      for (const tags of ['text', undefined, [''], [5], ['a\ud800'], Array.from({ length: 33 }, String)]) {
        await expect(wrong.get(tags)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      }
      expect(wrong.cache.calls).toEqual([]);
    });
  });

  describe('when', () => {
    it('leaves the cache out entirely: none is needed, and nothing is stored', async () => {
      const feed = new Feed();
      expect([await feed.mine(''), await feed.mine('')]).toEqual(['', '']);
      expect(feed.loads).toBe(2);
      expect(feed.cache.calls).toEqual([]);
      expect(await new Feed(undefined as never).mine('')).toBe('');
    });

    it('uses the cache where it says so, and sees the instance', async () => {
      const feed = new Feed();
      await feed.mine('u1');
      await feed.mine('u1');
      expect(feed.loads).toBe(1);
      feed.tenant = 'none';
      await feed.mine('u1');
      expect(feed.loads).toBe(2);
    });

    it('rejects, and does not run the method, on an answer that is no boolean', async () => {
      const runs: string[] = [];
      class Wrong {
        cache = new FakeCache();
        @Cached({ ttl: 60, when: (async () => false) as never })
        async promised(): Promise<number> {
          return runs.push('promised');
        }
        @Cached({ ttl: 60, forceFresh: (() => 'yes') as never })
        async text(): Promise<number> {
          return runs.push('text');
        }
      }
      await expect(new Wrong().promised()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: '@Cached method promised: when must return true or false, got a object.',
      });
      await expect(new Wrong().text()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(runs).toEqual([]);
    });
  });

  it('forceFresh loads although the value is there, and stores it', async () => {
    const feed = new Feed();
    await feed.item('a');
    expect(await feed.item('a', true)).toBe('a/2/true');
    expect(await feed.item('a')).toBe('a/2/true');
    expect(optionsOf(feed.cache)).toEqual([undefined, { forceFresh: true }, undefined]);
  });

  it('forceFresh may ask the instance where there is no key', async () => {
    class Nightly {
      loads = 0;
      isFresh = false;
      cache = new FakeCache();
      @Cached({
        ttl: 60,
        forceFresh() {
          return this.isFresh;
        },
      })
      async list(_category: string): Promise<number> {
        return (this.loads += 1);
      }
    }
    const nightly = new Nightly();
    await nightly.list('news');
    nightly.isFresh = true;
    expect(await nightly.list('news')).toBe(2);
  });

  describe('scope', () => {
    it('stands between feature and key', async () => {
      const feed = new Feed();
      await feed.page('u1', 2);
      expect(feed.cache.keys).toEqual(['cache:feed:@u1:2']);
    });

    it('gives each of 50 users at once what is theirs', async () => {
      const feed = new Feed();
      const users = Array.from({ length: 50 }, (_, index) => `u${index}`);
      const first = await Promise.all(users.map((user) => feed.page(user, 1)));
      const second = await Promise.all(users.map((user) => feed.page(user, 1)));
      expect(first).toEqual(users.map((user) => `${user}/1`));
      expect(second).toEqual(first);
      expect(feed.loads).toBe(50);
    });

    it('never lets two pairs of scope and key share an entry', async () => {
      class Pairs {
        cache = new FakeCache();
        @Cached({ ttl: 60, name: 'pairs', scope: (scope) => scope, key: (_scope, key) => key })
        async get(_scope: string, key: string): Promise<string> {
          return key;
        }
      }
      const pairs = cached(new Pairs());
      const escapes = ['a:b', 'a%3Ab', 'a%253Ab', 'a%b', 'a%25b', 'a'];
      const keys = await Promise.all(escapes.map((scope) => pairs.get.keyOf(scope, 'b:k')));
      expect(new Set(keys).size).toBe(escapes.length);
      const part = fc.array(fc.constantFrom(':', '%', '3A', '25', 'a', 'sha256'), { minLength: 1, maxLength: 6 });
      const text = part.map((pieces) => pieces.join(''));
      await fc.assert(
        fc.asyncProperty(text, text, text, text, async (scope, key, otherScope, otherKey) => {
          const one = await pairs.get.keyOf(scope, key);
          const other = await pairs.get.keyOf(otherScope, otherKey);
          expect(one === other).toBe(scope === otherScope && key === otherKey);
        }),
        { numRuns: 500, seed: 7 },
      );
    });

    it('is never met by the unscoped key of another class or method under the same name', async () => {
      class Base {
        constructor(readonly cache = new FakeCache()) {}
        @Cached({ ttl: 60, name: 'feed', scope: (user) => user, key: (_user, page) => page })
        async mine(user: string, page: string): Promise<string> {
          return `private page ${page} of ${user}`;
        }
      }
      class Sub extends Base {
        @Cached({ ttl: 60, name: 'feed', key: (page) => page })
        async everyones(page: string): Promise<string> {
          return `public page ${page}`;
        }
      }
      class Other {
        constructor(readonly cache = new FakeCache()) {}
        @Cached({ ttl: 60, name: 'feed', key: (page) => page })
        async everyones(page: string): Promise<string> {
          return `other page ${page}`;
        }
      }
      const sub = new Sub();
      await sub.mine('alice', 'x');
      for (const page of ['alice:x', '@alice:x', '%40alice:x', '%2540alice:x']) {
        expect(await sub.everyones(page)).toBe(`public page ${page}`);
      }
      expect(sub.cache.keys).toEqual([
        'cache:feed:@alice:x',
        'cache:feed:alice:x',
        'cache:feed:%40alice:x',
        'cache:feed:%2540alice:x',
        'cache:feed:%252540alice:x',
      ]);
      expect(await new Other(sub.cache).everyones('@alice:x')).not.toBe('private page x of alice');
      const part = fc.array(fc.constantFrom('@', ':', '%', '40', '25', 'a', 'sha256'), { minLength: 1, maxLength: 6 });
      const text = part.map((pieces) => pieces.join(''));
      const { mine, everyones } = cached(sub);
      await fc.assert(
        fc.asyncProperty(text, text, text, text, async (scope, key, one, other) => {
          const keys = [await everyones.keyOf(one), await everyones.keyOf(other)];
          expect(keys[0] === keys[1]).toBe(one === other);
          expect(keys).not.toContain(await mine.keyOf(scope, key));
        }),
        { numRuns: 500, seed: 7 },
      );
    });

    it('has a prefix that drops the entries of one user, of hashed keys too, and of nobody else', async () => {
      class Long {
        cache = new FakeCache();
        @Cached({ ttl: 60, name: 'lo:ng', scope: (scope) => scope, key: (_scope, key) => key })
        async get(_scope: string, key: string): Promise<number> {
          return key.length;
        }
      }
      const long = new Long();
      for (const scope of ['a', 'a:b', 'ab']) {
        await long.get(scope, 'short');
        await long.get(scope, 'x'.repeat(600));
      }
      expect(cachePrefix('lo:ng', 'a:b')).toBe('cache:lo%3Ang:@a%3Ab:');
      await long.cache.evict({ prefix: cachePrefix('lo:ng', 'a') });
      expect([...long.cache.values.keys()].map((key) => key.split(':')[2])).toEqual(['@a%3Ab', '@a%3Ab', '@ab', '@ab']);
      await long.cache.evict({ prefix: cachePrefix('lo:ng') });
      expect(long.cache.values.size).toBe(0);
    });

    it('rejects a call that has none, names the remedy and does not run the method', async () => {
      const feed = new Feed();
      for (const user of [undefined, '', 'a\ud800', 5, null, Promise.resolve('u1'), 'x'.repeat(129), ':'.repeat(43)]) {
        await expect(feed.page(user as string, 1)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(
            /^@Cached method page: scope must be .* leave the cache out: when: /,
          ) as string,
        });
      }
      expect(feed.loads).toBe(0);
      expect(() => cachePrefix('feed', '')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
      expect(() => cachePrefix('')).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
    });

    it('takes 128 bytes, which leave room for the longest name and a hash', async () => {
      class Longest {
        cache = new FakeCache();
        @Cached({ ttl: 60, name: 'n'.repeat(256), scope: (scope) => scope, key: (_scope, key) => key })
        async get(_scope: string, _key: string): Promise<number> {
          return 1;
        }
      }
      const longest = new Longest();
      await longest.get('s'.repeat(128), 'k'.repeat(600));
      expect(longest.cache.keys[0]!.length).toBeLessThanOrEqual(512);
    });
  });

  describe('refused when the class is defined', () => {
    const bad: [options: object, code: string, words: RegExp][] = [
      [{ staleWhileRevalidate: -1 }, 'INVALID_OPTION', /staleWhileRevalidate -1 .* from 0 to/],
      [{ ttlJitter: 0.6 }, 'INVALID_OPTION', /ttlJitter 0\.6 .* to 0\.5/],
      [{ singleFlight: 'world' }, 'INVALID_OPTION', /singleFlight/],
      [{ staleIfErorr: 5 }, 'INVALID_OPTION', /no option staleIfErorr/],
      [{ bypass: true }, 'INVALID_OPTION', /when/],
      [{ tags: 'news' }, 'INVALID_OPTION', /tags/],
      [{ tags: [''] }, 'INVALID_OPTION', /Tag ""/],
      [{ tags: [''], tagsOf: () => [] }, 'INVALID_OPTION', /Tag ""/],
      [{ ttl: 34_560_001, tags: () => ['a'] }, 'INVALID_TTL', /34560001/],
      [{ ttl: 34_560_000, staleIfError: 1, tagsOf: () => ['a'] }, 'INVALID_TTL', /34560000/],
      [{ ttl: '60' }, 'INVALID_TTL', /integer/],
      [{ cacheIf: true }, 'INVALID_OPTION', /cacheIf/],
      [
        { forceFresh: (_id: string, fresh: boolean) => fresh },
        'INVALID_OPTION',
        /forceFresh takes arguments.*Give a key/,
      ],
      ...['key', 'scope', 'when', 'forceFresh', 'tagsOf', 'cache'].map((option): [object, string, RegExp] => [
        { [option]: 'text' },
        'INVALID_OPTION',
        new RegExp(`@Cached: ${option} must be a function, got a string`),
      ]),
    ];

    it.each(bad)('%p', (options, code, words) => {
      const build = () => Cached({ ttl: 60, ...options } as never);
      expect(build).toThrow(expect.objectContaining({ code }) as Error);
      expect(build).toThrow(words);
    });

    it('one name for a method with a scope and one without', () => {
      const define = (first: object, second: object) => () => {
        class Mixed {
          @Cached({ ttl: 60, name: 'content', key: (id) => id, ...first })
          async list(_id: string): Promise<number> {
            return 1;
          }
          @Cached({ ttl: 60, name: 'content', key: (id) => id, ...second })
          async get(_id: string): Promise<number> {
            return 2;
          }
        }
        return Mixed;
      };
      const scope = { scope: () => 'a' };
      expect(define(scope, {})).toThrow(expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error);
      expect(define(scope, {})).toThrow(/Give both a scope or neither/);
      expect(define(scope, scope)).not.toThrow();
    });
  });
});
