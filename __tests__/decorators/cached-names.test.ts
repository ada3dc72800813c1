import { CachePut } from '../../src/decorators/cache-put.js';
import { cached } from '../../src/decorators/cached-methods.js';
import { Cached } from '../../src/decorators/cached.js';
import { FakeCache } from '../support/fake-cache.js';

const refusal = expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error;

/** A base class of its own for each test: who has used a name is remembered by class. */
function fixed() {
  abstract class Repository {
    constructor(readonly cache = new FakeCache()) {}
    @Cached({ ttl: 60, name: 'repository', key: (id) => id })
    async get(id: string): Promise<string> {
      return this.load(id);
    }
    @CachePut({ ttl: 60, name: 'repository', key: (id) => id })
    async update(_id: string, text: string): Promise<string> {
      return text;
    }
    protected load(id: string): string {
      return `${this.constructor.name} ${id}`;
    }
  }
  class Users extends Repository {}
  class Orders extends Repository {}
  return { Users, Orders };
}

describe('a fixed name', () => {
  it('is used as it is by the one class that inherits it, and by what is made from its instances', async () => {
    const { Users } = fixed();
    const users = new Users();
    expect(await users.get('1')).toBe('Users 1');
    const view = Object.create(users) as typeof users;
    expect(await view.get('1')).toBe('Users 1');
    expect(users.cache.keys).toEqual(['cache:repository:1', 'cache:repository:1']);
  });

  it('is refused to all of two classes that inherit it, whichever came first', async () => {
    for (const isReversed of [false, true]) {
      const { Users, Orders } = fixed();
      const cache = new FakeCache();
      const [first, second] = isReversed
        ? [new Orders(cache), new Users(cache)]
        : [new Users(cache), new Orders(cache)];
      await first.get('1');
      await expect(second.get('1')).rejects.toEqual(refusal);
      await expect(first.get('1')).rejects.toEqual(refusal);
      await expect(second.update('1', 'text')).rejects.toThrow(
        /update has the fixed name "repository", and (Users and Orders|Orders and Users) both use it.*name: \(self\) => /,
      );
      expect(cache.calls).toHaveLength(1);
    }
  });

  it('is refused to two classes that use it by methods of different levels', async () => {
    const { Users, Orders } = fixed();
    class Admins extends Users {
      @CachePut({ ttl: 60, name: 'repository', key: (id) => id })
      async replace(id: string): Promise<string> {
        return `replaced ${id}`;
      }
    }
    await new Admins().replace('1');
    await expect(new Orders().get('1')).rejects.toEqual(refusal);
  });

  it('is refused to a class and its subclass', async () => {
    class Base {
      cache = new FakeCache();
      @Cached({ ttl: 60, name: 'base' })
      async list(): Promise<string> {
        return this.constructor.name;
      }
    }
    class Sub extends Base {}
    await new Base().list();
    await expect(new Sub().list()).rejects.toThrow(/Base and Sub both use it/);
  });

  it('does not count a plain object that the method is called on', async () => {
    const { Users } = fixed();
    const list = Users.prototype.get;
    const fake = { cache: new FakeCache(), load: (id: string) => `fake ${id}` };
    expect(await list.call(fake as never, '1')).toBe('fake 1');
    expect(await new Users().get('1')).toBe('Users 1');
  });

  it('is refused to an override of the method that has it, over any number of levels', () => {
    class Base {
      @Cached({ ttl: 60, name: 'o', key: (id) => id })
      async get(id: string): Promise<string> {
        return `base ${id}`;
      }
    }
    class Between extends Base {}
    const define = () => {
      class Derived extends Between {
        @Cached({ ttl: 60, name: 'o', key: (id) => id })
        override async get(id: string): Promise<string> {
          return `derived ${await super.get(id)}`;
        }
      }
      return Derived;
    };
    expect(define).toThrow(refusal);
    expect(define).toThrow(/An override is another method .* give it a name of its own/);
  });

  it('keeps an override under a name of its own apart, from instances of the base class as well', async () => {
    class Base {
      constructor(readonly cache = new FakeCache()) {}
      @Cached({ ttl: 60, name: 'base', key: (id) => id })
      async get(id: string): Promise<string> {
        return `base ${id}`;
      }
    }
    class Derived extends Base {
      @Cached({ ttl: 60, name: 'derived', key: (id) => id })
      override async get(id: string): Promise<string> {
        return `derived ${await super.get(id)}`;
      }
    }
    const derived = new Derived();
    expect(await derived.get('1')).toBe('derived base 1');
    expect(derived.cache.keys).toEqual(['cache:derived:1', 'cache:base:1']);
    await expect(new Base(derived.cache).get('1')).rejects.toThrow(/Derived and Base both use it/);
  });

  it('is refused to an inherited method and another one, unless both have a key', () => {
    class Base {
      @Cached({ ttl: 60, name: 'content' })
      async list(_id: string): Promise<number> {
        return 1;
      }
    }
    const define = () => {
      class Sub extends Base {
        @Cached({ ttl: 60, name: 'content', key: (id) => id })
        async get(_id: string): Promise<number> {
          return 2;
        }
      }
      return Sub;
    };
    expect(define).toThrow(/get and list would share their keys.*both a key/);
  });
});

