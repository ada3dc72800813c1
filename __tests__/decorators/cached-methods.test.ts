import { cached } from '../../src/decorators/cached-methods.js';
import { Cached } from '../../src/decorators/cached.js';
import type { AsyncMethodDecorator } from '../../src/decorators/method-decorator.js';
import { FakeCache } from '../support/fake-cache.js';

const BY_SYMBOL = Symbol('bySymbol');

class Content {
  loads = 0;

  constructor(readonly cache: FakeCache | undefined = new FakeCache()) {}

  @Cached(300)
  async list(category: string, page = 1): Promise<string> {
    this.loads += 1;
    return `${category}/${page}/${this.loads}`;
  }

  @Cached({
    ttl: 60,
    name: 'item',
    key: (id) => id,
    scope: (_id, user) => user,
    when: (_id, user) => user !== 'nobody',
  })
  async item(id: string, user: string): Promise<string> {
    this.loads += 1;
    return `${id}/${user}/${this.loads}`;
  }

  @Cached({ ttl: 60, staleIfError: 5, tags: (id) => [id] })
  async tagged(id: string): Promise<string> {
    this.loads += 1;
    return id;
  }

  @Cached(60)
  async [BY_SYMBOL](id: string): Promise<string> {
    return id;
  }

  async plain(): Promise<number> {
    return 1;
  }

  async change(category: string): Promise<void> {
    await cached(this).list.invalidate(category);
  }
}

class Overriding extends Content {
  @Cached(60)
  override async list(category: string): Promise<string> {
    return `over ${await super.list(category)}`;
  }
  override async tagged(id: string): Promise<string> {
    return `uncached ${id}`;
  }
}

type Operation = (this: unknown, ...args: unknown[]) => Promise<unknown>;
type Operations = Record<'keyOf' | 'invalidate' | 'refresh', Operation>;

