import { encryptedCodec } from '../../src/clients/kv/codecs/encrypted-codec.js';
import { richCodec } from '../../src/clients/kv/codecs/rich-codec.js';
import { CacheEvict } from '../../src/decorators/cache-evict.js';
import { CachePut } from '../../src/decorators/cache-put.js';
import { Cached } from '../../src/decorators/cached.js';
import { createContainer } from '../../src/providers/container.js';
import { provide } from '../../src/providers/provider.js';
import { CACHE_CLIENT } from '../../src/tokens/index.js';
import type { CacheCodec } from '../../src/clients/kv/cache/cache-codec.js';
import type { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import { FakeCache } from '../support/fake-cache.js';

class Content {
  runs = 0;

  constructor(readonly cache: FakeCache | undefined = new FakeCache()) {}

  @Cached({ ttl: 300, name: 'content', key: (id) => id })
  async get(id: string): Promise<string> {
    return `stored ${id}`;
  }

  @CachePut({ ttl: 60, name: 'content', key: (id) => id })
  async update(_id: string, text: string): Promise<string> {
    this.runs += 1;
    return text;
  }

  @CachePut({ ttl: 60, name: 'content', key: (id) => id })
  async failing(_id: string): Promise<string> {
    throw new RangeError('no such content');
  }

  @CachePut({
    ttl: (value) => value.length,
    name: 'scoped',
    key: (id) => id,
    scope: (_id, user) => user ?? '',
    when: (_id, user) => user !== 'nobody',
    cacheIf: (value) => value !== '',
    tags: (id) => (id === 'untagged' ? [''] : [id]),
    tagsOf: (value) => [value],
    staleIfError: 5,
  })
  async scoped(id: string, _user: string | undefined, text = id): Promise<string> {
    this.runs += 1;
    return text;
  }

  @CachePut({ ttl: 60, name: 'thrown', key: () => 'k' })
  // A method that is not async may throw at once.
  thrown(): Promise<string> {
    throw new Error('at once');
  }
}

function cacheThat(getOrSet: () => Promise<never>): FakeCache {
  return Object.assign(new FakeCache(), { getOrSet });
}

describe('CachePut', () => {
  it('runs the method and stores what it gave under the key of the cached method', async () => {
    const content = new Content();
    await content.get('a');
    expect(await content.update('a', 'new')).toBe('new');
    expect(await content.get('a')).toBe('new');
    expect(content.cache!.keys).toEqual(['cache:content:a', 'cache:content:a', 'cache:content:a']);
  });

  it('runs the method each time, whatever the cache holds', async () => {
    const content = new Content();
    await content.update('a', 'one');
    expect(await content.update('a', 'two')).toBe('two');
    expect(content.runs).toBe(2);
    expect(await content.get('a')).toBe('two');
  });

  it('runs each of 50 calls for one key at once, and gives each its own result', async () => {
    const content = new Content();
    const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
    expect(await Promise.all(texts.map((text) => content.update('a', text)))).toEqual(texts);
    expect(content.runs).toBe(50);
  });

  it('does not make readers wait for the method, nor gives them its error', async () => {
    class Slow {
      cache = new FakeCache();
      fail: (error: Error) => void = () => {};
      @Cached({ ttl: 60, name: 'slow', key: (id) => id })
      async get(id: string): Promise<string> {
        return `read ${id}`;
      }
      @CachePut({ ttl: 60, name: 'slow', key: (id) => id })
      async update(_id: string): Promise<string> {
        return new Promise((_resolve, reject) => (this.fail = reject));
      }
    }
    const slow = new Slow();
    const update = slow.update('a');
    expect(await slow.get('a')).toBe('read a');
    slow.fail(new RangeError('late'));
    await expect(update).rejects.toThrow('late');
  });

  it('hands the cache the options, forced and not shared with other requests', async () => {
    const content = new Content();
    await content.update('a', 'text');
    await content.scoped('b', 'u:1', 'B');
    const [plain, scoped] = content.cache!.calls;
    expect(plain).toEqual({
      key: 'cache:content:a',
      ttlSeconds: 60,
      options: { forceFresh: true, singleFlight: 'request' },
    });
    expect(scoped).toMatchObject({ key: 'cache:scoped:@u%3A1:b', options: { forceFresh: true, staleIfError: 5 } });
    expect(content.cache!.tags.get('cache:scoped:@u%3A1:b')).toEqual(['b', 'B']);
    expect((scoped!.ttlSeconds as (value: string) => number)('four')).toBe(4);
  });

  it('stores nothing where cacheIf says so, and asks no cache where when does', async () => {
    const content = new Content();
    expect(await content.scoped('a', 'u1', '')).toBe('');
    expect(content.cache!.values.size).toBe(0);
    expect(await new Content(null as never).scoped('a', 'nobody')).toBe('a');
  });

  it('passes the error of the method on as it is and stores nothing', async () => {
    const content = new Content();
    await content.get('a');
    await expect(content.failing('a')).rejects.toEqual(new RangeError('no such content'));
    await expect(content.thrown()).rejects.toThrow('at once');
    expect(content.cache!.calls).toHaveLength(1);
    expect(await content.get('a')).toBe('stored a');
  });

  it('gives the result although the cache fails', async () => {
    const failures = [
      () => Promise.reject(new Error('down')),
      () => {
        throw new Error('broken');
      },
    ];
    for (const failure of failures) expect(await new Content(cacheThat(failure)).update('a', 'new')).toBe('new');
  });

  it('gives the result although a function that is asked about it throws', async () => {
    class Asked {
      cache = new FakeCache();
      @CachePut({
        ttl: 60,
        name: 'asked',
        key: (id) => id,
        tagsOf: () => {
          throw new Error('no tags');
        },
      })
      async update(id: string): Promise<string> {
        return id;
      }
    }
    expect(await new Asked().update('a')).toBe('a');
  });

  describe('rejects before the method runs', () => {
    it('without a cache', async () => {
      const content = new Content(null as never);
      await expect(content.update('a', 'b')).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringMatching(/^@CachePut method update found no cache/) as string,
      });
      const { update } = content;
      await expect(update('a', 'b')).rejects.toMatchObject({ code: 'CACHE_NOT_FOUND' });
      expect(content.runs).toBe(0);
    });

    it('without a key, a scope, or tags', async () => {
      const content = new Content();
      await expect(content.update('', 'b')).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^@CachePut method update: key must return/) as string,
      });
      await expect(content.scoped('a', undefined)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(content.scoped('untagged', 'u1')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      expect(content.runs).toBe(0);
    });
  });

  it('finds the cache of the scope that built the instance, with no @Cached in the class', async () => {
    class Writer {
      @CachePut({ ttl: 60, name: 'writer', key: (id) => id })
      async write(id: string): Promise<string> {
        return id;
      }
    }
    const cache = new FakeCache();
    const app = createContainer(provide(CACHE_CLIENT, () => cache as unknown as CacheClient));
    await app.scope({ env: {} }).resolve(Writer).write('a');
    expect(cache.keys).toEqual(['cache:writer:a']);
  });

  it('keeps the name and the arity of the method', () => {
    expect(Content.prototype.update.name).toBe('update');
    expect(Content.prototype.update).toHaveLength(2);
  });

  it('can sit with CacheEvict on one method', async () => {
    class Both {
      cache = new FakeCache();
      @CachePut({ ttl: 60, name: 'both', key: (id) => id })
      @CacheEvict({ keys: ['list'] })
      async update(id: string): Promise<string> {
        return id;
      }
    }
    const both = new Both();
    both.cache.values.set('list', '[]');
    expect(await both.update('a')).toBe('a');
    expect([...both.cache.values]).toEqual([['cache:both:a', '"a"']]);
  });

  it('stores under the key that the instance reads where a subclass overrides both', async () => {
    class Base {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'base', key: (id) => id })
      async get(id: string): Promise<string> {
        return id;
      }
      @CachePut({ ttl: 60, name: 'base', key: (id) => id })
      async update(_id: string, text: string): Promise<string> {
        return text;
      }
    }
    class Sub extends Base {
      @CachePut({ ttl: 60, name: 'base', key: (id) => id })
      override async update(id: string, text: string): Promise<string> {
        return `sub ${await super.update(id, text)}`;
      }
    }
    const sub = new Sub();
    await sub.update('a', 'text');
    expect(await sub.get('a')).toBe('sub text');
  });

  describe('refused when the class is defined', () => {
    it('without a name, a key or a lifetime, and with the options of reading', () => {
      const good = { ttl: 60, name: 'content', key: (id: string) => id };
      const cases: [object, RegExp][] = [
        [{ ...good, name: undefined }, /@CachePut: name is missing/],
        [{ ...good, key: undefined }, /@CachePut: key is missing\. Give the name and the key of the @Cached method/],
        [{ ...good, ttl: 0 }, /TTL 0 is refused/],
        [{ ...good, name: '' }, /@CachePut: name must be/],
        [{ ...good, when: true }, /@CachePut: when must be a function/],
        [{ ...good, ttlJitter: 2 }, /ttlJitter 2/],
      ];
      for (const [options, words] of cases) expect(() => CachePut(options as never)).toThrow(words);
    });

    it('next to a cached method of the name that has no key', () => {
      const define = () => {
        class Unkeyed {
          @Cached({ ttl: 60, name: 'content' })
          async get(_id: string): Promise<number> {
            return 1;
          }
          @CachePut({ ttl: 60, name: 'content', key: (id) => id })
          async update(_id: string): Promise<number> {
            return 2;
          }
        }
        return Unkeyed;
      };
      expect(define).toThrow(expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error);
      expect(define).toThrow(/update and get would share their keys.*both a key.*@Cached and @CachePut/);
    });

    it('next to a cached method of the name with another codec, in the class or inherited', () => {
      const secret: CacheCodec = encryptedCodec({ keys: { k1: 'A'.repeat(43) + '=' }, current: 'k1' });
      const define = (one: CacheCodec | undefined, other: CacheCodec | undefined) => () => {
        class Stored {
          @Cached({ ttl: 60, name: 'content', key: (id) => id, ...(one && { codec: one }) })
          async get(_id: string): Promise<number> {
            return 1;
          }
          @CachePut({ ttl: 60, name: 'content', key: (id) => id, ...(other && { codec: other }) })
          async update(_id: string): Promise<number> {
            return 2;
          }
        }
        return Stored;
      };
      const derive = (one: CacheCodec | undefined, other: CacheCodec | undefined) => () => {
        const Base = define(one, one)();
        class Sub extends Base {
          @CachePut({ ttl: 60, name: 'content', key: (id) => id, ...(other && { codec: other }) })
          async replace(_id: string): Promise<number> {
            return 3;
          }
        }
        return Sub;
      };
      const refusal = expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error;
      for (const build of [define, derive]) {
        expect(build(secret, undefined)).toThrow(refusal);
        expect(build(undefined, secret)).toThrow(
          /would share their keys\. Give both the same codec, or each a name of its own/,
        );
        expect(build(secret, richCodec())).toThrow(refusal);
        expect(build(secret, secret)).not.toThrow();
      }
    });

    it('on anything but an instance method', () => {
      const decorate = CachePut({ ttl: 60, name: 'n', key: () => 'k' }) as (...args: unknown[]) => unknown;
      expect(() => decorate(class {}, 'm', { value: async () => 1 })).toThrow(/^@CachePut sits on an instance method/);
    });
  });
});