describe('a name from a function', () => {
  class Repository {
    readonly table: string = 'repository';
    constructor(readonly cache = new FakeCache()) {}
    @Cached({ ttl: 60, name: (self) => self.table, key: (id) => id })
    async get(id: string): Promise<string> {
      return `${this.table} ${id}`;
    }
    @CachePut({ ttl: 60, name: (self) => self.table, key: (id) => id })
    async update(_id: string, text: string): Promise<string> {
      return text;
    }
  }
  class Users extends Repository {
    override readonly table = 'users';
  }
  class Orders extends Repository {
    override readonly table = 'or:ders';
  }

  it('gives each class entries of its own', async () => {
    const cache = new FakeCache();
    const [users, orders] = [new Users(cache), new Orders(cache)];
    expect([await users.get('1'), await orders.get('1')]).toEqual(['users 1', 'or:ders 1']);
    await orders.update('1', 'new');
    expect([await users.get('1'), await orders.get('1')]).toEqual(['users 1', 'new']);
    expect([...cache.values.keys()]).toEqual(['cache:users:1', 'cache:or%3Aders:1']);
    expect(await cached(orders).get.keyOf('2')).toBe('cache:or%3Aders:2');
  });

  it('may differ between instances of one class', async () => {
    const cache = new FakeCache();
    for (const table of ['a', 'b', 'a']) await Object.assign(new Repository(cache), { table }).get('1');
    expect(cache.keys).toEqual(['cache:a:1', 'cache:b:1', 'cache:a:1']);
  });

  it('lets classes share their entries on purpose', async () => {
    class Base {
      constructor(readonly cache = new FakeCache()) {}
      @Cached({ ttl: 60, name: () => 'shared' })
      async list(): Promise<string> {
        return 'base';
      }
    }
    class Sub extends Base {}
    const base = new Base();
    await base.list();
    await new Sub(base.cache).list();
    expect(base.cache.keys).toEqual(['cache:shared:[]', 'cache:shared:[]']);
  });

  it('that throws rejects the calls of its own method and no others', async () => {
    class Broken {
      cache = new FakeCache();
      @Cached({
        ttl: 60,
        name: () => {
          throw new RangeError('no name yet');
        },
      })
      async nameless(): Promise<number> {
        return 1;
      }
      @Cached({ ttl: 60, name: 'named' })
      async named(): Promise<number> {
        return 2;
      }
    }
    await expect(new Broken().nameless()).rejects.toEqual(new RangeError('no name yet'));
    expect(await new Broken().named()).toBe(2);
  });

  it('rejects a call for which it gives none', async () => {
    for (const table of ['', 5, undefined, 'n'.repeat(257), 'a\ud800']) {
      const repository = Object.assign(new Repository(), { table: table as string });
      await expect(repository.get('1')).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/^@Cached method get: name must return a string of 1 to 256 bytes/) as string,
      });
    }
  });

  it('rejects where it gives an override the name of what it overrides, or two methods what they cannot share', async () => {
    class Derived extends Repository {
      @Cached({ ttl: 60, name: (self) => self.table, key: (id) => id })
      override async get(id: string): Promise<string> {
        return `derived ${await super.get(id)}`;
      }
      @Cached({ ttl: 60, name: () => 'list' })
      async list(): Promise<number> {
        return 1;
      }
      @Cached({ ttl: 60, name: 'list' })
      async other(): Promise<number> {
        return 2;
      }
    }
    await expect(new Derived().get('1')).rejects.toThrow(/An override is another method/);
    await expect(new Derived().list()).rejects.toThrow(/list and other would share their keys/);
    await expect(new Derived().other()).rejects.toEqual(refusal);
  });
});
