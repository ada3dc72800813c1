import { cachePrefix } from '../../src/decorators/cache-key.js';
import { cacheTag } from '../../src/clients/kv/cache/cache-tag.js';
import { CacheEvict } from '../../src/decorators/cache-evict.js';
import { CachePut } from '../../src/decorators/cache-put.js';
import { cached } from '../../src/decorators/cached-methods.js';
import { Cached } from '../../src/decorators/cached.js';
import { createContainer } from '../../src/providers/container.js';
import { provide } from '../../src/providers/provider.js';
import { CACHE_CLIENT } from '../../src/tokens/index.js';
import type { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import type { EvictReport, EvictTarget } from '../../src/clients/kv/cache/evict.js';
import { FakeCache } from '../support/fake-cache.js';

class Content {
  runs = 0;
  /** What the cache had been asked to drop when the method ran. */
  seen: number[] = [];
  tenant = 'acme';

  constructor(readonly cache: FakeCache | undefined = new FakeCache()) {}

  @Cached({ ttl: 300, name: 'content', key: (id) => id })
  async get(id: string): Promise<string> {
    return `${id}/${this.runs}`;
  }

  @Cached({ ttl: 300, name: 'feed', scope: (user) => user })
  async feed(user: string): Promise<string> {
    return user;
  }

  @CacheEvict({
    keys(id) {
      return cached(this).get.keyOf(id);
    },
  })
  async update(id: string): Promise<string> {
    return this.#run(id);
  }

  @CacheEvict({
    keys(...ids) {
      return ids.map((id) => cached(this).get.keyOf(id));
    },
  })
  async updateAll(...ids: string[]): Promise<string> {
    return this.#run(ids.join());
  }

  @CacheEvict({ keys: (id) => [`k:${id}`, 'k'], prefix: (id) => cachePrefix('feed', id), tags: (id) => [id] })
  async everything(id: string): Promise<string> {
    return this.#run(id);
  }

  @CacheEvict({ keys: ['a', 'a', 'b'], prefix: 'cache:feed:', tags: ['x', 'y', 'x'] })
  async fixed(): Promise<string> {
    return this.#run('fixed');
  }

  @CacheEvict({ tags: ['x'], before: true })
  async before(fails = false): Promise<string> {
    if (fails) throw new RangeError('after the eviction');
    return this.#run('before');
  }

  @CacheEvict({ tags: ['x'] })
  async failing(): Promise<string> {
    throw new RangeError('no such content');
  }

  @CacheEvict({
    tags: ['x'],
    when(id) {
      return id !== '' && this.tenant === 'acme';
    },
  })
  async sometimes(id: string): Promise<string> {
    return this.#run(id);
  }

  @CacheEvict({ keys: (keys) => keys as string[], prefix: (_keys, prefix) => prefix as string, tags: (..._args) => [] })
  async given(_keys: unknown, _prefix: unknown): Promise<string> {
    return this.#run('given');
  }

  #run(result: string): string {
    this.runs += 1;
    this.seen.push(this.cache?.evictions.length ?? 0);
    return result;
  }
}

function cacheThat(evict: (target: EvictTarget) => Promise<EvictReport>): FakeCache {
  return Object.assign(new FakeCache(), { evict });
}

