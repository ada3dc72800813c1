import { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import { CacheEvict } from '../../src/decorators/cache-evict.js';
import { cachePrefix } from '../../src/decorators/cache-key.js';
import { CachePut } from '../../src/decorators/cache-put.js';
import { cached } from '../../src/decorators/cached-methods.js';
import { Cached } from '../../src/decorators/cached.js';
import { ManualClock, MemoryKVNamespace, RecordingSink } from '../../src/testing.js';

const clock = new ManualClock();
let kv = new MemoryKVNamespace({ now: clock.now });

class Content {
  loads = 0;
  fails = false;
  readonly events = new RecordingSink();
  readonly cache = new CacheClient(kv, { now: clock.now, events: this.events });

  @Cached({ ttl: 60, name: 'content', key: (id) => id, staleIfError: 600, tags: (id) => [`content:${id}`] })
  async get(id: string): Promise<string> {
    if (this.fails) throw new RangeError('database down');
    this.loads += 1;
    return `${id} ${this.loads}`;
  }

  @Cached({ ttl: (page) => page.length, name: 'feed', scope: (user) => user, tagsOf: (page) => page })
  async feed(user: string): Promise<string[]> {
    this.loads += 1;
    return [user, `${user} ${this.loads}`];
  }

  @CachePut({ ttl: 60, name: 'content', key: (id) => id, staleIfError: 600, tags: (id) => [`content:${id}`] })
  async update(_id: string, text: string): Promise<string> {
    return text;
  }

  @CacheEvict({
    keys(id) {
      return cached(this).get.keyOf(id);
    },
    prefix: (id) => cachePrefix('feed', id),
    tags: (id) => [id],
  })
  async remove(_id: string): Promise<string> {
    return 'removed';
  }

  @CacheEvict({ tags: (id) => [`content:${id}`] })
  async retag(_id: string): Promise<void> {}
}

// A client lives for one request, so each test takes a service of its own, and of what was before the namespace alone.
describe('the decorators on a CacheClient', () => {
  beforeEach(() => {
    kv = new MemoryKVNamespace({ now: clock.now });
  });

  it('serve a hit with one KV operation, tags of the arguments included', async () => {
    await new Content().get('a');
    const content = new Content();
    const before = kv.operations;
    expect(await content.get('a')).toBe('a 1');
    expect(kv.operations - before).toBe(1);
    expect(content.loads).toBe(0);
  });

  it('run the method once for 50 calls at once, and 50 times for 50 puts', async () => {
    const content = new Content();
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => content.get('a'))))).toEqual(new Set(['a 1']));
    const texts = Array.from({ length: 50 }, (_, index) => `text ${index}`);
    expect(await Promise.all(texts.map((text) => content.update('a', text)))).toEqual(texts);
    expect(texts).toContain(await content.get('a'));
  });

  it('serve a stale value while the method fails', async () => {
    const content = new Content();
    await content.get('a');
    clock.advance(61_000);
    content.fails = true;
    expect(await content.get('a')).toBe('a 1');
    clock.advance(600_000);
    await expect(content.get('a')).rejects.toEqual(new RangeError('database down'));
  });

  it('read in the next request what a put has stored, with its stale bound', async () => {
    await new Content().get('a');
    clock.advance(2_000);
    await new Content().update('a', 'new');
    const content = new Content();
    expect(await content.get('a')).toBe('new');
    clock.advance(61_000);
    content.fails = true;
    expect(await content.get('a')).toBe('new');
  });

  it('do not store what a read began to load before a put', async () => {
    let answer: (text: string) => void = () => {};
    class Racing {
      cache = new CacheClient(kv, { now: clock.now });
      @Cached({ ttl: 60, name: 'racing', key: (id) => id })
      async get(_id: string): Promise<string> {
        return new Promise((resolve) => (answer = resolve));
      }
      @CachePut({ ttl: 60, name: 'racing', key: (id) => id })
      async update(_id: string, text: string): Promise<string> {
        return text;
      }
    }
    const racing = new Racing();
    const old = racing.get('a');
    await new Promise(setImmediate);
    expect(await racing.update('a', 'new')).toBe('new');
    answer('old');
    expect(await old).toBe('old');
    expect(await new Racing().get('a')).toBe('new');
  });

  it('give the result of a put while KV fails, and an event', async () => {
    const content = new Content();
    kv.failAll('put');
    expect(await content.update('a', 'new')).toBe('new');
    expect(content.events.events.map(({ type }) => type)).toContain('cache.error');
  });

  it('drop keys, a prefix and tags, and give the result while KV fails', async () => {
    const content = new Content();
    await content.get('u1');
    for (const user of ['u1', 'u2']) await content.feed(user);
    clock.advance(1_000);
    expect(await content.remove('u1')).toBe('removed');
    expect([await new Content().get('u1'), await new Content().feed('u1')]).toEqual(['u1 1', ['u1', 'u1 1']]);
    expect(await new Content().feed('u2')).toEqual(['u2', 'u2 3']);
    kv.failAll('delete');
    expect(await content.remove('u1')).toBe('removed');
  });

  it('let the result say the lifetime', async () => {
    const content = new Content();
    await content.feed('u1');
    clock.advance(1_999);
    expect(await new Content().feed('u1')).toEqual(['u1', 'u1 1']);
    clock.advance(2);
    expect(await content.feed('u1')).toEqual(['u1', 'u1 2']);
  });

  it('leave no old entry behind where a put or a refresh gives what cannot be stored', async () => {
    class Unstorable {
      next: unknown = 'old';
      loads = 0;
      cache = new CacheClient(kv, { now: clock.now });
      @Cached({ ttl: 60, name: 'unstorable', key: (id) => id })
      async get(_id: string): Promise<unknown> {
        this.loads += 1;
        return this.next;
      }
      @CachePut({ ttl: 60, name: 'unstorable', key: (id) => id })
      async update(_id: string, value: unknown): Promise<unknown> {
        return value;
      }
    }
    await new Unstorable().get('put');
    await new Unstorable().get('refreshed');
    clock.advance(2_000);
    const service = new Unstorable();
    service.next = new Map([['a', 1]]);
    expect(await service.update('put', service.next)).toEqual(service.next);
    expect(await cached(service).get.refresh('refreshed')).toEqual(service.next);
    clock.advance(2_000);
    const next = Object.assign(new Unstorable(), { next: 'new' });
    expect([await next.get('put'), await next.get('refreshed')]).toEqual(['new', 'new']);
  });

  it('match the tags of an id of any length', async () => {
    const id = 'x'.repeat(200);
    await new Content().get(id);
    clock.advance(1_000);
    await new Content().retag(id);
    clock.advance(1_000);
    const content = new Content();
    expect(await content.get(id)).toBe(`${id} 1`);
    expect(content.loads).toBe(1);
  });

  it('invalidate by tag, invalidate one entry, and refresh one', async () => {
    const content = new Content();
    await content.get('a');
    clock.advance(1_000);
    await content.retag('a');
    clock.advance(1_000);
    expect(await content.get('a')).toBe('a 2');
    clock.advance(1_000);
    expect(await cached(content).get.invalidate('a')).toEqual({ evicted: 1, failed: [] });
    expect(await content.get('a')).toBe('a 3');
    clock.advance(1_000);
    expect(await cached(content).get.refresh('a')).toBe('a 4');
    expect(await new Content().get('a')).toBe('a 4');
  });
});