describe('cached', () => {
  it('gives the key that a call uses, hashed ones too', async () => {
    const content = new Content();
    const calls: [string, number?][] = [['news'], ['news', 2], ['x'.repeat(600)]];
    for (const call of calls) await content.list(...call);
    const keys = await Promise.all(calls.map((call) => cached(content).list.keyOf(...call)));
    expect(keys).toEqual(content.cache!.keys);
    expect(await cached(content).item.keyOf('a', 'u:1')).toBe('cache:item:@u%3A1:a');
    expect(content.loads).toBe(3);
  });

  it('invalidates exactly the entry of a call', async () => {
    const content = new Content();
    await content.list('news');
    await content.list('sport');
    const report = await cached(content).list.invalidate('news');
    expect(report).toEqual({ evicted: 1, failed: [] });
    expect(content.cache!.evictions).toEqual([{ keys: ['cache:Content.list:["news"]'], tags: [] }]);
    expect(await content.list('sport')).toBe('sport/1/2');
    expect(await content.list('news')).toBe('news/1/3');
  });

  it('invalidates from inside the class', async () => {
    const content = new Content();
    await content.list('news');
    await content.change('news');
    expect(content.cache!.values.size).toBe(0);
  });

  it('refreshes: runs the method, stores what it gives and returns it', async () => {
    const content = new Content();
    await content.list('news');
    expect(await cached(content).list.refresh('news')).toBe('news/1/2');
    expect(await content.list('news')).toBe('news/1/2');
    expect(content.cache!.calls[1]!.options).toEqual({ forceFresh: true });
  });

  it('refreshes with the options of the method, and those of the arguments', async () => {
    const content = new Content();
    await cached(content).tagged.refresh('a');
    expect(content.cache!.calls[0]!.options).toEqual({ staleIfError: 5, tags: ['a'], forceFresh: true });
  });

  it('refreshes without the cache where when says no', async () => {
    const content = new Content();
    expect(await cached(content).item.refresh('a', 'nobody')).toBe('a/nobody/1');
    expect(content.cache!.calls).toEqual([]);
  });

  it('gives 50 refreshes at once the entry of each', async () => {
    const content = new Content();
    const users = Array.from({ length: 50 }, (_, index) => `u${index}`);
    await Promise.all(users.map((user) => content.item('a', user)));
    const values = await Promise.all(users.map((user) => cached(content).item.refresh('a', user)));
    expect(values.map((value) => value.split('/')[1])).toEqual(users);
    expect(content.loads).toBe(100);
  });

  it('works on methods named by symbols', async () => {
    const content = new Content();
    expect(await cached(content)[BY_SYMBOL].keyOf('a')).toBe('cache:Content.[bySymbol]:["a"]');
  });

  describe('with inheritance', () => {
    class Inheriting extends Content {}

    it('means the level that the instance sees', async () => {
      expect(await cached(new Overriding()).list.keyOf('a')).toBe('cache:Overriding.list:["a"]');
      expect(await cached(new Content()).list.keyOf('a')).toBe('cache:Content.list:["a"]');
      expect(await cached(new Inheriting()).list.keyOf('a')).toBe('cache:Content.list@Inheriting:["a"]');
    });

    it('does not reach through an override that is not cached', () => {
      expect(() => cached(new Overriding()).tagged).toThrow(
        expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error,
      );
    });
  });

  it('finds the method under a decorator of somebody else, and where the instance has it bound', async () => {
    const wrap = ((...args: unknown[]) => {
      const descriptor = args[2] as { value: Operation } | undefined;
      const method = descriptor?.value ?? (args[0] as Operation);
      const wrapped = function (this: unknown, ...given: unknown[]) {
        return method.apply(this, given);
      };
      return descriptor === undefined ? wrapped : { ...descriptor, value: wrapped };
    }) as AsyncMethodDecorator<{ cache: FakeCache }, []>;
    class Wrapped {
      cache = new FakeCache();
      constructor() {
        this.bound = this.bound.bind(this);
      }
      @wrap
      @Cached(60)
      async under(): Promise<number> {
        return 1;
      }
      @Cached(60)
      async bound(): Promise<number> {
        return 1;
      }
    }
    const wrapped = new Wrapped();
    expect(await cached(wrapped).under.keyOf()).toBe('cache:Wrapped.under:[]');
    expect(await cached(wrapped).bound.keyOf()).toBe('cache:Wrapped.bound:[]');
    jest.spyOn(wrapped, 'under').mockResolvedValue(2);
    expect(await cached(wrapped).under.refresh()).toBe(1);
  });

  it('works where a compiler tells TC39 decorators nothing about their class', async () => {
    class Bare {
      cache = new FakeCache();
      async list(): Promise<number> {
        return 1;
      }
    }
    const decorate = Cached({ ttl: 60, name: 'bare' }) as (method: unknown, context: object) => unknown;
    const value = decorate(Bare.prototype.list, { kind: 'method', name: 'list', static: false });
    Object.defineProperty(Bare.prototype, 'list', { value });
    expect(await cached(new Bare()).list.keyOf()).toBe('cache:bare:[]');
  });

  describe('refuses', () => {
    it('a method that is not cached, and names it', () => {
      expect(() => cached(new Content()).plain).toThrow(
        expect.objectContaining({
          code: 'INVALID_DECORATION',
          message: expect.stringMatching(/^Content\.plain is not cached: it carries no @Cached\. /) as string,
        }) as Error,
      );
      expect(() => cached(new Content()).loads).toThrow(/Content\.loads is not cached/);
    });

    it('a mock, and says what a test can do', async () => {
      const mock = { list: jest.fn(), cache: new FakeCache() };
      expect(() => cached(mock).list).toThrow(/^Object\.list is not cached.*real class.*MemoryKVNamespace.*spy on/);
      const content = new Content();
      const evict = jest.spyOn(content.cache!, 'evict');
      await cached(content).list.invalidate('news');
      expect(evict).toHaveBeenCalledWith({ keys: ['cache:Content.list:["news"]'] });
    });

    it('what is no instance', () => {
      for (const service of [null, undefined, 'text', Content]) {
        expect(() => cached(service as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
      }
    });

    it('to invalidate without a cache, or in one that cannot', async () => {
      const missing = expect.objectContaining({ code: 'CACHE_NOT_FOUND' }) as Error;
      await expect(cached(new Content(null as never)).list.invalidate('a')).rejects.toEqual(missing);
      const readOnly = { getOrSet: async (_key: string, _ttl: unknown, load: () => unknown) => load() };
      const content = new Content(readOnly as never);
      await expect(cached(content).list.invalidate('a')).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringMatching(/method list found a cache that cannot drop entries.*CacheClient/) as string,
      });
      expect(await cached(content).list.refresh('a')).toBe('a/1/1');
    });
  });

  it('passes an error of the method on from a refresh', async () => {
    class Failing {
      cache = new FakeCache();
      @Cached(60)
      async list(): Promise<number> {
        throw new RangeError('no such list');
      }
    }
    await expect(cached(new Failing()).list.refresh()).rejects.toEqual(new RangeError('no such list'));
  });

  it('can be returned from an async function and shown', async () => {
    const content = new Content();
    const methods = await Promise.resolve(cached(content));
    expect(await methods.list.keyOf('a')).toBe('cache:Content.list:["a"]');
    expect(Reflect.get(methods, 'toString')).toBe(Object.prototype.toString);
    expect(Reflect.get(methods, 'constructor')).toBe(Object);
    expect(JSON.stringify(methods)).toBe('{}');
  });
});

describe('the decorated function', () => {
  const operations = Content.prototype.list as unknown as Operations;

  it('carries the operations, out of sight, for call and apply', async () => {
    const content = new Content();
    await content.list('news');
    expect(await operations.keyOf.call(content, 'news')).toBe(content.cache!.keys[0]);
    expect(await operations.refresh.call(content, 'news')).toBe('news/1/2');
    expect(await operations.invalidate.call(content, 'news')).toEqual({ evicted: 1, failed: [] });
    expect(Object.keys(operations)).toEqual([]);
    expect(Content.prototype.list.name).toBe('list');
    expect(Content.prototype.list).toHaveLength(1);
  });

  it('rejects them without an instance, and says how to call them', async () => {
    const { invalidate } = operations;
    for (const call of [() => operations.invalidate('news'), () => invalidate('news')]) {
      await expect(call()).rejects.toMatchObject({
        code: 'CACHE_NOT_FOUND',
        message: expect.stringContaining('Call cached(service).list.invalidate(...).') as string,
      });
    }
  });

  it('can still be spied upon', async () => {
    const content = new Content();
    const spy = jest.spyOn(content, 'list').mockResolvedValue('mocked');
    expect(await content.list('news')).toBe('mocked');
    spy.mockRestore();
    expect(await content.list('news')).toBe('news/1/1');
  });
});