describe('CacheEvict', () => {
  it('drops the entry of a cached method after the method has run', async () => {
    const content = new Content();
    expect(await content.get('a')).toBe('a/0');
    await content.get('b');
    expect(await content.update('a')).toBe('a');
    expect(content.seen).toEqual([0]);
    expect(content.cache!.evictions).toEqual([{ keys: ['cache:content:a'], tags: [] }]);
    expect([await content.get('a'), await content.get('b')]).toEqual(['a/1', 'b/0']);
  });

  it('takes lists of promised keys, hashed ones too', async () => {
    const content = new Content();
    await content.get('x'.repeat(600));
    await content.updateAll('x'.repeat(600), 'b');
    const [key] = content.cache!.keys;
    expect(content.cache!.evictions).toEqual([{ keys: [key, 'cache:content:b'], tags: [] }]);
  });

  it('drops keys, a prefix and tags in one call', async () => {
    const content = new Content();
    for (const user of ['u1', 'u2']) await content.feed(user);
    await content.everything('u1');
    expect(content.cache!.evictions).toEqual([{ keys: ['k:u1', 'k'], prefix: 'cache:feed:@u1:', tags: ['u1'] }]);
    expect([...content.cache!.values.keys()]).toEqual(['cache:feed:@u2:["u2"]']);
  });

  it('takes fixed targets, each once', async () => {
    const content = new Content();
    await content.fixed();
    expect(content.cache!.evictions).toEqual([{ keys: ['a', 'b'], prefix: 'cache:feed:', tags: ['x', 'y'] }]);
  });

  it('hands the cache only the parts that it was given, and does not call it for none', async () => {
    const targets: EvictTarget[] = [];
    const cache = cacheThat(async (target) => {
      targets.push(target);
      return { evicted: 0, failed: [] };
    });
    const content = new Content(cache);
    await content.before();
    await content.updateAll();
    expect(targets).toEqual([{ tags: ['x'] }]);
  });

  it('takes more tags than an entry can have', async () => {
    const tags = Array.from({ length: 40 }, (_, index) => `tag ${index}`);
    class Many {
      cache = new FakeCache();
      @CacheEvict({ tags })
      async drop(): Promise<void> {}
    }
    const many = new Many();
    await many.drop();
    expect(many.cache.evictions[0]!.tags).toEqual(tags);
  });

  it('drops by the tags that the storing decorators made of an id of any length', async () => {
    class Tagged {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'byArguments', key: (id) => id, tags: (id) => [`item:${id}`] })
      async byArguments(id: string): Promise<string> {
        return id;
      }
      @Cached({ ttl: 60, name: 'byResult', key: (id) => id, tagsOf: (value) => [`item:${value}`] })
      async byResult(id: string): Promise<string> {
        return id;
      }
      @CachePut({ ttl: 60, name: 'put', key: (id) => id, tags: (id) => [`item:${id}`], tagsOf: (value) => [value] })
      async put(id: string): Promise<string> {
        return id;
      }
      @CacheEvict({ tags: (id) => [`item:${id}`] })
      async remove(_id: string): Promise<string> {
        return 'removed';
      }
    }
    const tagged = new Tagged();
    const ids = ['a'.repeat(200), `${'a'.repeat(199)}b`, 'é'.repeat(100), '🙂'.repeat(40)];
    for (const id of ids) await Promise.all([tagged.byArguments(id), tagged.byResult(id), tagged.put(id)]);
    expect(tagged.cache.values.size).toBe(12);
    for (const [index, id] of ids.entries()) {
      expect(await tagged.remove(id)).toBe('removed');
      expect(tagged.cache.evictions.at(-1)!.tags).toEqual([cacheTag(`item:${id}`)]);
      expect(tagged.cache.values.size).toBe(9 - 3 * index);
    }
  });

  it('drops before the method where it is told to, and so also when the method fails', async () => {
    const content = new Content();
    await content.before();
    expect(content.seen).toEqual([1]);
    await expect(content.before(true)).rejects.toEqual(new RangeError('after the eviction'));
    expect(content.cache!.evictions).toHaveLength(2);
  });

  it('passes the error of the method on and drops nothing', async () => {
    const content = new Content();
    await expect(content.failing()).rejects.toEqual(new RangeError('no such content'));
    expect(content.cache!.evictions).toEqual([]);
  });

  it('leaves the cache out where when says so, and sees the instance', async () => {
    const content = new Content();
    await content.sometimes('');
    content.tenant = 'other';
    await content.sometimes('a');
    expect(content.cache!.evictions).toEqual([]);
    content.tenant = 'acme';
    await content.sometimes('a');
    expect(content.cache!.evictions).toHaveLength(1);
    expect(await new Content(null as never).sometimes('')).toBe('');
  });

  it('gives the result although the eviction fails, before and after', async () => {
    const failures = [
      () => Promise.reject(new Error('down')),
      () => {
        throw new Error('broken');
      },
    ];
    for (const failure of failures) {
      const content = new Content(cacheThat(failure));
      expect([await content.fixed(), await content.before()]).toEqual(['fixed', 'before']);
    }
  });

  it('drops for each of 50 calls at once what is its own', async () => {
    const content = new Content();
    const ids = Array.from({ length: 50 }, (_, index) => `c${index}`);
    await Promise.all(ids.map((id) => content.get(id)));
    expect(await Promise.all(ids.slice(0, 49).map((id) => content.update(id)))).toEqual(ids.slice(0, 49));
    expect([...content.cache!.values.keys()]).toEqual(['cache:content:c49']);
  });

  describe('rejects before the method runs', () => {
    it('without a cache, and with one that cannot drop entries', async () => {
      const readOnly = { getOrSet: async () => 1 };
      for (const [cache, words] of [
        [null, /^@CacheEvict method fixed found no cache/],
        [readOnly, /^@CacheEvict method fixed found a cache that cannot drop entries: it has no evict/],
      ] as const) {
        const content = new Content(cache as never);
        await expect(content.fixed()).rejects.toMatchObject({
          code: 'CACHE_NOT_FOUND',
          message: expect.stringMatching(words) as string,
        });
        expect(content.runs).toBe(0);
      }
      const { fixed } = new Content();
      await expect(fixed()).rejects.toMatchObject({ code: 'CACHE_NOT_FOUND' });
    });

    it.each<[keys: unknown, prefix: unknown, code: string]>([
      [[5], 'p', 'INVALID_KEY'],
      [[''], 'p', 'INVALID_KEY'],
      [undefined, 'p', 'INVALID_KEY'],
      ['x'.repeat(513), 'p', 'INVALID_KEY'],
      [Promise.resolve(5), 'p', 'INVALID_KEY'],
      ['k', '', 'INVALID_PREFIX'],
      ['k', undefined, 'INVALID_PREFIX'],
    ])('for keys %p and prefix %p', async (keys, prefix, code) => {
      const content = new Content();
      await expect(content.given(keys, prefix)).rejects.toMatchObject({ code });
      expect(content.runs).toBe(0);
      expect(content.cache!.evictions).toEqual([]);
    });

    it('with what a function throws or rejects with', async () => {
      const content = new Content();
      await expect(content.given(Promise.reject(new Error('no key')), 'p')).rejects.toThrow('no key');
      class Throwing {
        cache = new FakeCache();
        runs = 0;
        @CacheEvict({
          tags: () => {
            throw new Error('no tags');
          },
        })
        async drop(): Promise<void> {
          this.runs += 1;
        }
        @CacheEvict({ tags: (tags) => tags })
        async tags(_tags: string[]): Promise<void> {
          this.runs += 1;
        }
      }
      const throwing = new Throwing();
      await expect(throwing.drop()).rejects.toThrow('no tags');
      for (const tags of ['text', [''], [5], ['a\ud800'], [`${'x'.repeat(129)}\ud800`]]) {
        await expect(throwing.tags(tags as string[])).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      }
      expect(throwing.runs).toBe(0);
    });
  });

  it('finds the cache of the scope that built the instance, with no @Cached in the class', async () => {
    class Writer {
      @CacheEvict({ keys: ['a'] })
      async write(): Promise<string> {
        return 'written';
      }
    }
    const cache = new FakeCache();
    const app = createContainer(provide(CACHE_CLIENT, () => cache as unknown as CacheClient));
    expect(await app.scope({ env: {} }).resolve(Writer).write()).toBe('written');
    expect(cache.evictions).toHaveLength(1);
  });

  it('keeps the name and the arity of the method, and stacks', async () => {
    class Stacked {
      cache = new FakeCache();
      @CacheEvict({ keys: ['after'] })
      @CacheEvict({ keys: ['before'], before: true })
      async drop(_id: string): Promise<void> {}
    }
    const stacked = new Stacked();
    await stacked.drop('a');
    expect(stacked.cache.evictions.map(({ keys }) => keys)).toEqual([['before'], ['after']]);
    expect(Stacked.prototype.drop.name).toBe('drop');
    expect(Stacked.prototype.drop).toHaveLength(1);
  });

  describe('refused when the class is defined', () => {
    it.each<[options: unknown, code: string, words: RegExp]>([
      [{}, 'INVALID_OPTION', /nothing to drop\. Give keys, prefix or tags/],
      [undefined, 'INVALID_OPTION', /nothing to drop/],
      [{ before: true }, 'INVALID_OPTION', /nothing to drop/],
      [{ tags: ['a'], before: 'yes' }, 'INVALID_OPTION', /before must be a boolean, got a string/],
      [{ tags: ['a'], when: true }, 'INVALID_OPTION', /@CacheEvict: when must be a function/],
      [{ tags: ['a'], cache: {} }, 'INVALID_OPTION', /@CacheEvict: cache must be a function/],
      [{ tags: 'a' }, 'INVALID_OPTION', /give a list of names/],
      [{ tags: [''] }, 'INVALID_OPTION', /Tag ""/],
      [{ keys: [''] }, 'INVALID_KEY', /is empty/],
      [{ keys: 5 }, 'INVALID_KEY', /no list of keys/],
      [{ prefix: '' }, 'INVALID_PREFIX', /would delete every key/],
      [{ prefix: 'x'.repeat(513) }, 'INVALID_PREFIX', /512/],
    ])('%p', (options, code, words) => {
      const build = () => CacheEvict(options as never);
      expect(build).toThrow(expect.objectContaining({ code }) as Error);
      expect(build).toThrow(words);
    });

    it('on anything but an instance method', () => {
      const decorate = CacheEvict({ tags: ['a'] }) as (...args: unknown[]) => unknown;
      expect(() => decorate(class {}, 'm', { value: async () => 1 })).toThrow(/^@CacheEvict sits on an instance/);
    });
  });
});
