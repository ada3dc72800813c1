import { LockClient } from '../../src/clients/durable/lock-client.js';
import { Cached } from '../../src/decorators/cached.js';
import { Locked } from '../../src/decorators/locked.js';
import { memoryLocks } from '../../src/durable-objects/lock/memory-locks.js';
import { FakeCache } from '../support/fake-cache.js';
import { FakeLocks } from '../support/fake-locks.js';

class Publisher {
  inside = 0;
  most = 0;
  runs = 0;
  readonly tenant = 'acme';
  constructor(readonly locks: FakeLocks | LockClient = new FakeLocks()) {}

  @Locked({
    name(id) {
      return `publish:${this.tenant}/${id}`;
    },
    ttlMs: 10_000,
    timeoutMs: 5_000,
  })
  async publish(id: string, text = 'all'): Promise<string> {
    this.runs += 1;
    this.inside += 1;
    this.most = Math.max(this.most, this.inside);
    await new Promise((resolve) => setImmediate(resolve));
    this.inside -= 1;
    return `${id} ${text}`;
  }

  @Locked({ name: (id) => id, ttlMs: 1_000, timeoutMs: 0, permits: 2, autoRenew: false, when: (id) => id !== 'free' })
  async optional(id: string): Promise<string> {
    if (id === 'broken') throw new RangeError('no such id');
    return id;
  }

  @Locked({ name: (id) => id, ttlMs: 1_000 })
  async odd(_id: string): Promise<void> {
    this.runs += 1;
  }
}

describe('Locked', () => {
  it('runs the method inside the lock: of 50 calls at once one is inside, and all are run', async () => {
    const publisher = new Publisher(new LockClient(memoryLocks()));
    const results = await Promise.all(Array.from({ length: 50 }, (_, index) => publisher.publish('a', String(index))));
    expect(results).toEqual(Array.from({ length: 50 }, (_, index) => `a ${index}`));
    expect(publisher).toMatchObject({ most: 1, runs: 50, inside: 0 });
  });

  it('lets calls under other names run at once', async () => {
    const publisher = new Publisher(new LockClient(memoryLocks()));
    await Promise.all([publisher.publish('a'), publisher.publish('b')]);
    expect(publisher.most).toBe(2);
  });

  it('rejects with LOCK_TIMEOUT where it does not have the lock in time, and the method has not run', async () => {
    const locks = new LockClient(memoryLocks());
    const held = await locks.tryAcquire('a', { ttlMs: 60_000 });
    const publisher = new Publisher(locks);
    await expect(publisher.optional('a')).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
    await held?.release();
    expect(await publisher.optional('a')).toBe('a');
  });

  it('gives the lock back when the method throws, and passes on what it threw', async () => {
    const locks = new LockClient(memoryLocks());
    const publisher = new Publisher(locks);
    await expect(publisher.optional('broken')).rejects.toEqual(new RangeError('no such id'));
    expect(await locks.isLocked('broken')).toBe(false);
  });

  it('asks with the name and how the lock is waited for and held, and this in name is the instance', async () => {
    const locks = new FakeLocks();
    const publisher = new Publisher(locks);
    await publisher.publish('a');
    await publisher.optional('b');
    expect(locks.calls).toEqual([
      { name: 'publish:acme/a', options: { ttlMs: 10_000, timeoutMs: 5_000 } },
      { name: 'b', options: { ttlMs: 1_000, timeoutMs: 0, permits: 2, autoRenew: false } },
    ]);
  });

  it('leaves out calls that when says no to', async () => {
    const locks = new FakeLocks();
    expect(await new Publisher(locks).optional('free')).toBe('free');
    expect(locks.calls).toEqual([]);
  });

  it('rejects a name that is none, and does not run the method', async () => {
    const publisher = new Publisher(new LockClient(memoryLocks()));
    for (const name of ['', 5, undefined, 'x'.repeat(513)]) {
      await expect(publisher.odd(name as string)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    expect(publisher.runs).toBe(0);
  });

  it('keeps the name and the arity of the method', () => {
    expect(Publisher.prototype.publish.name).toBe('publish');
    expect(Publisher.prototype.publish).toHaveLength(1);
  });

  describe('with Cached', () => {
    class Loads {
      runs = 0;
      readonly cache = new FakeCache();
      readonly locks = new FakeLocks();
      @Locked({ name: (id) => id, ttlMs: 1_000 })
      @Cached(60)
      async above(id: string): Promise<string> {
        this.runs += 1;
        return id;
      }
      @Cached(60)
      @Locked({ name: (id) => id, ttlMs: 1_000 })
      async below(id: string): Promise<string> {
        this.runs += 1;
        return id;
      }
    }

    it('above it all calls take the lock, and one load serves them, also of caches that share no loads', async () => {
      const one = new Loads();
      const other = Object.assign(new Loads(), { locks: one.locks, cache: one.cache });
      await Promise.all([one.above('a'), other.above('a'), one.above('a')]);
      expect(one.runs + other.runs).toBe(1);
      expect(one.locks.calls).toHaveLength(3);
    });

    it('below it hits take no lock', async () => {
      const loads = new Loads();
      expect([await loads.below('a'), await loads.below('a')]).toEqual(['a', 'a']);
      expect(loads.locks.calls).toHaveLength(1);
      expect(loads.runs).toBe(1);
    });
  });

  it.each<[string, object]>([
    ['ttlMs', { ttlMs: 999 }],
    ['ttlMs', { ttlMs: undefined }],
    ['timeoutMs', { timeoutMs: -1 }],
    ['permits', { permits: 0 }],
    ['name is missing', { name: undefined }],
    ['name', { name: 'publish' }],
    ['when', { when: true }],
    ['locks', { locks: new FakeLocks() }],
  ])('refuses when the class is defined: %s %p', (option, change) => {
    const refused = expect.objectContaining({
      code: 'INVALID_OPTION',
      message: expect.stringContaining(option) as string,
    }) as Error;
    expect(() => Locked({ name: () => 'a', ttlMs: 1_000, ...change } as never)).toThrow(refused);
  });

  it('refuses what is no instance method', () => {
    const decorate = Locked({ name: () => 'a', ttlMs: 1_000 }) as (...args: unknown[]) => unknown;
    const refused = expect.objectContaining({ code: 'INVALID_DECORATION' }) as Error;
    expect(() => decorate(class {}, undefined)).toThrow(refused);
  });
});
