// Compiled in both decorator dialects (see tsconfig.standard.json), never run.
import './cached-methods.js';
import './locked.js';
import './rate-limited.js';
import { Cached } from '../../src/decorators/cached.js';
import type { StandardSchema } from '../../src/clients/kv/cache/standard-schema.js';
import type { Cache } from '../../src/clients/kv/cache/cache.js';

declare const kv: Cache;
declare const strings: StandardSchema<string[]>;
const FiveMinutes = Cached(300);

export class Accepted {
  readonly tenant = 'acme';
  readonly #cache = kv;

  @Cached(300)
  async plain(): Promise<number> {
    return 1;
  }

  @FiveMinutes
  async stored(id: string): Promise<string> {
    return id;
  }

  @Cached({ ttl: 60, key: (id, page) => id.toUpperCase() + page.toFixed(), cache: (self) => self.#cache })
  async inferred(id: string, page: number): Promise<string> {
    return id + page.toString();
  }

  @Cached({ ttl: 60, key: (id) => id })
  async shorterKey(id: string, _page?: number, ..._rest: string[]): Promise<string> {
    return id;
  }

  @Cached({
    ttl: 60,
    key(id) {
      return this.tenant + id;
    },
  })
  async typedThis(id: string): Promise<string> {
    return id;
  }

  @Cached({ ttl: 60, name: (self) => self.tenant, scope: (id) => id })
  async nameOfInstance(id: string): Promise<string> {
    return id;
  }

  @Cached(60)
  async generic<T extends string>(id: T): Promise<T[]> {
    return [id];
  }

  async overloaded(id: string): Promise<string>;
  async overloaded(id: number): Promise<number>;
  @Cached(60)
  async overloaded(id: string | number): Promise<string | number> {
    return id;
  }

  @Cached({
    ttl: (value) => value.length,
    cacheIf: (value) => value.every((item) => item.toUpperCase() !== ''),
    tags: (category, page) => [category, page.toFixed()],
    tagsOf: (value) => value.map((item) => item.trim()),
    when: (category) => category !== '',
    key: (category) => category,
    forceFresh: (_category, page) => page > 1,
    scope(category) {
      return this.tenant + category;
    },
    schema: strings,
    staleWhileRevalidate: 60,
    singleFlight: 'isolate',
  })
  async everything(category: string, page: number): Promise<string[]> {
    return [category, page.toFixed()];
  }

  @Cached({ ttl: 60, tags: ['a'], cacheIf: (value: string | number) => value !== '' })
  async annotated(): Promise<string> {
    return '';
  }

  @Cached({ ttl: 60, cacheIf: (value) => value !== null && value.trim() !== '' })
  async nullable(): Promise<string | null> {
    return null;
  }

  @Cached({ ttl: 60, cacheIf: (value) => value.length > 0 })
  async inferredResult() {
    return ['a'];
  }

  @Cached({ ttl: 60, cacheIf: (value) => value === undefined, name: 'nothing' })
  async nothing(): Promise<void> {
    // Never called.
  }

  @Cached(60)
  protected async guarded(): Promise<void> {
    // Never called.
  }
}

export class Refused {
  // @ts-expect-error not async
  @Cached(60)
  sync(): number {
    return 1;
  }

  // @ts-expect-error a promise or nothing
  @Cached(60)
  maybe(): Promise<number> | undefined {
    return undefined;
  }

  // @ts-expect-error a static method
  @Cached(60)
  static async shared(): Promise<number> {
    return 1;
  }

  // @ts-expect-error a getter
  @Cached(60)
  get value(): number {
    return 1;
  }

  // @ts-expect-error a generator
  @Cached(60)
  async *pages(): AsyncGenerator<number> {
    yield 1;
  }

  // @ts-expect-error the key takes another parameter
  @Cached({ ttl: 60, key: (id: number) => id.toFixed() })
  async wrongKey(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error the accessor of another class
  @Cached({ ttl: 60, cache: (self: Accepted) => kv && (self as unknown as Cache) })
  async wrongSelf(): Promise<string> {
    return '';
  }

  // @ts-expect-error a name that is no string
  @Cached({ ttl: 60, name: () => 5 })
  async wrongName(): Promise<string> {
    return '';
  }

  // @ts-expect-error the result is no number
  @Cached({ ttl: 60, cacheIf: (value: number) => value > 0 })
  async wrongResult(): Promise<string> {
    return '';
  }

  // @ts-expect-error the lifetime of another result
  @Cached({ ttl: (value: number) => value })
  async wrongTtl(): Promise<string> {
    return '';
  }

  // @ts-expect-error the schema of another result
  @Cached({ ttl: 60, schema: strings })
  async wrongSchema(): Promise<number> {
    return 1;
  }

  // @ts-expect-error tags from another parameter
  @Cached({ ttl: 60, tags: (id: number) => [id.toFixed()] })
  async wrongTags(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error a promise is no answer
  @Cached({ ttl: 60, when: async (id: string) => id !== '' })
  async asyncWhen(id: string): Promise<string> {
    return id;
  }

  // @ts-expect-error a scope that can be missing
  @Cached({ ttl: 60, scope: (id?: string) => id })
  async looseScope(id?: string): Promise<string> {
    return id ?? '';
  }

  // @ts-expect-error when: (...args) => boolean
  @Cached({ ttl: 60, bypass: true })
  async bypass(): Promise<string> {
    return '';
  }

  // @ts-expect-error no TTL
  @Cached({ name: 'x' })
  async noTtl(): Promise<string> {
    return '';
  }
}

// @ts-expect-error a class
@Cached(60)
export class OnClass {}
