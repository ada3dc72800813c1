// Compiled in both decorator dialects (see tsconfig.standard.json), never run.
/* eslint-disable @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-member-access -- of what must not compile */
import { cached } from '../../src/decorators/cached-methods.js';
import type { CachedMethods } from '../../src/decorators/cached-methods.js';
import { CacheEvict } from '../../src/decorators/cache-evict.js';
import { CachePut } from '../../src/decorators/cache-put.js';
import { Cached } from '../../src/decorators/cached.js';
import type { EvictReport } from '../../src/clients/kv/cache/evict.js';

interface Content {
  readonly id: string;
}

export class ContentService {
  readonly tenant = 'acme';
  readonly size = 3;

  @Cached(300)
  async list(category: string, page = 1): Promise<Content[]> {
    return [{ id: category + page.toFixed() }];
  }

  @Cached({ ttl: 60, name: 'content', key: (id) => id })
  async get(id: string): Promise<Content | null> {
    return { id };
  }

  @CachePut({
    ttl: (value) => value.id.length,
    name: 'content',
    key: (id) => id,
    cacheIf: (value) => value.id !== '',
    tags: (id, changes) => [id, changes.id ?? ''],
    tagsOf: (value) => [value.id],
  })
  @CachePut({ ttl: 60, name: (self) => self.tenant, key: (id) => id })
  async update(id: string, changes: Partial<Content>): Promise<Content> {
    await cached(this).get.invalidate(id);
    return { ...changes, id };
  }

  @CacheEvict({
    keys(id) {
      return [cached(this).get.keyOf(id), cached(this).list.keyOf('news', 2), `${this.tenant}:${id}`];
    },
    prefix: (id) => id,
    tags: (id) => [id.toUpperCase()],
    when: (id) => id !== '',
    before: true,
  })
  async remove(id: string): Promise<unknown[]> {
    const report: EvictReport = await cached(this).list.invalidate('news');
    const fresh: Content | null = await cached(this).get.refresh(id);
    // @ts-expect-error an argument of another type
    await cached(this).get.refresh(5);
    // @ts-expect-error answers synchronously
    await cached(this).count.refresh();
    return [report, fresh];
  }

  @CacheEvict({
    keys(id) {
      return cached(this).get.keyOf(id);
    },
  })
  async touch(id: string): Promise<string> {
    return id;
  }

  @CacheEvict({ keys: ['a'], prefix: 'b', tags: ['c'] })
  async fixed(): Promise<void> {
    // Never called.
  }

  count(): number {
    return 1;
  }

  protected async hidden(): Promise<number> {
    return 1;
  }
}

export async function accepted(service: ContentService): Promise<unknown[]> {
  const key: string = await cached(service).list.keyOf('news');
  const report: EvictReport = await cached(service).list.invalidate('news', 2);
  const fresh: Content[] = await cached(service).list.refresh('news');
  const one: Content | null = await cached(service).get.refresh('a');
  const methods: CachedMethods<ContentService> = cached(service);
  await methods.get.keyOf('a');
  return [key, report, fresh, one];
}

export async function refused(service: ContentService): Promise<string> {
  // @ts-expect-error an argument of another type
  await cached(service).list.invalidate(5);
  // @ts-expect-error an argument is missing
  await cached(service).get.keyOf();
  // @ts-expect-error the result of another type
  const wrong: string = await cached(service).get.refresh('a');
  // @ts-expect-error answers synchronously
  cached(service).count.keyOf();
  // @ts-expect-error no method
  cached(service).size.keyOf();
  // @ts-expect-error not public
  await cached(service).hidden.keyOf();
  // @ts-expect-error no such method
  await cached(service).nothing.keyOf();
  // @ts-expect-error no object
  cached('service');
  return wrong;
}

export class RefusedPuts {
  // @ts-expect-error no name
  @CachePut({ ttl: 60, key: (id: string) => id })
  async noName(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error no key
  @CachePut({ ttl: 60, name: 'content' })
  async noKey(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error the result is no number
  @CachePut({ ttl: 60, name: 'content', key: (id) => id, cacheIf: (value: number) => value > 0 })
  async otherResult(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error when the method loads is not asked
  @CachePut({ ttl: 60, name: 'content', key: (id) => id, hardTimeoutMs: 5 })
  async readOption(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error not async
  @CachePut({ ttl: 60, name: 'content', key: () => 'a' })
  sync(): number {
    return 1;
  }
}

export class RefusedEvictions {
  // @ts-expect-error keys of another type
  @CacheEvict({ keys: (id: number) => id.toFixed() })
  async wrongKeys(_id: string): Promise<void> {
    // Never called.
  }

  // @ts-expect-error the keys are no strings
  @CacheEvict({ keys: (id) => [id.length] })
  async numbers(_id: string): Promise<void> {
    // Never called.
  }

  // @ts-expect-error not async
  @CacheEvict({ tags: ['a'] })
  sync(): number {
    return 1;
  }
}
