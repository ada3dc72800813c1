import { singleton } from 'tsyringe';
import { Cached } from '../../src/decorators/cached.js';
import { Injectable } from '../../src/decorators/injectable.js';
import { createContainer } from '../../src/providers/container.js';
import { provide, provideValue } from '../../src/providers/provider.js';
import { CACHE_CLIENT } from '../../src/tokens/index.js';
import { token } from '../../src/tokens/token.js';
import type { Cache } from '../../src/clients/kv/cache/cache.js';
import type { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import { FakeCache } from '../support/fake-cache.js';

class Catalog {
  loads = 0;

  constructor(
    readonly cache: Cache | undefined = new FakeCache(),
    private readonly tenant = 'acme',
  ) {}

  @Cached(300)
  async list(category: string, page = 1): Promise<string[]> {
    this.loads += 1;
    return [`${this.tenant}/${category}/${page}`];
  }

  @Cached({ ttl: 60, name: 'catalog-item', key: (id) => id.toUpperCase() })
  async item(id: string): Promise<string> {
    this.loads += 1;
    return id;
  }

  @Cached({
    ttl: 60,
    key(id) {
      return `${this.tenant}/${id}`;
    },
  })
  async own(id: string): Promise<string> {
    return `${this.tenant}/${id}`;
  }

  @Cached(60)
  async failing(): Promise<string> {
    throw new RangeError('no such category');
  }

  @Cached(60)
  async anything(..._args: unknown[]): Promise<number> {
    this.loads += 1;
    return this.loads;
  }
}

/** A container whose scopes have a fake cache of their own, of which the test sees the latest. */
function appWithFakes(): { app: ReturnType<typeof createContainer>; caches: FakeCache[] } {
  const caches: FakeCache[] = [];
  const app = createContainer(
    provide(CACHE_CLIENT, () => {
      const cache = new FakeCache();
      caches.push(cache);
      return cache as unknown as CacheClient;
    }),
  );
  return { app, caches };
}

describe('Cached', () => {
  it('runs the method on a miss and answers from the cache on a hit', async () => {
    const catalog = new Catalog();
    expect(await catalog.list('news')).toEqual(['acme/news/1']);
    expect(await catalog.list('news')).toEqual(['acme/news/1']);
    expect(catalog.loads).toBe(1);
  });

  it('keeps the key under cache:{feature}:{key} and hands over the TTL in seconds', async () => {
    const cache = new FakeCache();
    await new Catalog(cache).list('news', 2);
    expect(cache.calls).toEqual([{ key: 'cache:Catalog.list:["news",2]', ttlSeconds: 300 }]);
  });

  it('tells calls with other arguments apart', async () => {
    const catalog = new Catalog();
    await catalog.list('news');
    await catalog.list('sport');
    await catalog.list('news', 2);
    expect(catalog.loads).toBe(3);
  });

  it('builds the key from the name and the key function', async () => {
    const cache = new FakeCache();
    await new Catalog(cache).item('a1');
    expect(cache.keys).toEqual(['cache:catalog-item:A1']);
  });

  it('gives the key function its instance', async () => {
    const cache = new FakeCache();
    expect(await new Catalog(cache, 'acme').own('a')).toBe('acme/a');
    expect(await new Catalog(cache, 'other').own('a')).toBe('other/a');
  });

  it('keeps the name and the arity of the method', () => {
    expect(Catalog.prototype.list.name).toBe('list');
    expect(Catalog.prototype.item.name).toBe('item');
    expect(Catalog.prototype.item).toHaveLength(1);
  });

  it('passes the error of the method on as it is and caches nothing', async () => {
    const cache = new FakeCache();
    await expect(new Catalog(cache).failing()).rejects.toEqual(new RangeError('no such category'));
    expect(cache.values.size).toBe(0);
  });

  it('rejects, and does not throw, when the method throws synchronously', async () => {
    class Sync {
      cache = new FakeCache();
      @Cached(60)
      now(): Promise<string> {
        throw new Error('at once');
      }
    }
    await expect(new Sync().now()).rejects.toThrow('at once');
  });

  it('hashes a key that KV would not take', async () => {
    const cache = new FakeCache();
    const catalog = new Catalog(cache);
    await catalog.list('x'.repeat(600));
    await catalog.list('é'.repeat(300));
    expect(cache.keys[0]).toMatch(/^cache:Catalog\.list:sha256:[0-9a-f]{64}$/);
    expect(cache.keys[1]).not.toBe(cache.keys[0]);
    expect(cache.keys[1]).toMatch(/^cache:Catalog\.list:sha256:/);
  });

  it('keeps a key of exactly 512 bytes', async () => {
    class Exact {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'exact', key: (id) => id })
      async get(id: string): Promise<number> {
        return id.length;
      }
    }
    const exact = new Exact();
    const room = 512 - 'cache:exact:'.length;
    await exact.get('x'.repeat(room));
    await exact.get('x'.repeat(room + 1));
    expect(exact.cache.keys[0]).toHaveLength(512);
    expect(exact.cache.keys[1]).toMatch(/^cache:exact:sha256:/);
  });

  it('cannot be talked into the hash of another call', async () => {
    class Lookup {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'lookup', key: (id) => id })
      async get(id: string): Promise<string> {
        return id;
      }
    }
    const lookup = new Lookup();
    const long = 'secret'.repeat(200);
    await lookup.get(long);
    const hashed = lookup.cache.keys[0]!.slice('cache:lookup:'.length);
    expect(await lookup.get(hashed)).toBe(hashed);
  });

  it('keeps a colon of the name out of the pattern', async () => {
    class Named {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'a:b', key: () => 'c' })
      async one(): Promise<number> {
        return 1;
      }
      @Cached({ ttl: 60, name: 'a', key: () => 'b:c' })
      async two(): Promise<number> {
        return 2;
      }
    }
    const named = new Named();
    expect(await named.one()).toBe(1);
    expect(await named.two()).toBe(2);
    expect(named.cache.keys).toEqual(['cache:a%3Ab:c', 'cache:a:b:c']);
  });

  it('works on symbol-named methods', async () => {
    const LIST = Symbol('list');
    class Symbolic {
      cache = new FakeCache();
      @Cached(60)
      async [LIST](): Promise<number> {
        return 1;
      }
    }
    const symbolic = new Symbolic();
    await symbolic[LIST]();
    expect(symbolic.cache.keys).toEqual(['cache:Symbolic.[list]:[]']);
  });

  describe('with inheritance', () => {
    class Base {
      constructor(readonly cache = new FakeCache()) {}
      @Cached(60)
      async title(id: string): Promise<string> {
        return `base ${id}`;
      }
      @Cached({ ttl: 60, name: 'label' })
      async label(id: string): Promise<string> {
        return `base ${id}`;
      }
    }
    class Sub extends Base {
      @Cached(60)
      override async title(id: string): Promise<string> {
        return `sub of ${await super.title(id)}`;
      }
    }
    class Inheriting extends Base {}

    it('keeps an override apart from the method that it calls through super', async () => {
      const sub = new Sub();
      expect(await sub.title('a')).toBe('sub of base a');
      expect(await sub.title('a')).toBe('sub of base a');
      expect(sub.cache.keys).toEqual(['cache:Sub.title:["a"]', 'cache:Base.title@Sub:["a"]', 'cache:Sub.title:["a"]']);
    });

    it('keeps the entries of a subclass that inherits the method apart', async () => {
      const inheriting = new Inheriting();
      await inheriting.title('a');
      expect(inheriting.cache.keys).toEqual(['cache:Base.title@Inheriting:["a"]']);
    });

    it('uses the plain name on the class itself', async () => {
      const base = new Base();
      await base.title('a');
      await base.label('a');
      expect(base.cache.keys).toEqual(['cache:Base.title:["a"]', 'cache:label:["a"]']);
    });
  });

  describe('finding its cache', () => {
    it('asks the accessor first, which may read private members', async () => {
      class Private {
        readonly cache = new FakeCache();
        readonly #own: FakeCache;
        constructor(own: FakeCache) {
          this.#own = own;
        }
        @Cached({ ttl: 60, cache: (self) => self.#own })
        async list(): Promise<number> {
          return 1;
        }
      }
      const own = new FakeCache();
      const service = new Private(own);
      await service.list();
      expect(own.calls).toHaveLength(1);
      expect(service.cache.calls).toHaveLength(0);
    });

    class Bare {
      @Cached(60)
      async list(): Promise<number> {
        return 1;
      }
    }

    it('uses the cache of the scope that built the instance', async () => {
      const { app, caches } = appWithFakes();
      await app.scope({ env: {} }).resolve(Bare).list();
      expect(caches.map(({ keys }) => keys)).toEqual([['cache:Bare.list:[]']]);
    });

    it('never uses the cache of another request, with 50 scopes at once', async () => {
      const { app, caches } = appWithFakes();
      const services = Array.from({ length: 50 }, () => app.scope({ env: {} }).resolve(Bare));
      await Promise.all(services.map((service) => service.list()));
      expect(caches).toHaveLength(50);
      expect(caches.map(({ calls }) => calls.length)).toEqual(Array<number>(50).fill(1));
    });

    it('finds it for what a provider built, and for a class registered on the scope', async () => {
      const BARE = token<Bare>('BARE');
      const OTHER = token<Bare>('OTHER');
      const { app, caches } = appWithFakes();
      const scope = app.with(provide(BARE, () => new Bare())).scope({ env: {} });
      scope.register(OTHER, { useClass: Bare });
      await scope.resolve(BARE).list();
      await scope.resolve(OTHER).list();
      expect(caches).toHaveLength(1);
      expect(caches[0]!.calls).toHaveLength(2);
    });

    it('refuses an instance that two scopes share', async () => {
      const shared = new Bare();
      const { app, caches } = appWithFakes();
      const both = app.with(provideValue(Bare, shared));
      both.scope({ env: {} }).resolve(Bare);
      both.scope({ env: {} }).resolve(Bare);
      await expect(shared.list()).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringContaining('several request scopes share this instance') as string,
      });
      expect(caches).toHaveLength(0);
    });

    it('refuses an instance that a singleton holds', async () => {
      @singleton()
      @Injectable(Bare)
      class Holder {
        constructor(readonly bare: Bare) {}
      }
      const { app, caches } = appWithFakes();
      const { bare } = app.scope({ env: {} }).resolve(Holder);
      await expect(bare.list()).rejects.toMatchObject({ code: 'CACHE_NOT_FOUND' });
      expect(caches).toHaveLength(0);
    });

    it('finds it in a child of the scope', async () => {
      const { app, caches } = appWithFakes();
      await app.scope({ env: {} }).createChildContainer().resolve(Bare).list();
      expect(caches).toHaveLength(1);
    });

    it('refuses an accessor that answers with something else than a cache', async () => {
      for (const answer of [null, {}, new Map()]) {
        class Wrong {
          @Cached({ ttl: 60, cache: () => answer as never })
          async list(): Promise<number> {
            return 1;
          }
        }
        await expect(new Wrong().list()).rejects.toMatchObject({ code: 'CACHE_NOT_FOUND' });
      }
    });

    it('rejects with the method and the remedy when there is none', async () => {
      await expect(new Bare().list()).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringMatching(/method list found no cache.*this\.cache/) as string,
      });
    });

    it('rejects when the scope has no cache client, and says which provider is missing', async () => {
      const service = createContainer().scope({ env: {} }).resolve(Bare);
      await expect(service.list()).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringContaining('Add provideCache()') as string,
      });
    });

    it('passes over a cache member that is something else', async () => {
      class WithMap {
        readonly cache = new Map<string, string>();
        @Cached(60)
        async list(): Promise<number> {
          return 1;
        }
      }
      const { app, caches } = appWithFakes();
      await app.scope({ env: {} }).resolve(WithMap).list();
      expect(caches[0]!.calls).toHaveLength(1);
    });

    it('rejects a call without an instance', async () => {
      const { list } = new Catalog();
      await expect(list('news')).rejects.toMatchObject({ code: 'CACHE_NOT_FOUND' });
    });

    it('works on a service that has its cache by injection', async () => {
      @Injectable(CACHE_CLIENT)
      class Injected {
        constructor(readonly cache: CacheClient) {}
        @Cached(60)
        async list(): Promise<number> {
          return 1;
        }
      }
      const { app, caches } = appWithFakes();
      await app.scope({ env: {} }).resolve(Injected).list();
      expect(caches[0]!.keys).toEqual(['cache:Injected.list:[]']);
    });
  });

  describe('arguments that no key can hold', () => {
    it('rejects, names the method and asks for a key', async () => {
      const catalog = new Catalog();
      for (const argument of [() => {}, Symbol('s'), new Catalog(), /a/, new Error('e'), Promise.resolve()]) {
        await expect(catalog.anything(argument)).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(
            /^Catalog\.anything: .* cannot be part of a cache key\. Give the decorator a key/,
          ) as string,
        });
      }
      expect(catalog.loads).toBe(0);
    });

    it('rejects a key function that returns no string', async () => {
      class BadKey {
        cache = new FakeCache();
        @Cached({ ttl: 60, key: (id) => id as unknown as string })
        async get(_id: number): Promise<number> {
          return 1;
        }
        @Cached({ ttl: 60, key: () => '' })
        async empty(): Promise<number> {
          return 1;
        }
        @Cached({ ttl: 60, key: () => `${'x'.repeat(600)}\ud800` })
        async torn(): Promise<number> {
          return 1;
        }
      }
      await expect(new BadKey().torn()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(new BadKey().get(5)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(new BadKey().empty()).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });

  describe('refused when the class is defined', () => {
    it('a TTL that is not an integer of 1 second or more', () => {
      for (const ttl of [0, -1, 1.5, NaN, Infinity, 2 ** 31, '60', undefined, null]) {
        expect(() => Cached(ttl as number)).toThrow(expect.objectContaining({ code: 'INVALID_TTL' }) as Error);
        expect(() => Cached({ ttl: ttl as number })).toThrow(/an integer from 1 to 2147483647/);
      }
    });

    it('a name, key or cache of the wrong kind', () => {
      const bad = [
        { name: '' },
        { name: 5 },
        { name: 'é'.repeat(129) },
        { name: ':'.repeat(90) },
        { name: 'a\ud800' },
        { key: 'id' },
        { cache: new FakeCache() },
      ];
      for (const options of bad) {
        const build = () => Cached({ ttl: 60, ...options } as never);
        expect(build).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }) as Error);
      }
    });

    it('a name that another method of the class has, unless both build their keys', () => {
      const define = (first: object, second: object) => () => {
        class Twice {
          @Cached({ ttl: 60, name: 'content', ...first })
          async list(_id: string): Promise<number> {
            return 1;
          }
          @Cached({ ttl: 60, name: 'content', ...second })
          async get(_id: string): Promise<number> {
            return 2;
          }
        }
        return Twice;
      };
      const key = { key: (id: string) => id };
      const refusal = expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error;
      expect(define({}, {})).toThrow(refusal);
      expect(define(key, {})).toThrow(refusal);
      expect(define(key, key)).not.toThrow();
    });

    it('two methods named by symbols of one description, without names of their own', () => {
      const define = () => {
        class Symbols {
          @Cached(60)
          async [Symbol('list')](): Promise<number> {
            return 1;
          }
          @Cached(60)
          async [Symbol('list')](): Promise<number> {
            return 2;
          }
        }
        return Symbols;
      };
      expect(define).toThrow(expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error);
    });

    it('a method that is cached already', () => {
      const define = () => {
        class Doubled {
          @Cached(60)
          @Cached(60)
          async list(): Promise<number> {
            return 1;
          }
        }
        return Doubled;
      };
      expect(define).toThrow(expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error);
    });

    it('anything but an instance method', () => {
      const decorate = Cached(60) as (...args: unknown[]) => unknown;
      const method = async () => 1;
      const legacy: unknown[][] = [
        [class {}, 'method', { value: method }],
        [{}, 'field', undefined],
        [{}, 'getter', { get: () => 1 }],
        [{}, 'generator', { value: async function* () {} }],
        [class {}, undefined, undefined],
      ];
      const standard: unknown[][] = [
        [method, { kind: 'method', name: 'm', static: true }],
        [undefined, { kind: 'field', name: 'f', static: false }],
        [() => 1, { kind: 'getter', name: 'g', static: false }],
        [class {}, { kind: 'class', name: 'C' }],
        [function* () {}, { kind: 'method', name: 'm', static: false }],
      ];
      for (const args of [...legacy, ...standard]) {
        expect(() => decorate(...args)).toThrow(expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error);
      }
    });
  });

  it('rejects on a class without a name, unless one is given', async () => {
    class Nameless {
      cache = new FakeCache();
      @Cached(60)
      async list(): Promise<number> {
        return 1;
      }
      @Cached({ ttl: 60, name: 'given' })
      async named(): Promise<number> {
        return 1;
      }
    }
    Object.defineProperty(Nameless, 'name', { value: '' });
    await expect(new Nameless().list()).rejects.toMatchObject({ code: 'INVALID_DECORATION' });
    expect(await new Nameless().named()).toBe(1);
  });

  it('can be kept and used on several methods', async () => {
    const FiveMinutes = Cached(300);
    class Reused {
      cache = new FakeCache();
      @FiveMinutes
      async one(): Promise<number> {
        return 1;
      }
      @FiveMinutes
      async two(_id: string): Promise<number> {
        return 2;
      }
    }
    const reused = new Reused();
    expect([await reused.one(), await reused.two('a')]).toEqual([1, 2]);
    expect(reused.cache.keys).toEqual(['cache:Reused.one:[]', 'cache:Reused.two:["a"]']);
  });
});
