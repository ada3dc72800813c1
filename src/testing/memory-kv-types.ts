/** How a value is read. */
export interface MemoryKVGetOptions<Type> {
  type: Type;
  /** Seconds, at least 30; checked and without effect, as there is no edge to cache at. */
  cacheTtl?: number;
}

/** A value with its metadata, as `getWithMetadata` answers it. */
export interface MemoryKVEntry<Value, Metadata> {
  value: Value | null;
  metadata: Metadata | null;
  cacheStatus: string | null;
}

/** A key as `list` answers it. */
export interface MemoryKVListKey<Metadata> {
  name: string;
  /** Seconds since the epoch. */
  expiration?: number;
  metadata?: Metadata;
}

/** A page as `list` answers it. */
export type MemoryKVListResult<Metadata> =
  | { keys: MemoryKVListKey<Metadata>[]; list_complete: true; cacheStatus: string | null }
  | { keys: MemoryKVListKey<Metadata>[]; list_complete: false; cursor: string; cacheStatus: string | null };

type As<Type> = Type | MemoryKVGetOptions<Type>;
/** Text is what an absent type stands for. */
type AsText = As<'text'> | Partial<MemoryKVGetOptions<undefined>>;

/** The overloads of a namespace's `get` in `@cloudflare/workers-types` 4. */
export interface MemoryKVGet {
  (key: string, type?: AsText): Promise<string | null>;
  <T = unknown>(key: string, type?: As<'json'>): Promise<T | null>;
  (key: string, type?: As<'arrayBuffer'>): Promise<ArrayBuffer | null>;
  (key: string, type?: As<'stream'>): Promise<ReadableStream | null>;
  (keys: string[], type?: AsText): Promise<Map<string, string | null>>;
  <T = unknown>(keys: string[], type?: As<'json'>): Promise<Map<string, T | null>>;
}

/** The overloads of a namespace's `getWithMetadata` in `@cloudflare/workers-types` 4. */
export interface MemoryKVGetWithMetadata {
  <M = unknown>(key: string, type?: AsText): Promise<MemoryKVEntry<string, M>>;
  <T = unknown, M = unknown>(key: string, type?: As<'json'>): Promise<MemoryKVEntry<T, M>>;
  <M = unknown>(key: string, type?: As<'arrayBuffer'>): Promise<MemoryKVEntry<ArrayBuffer, M>>;
  <M = unknown>(key: string, type?: As<'stream'>): Promise<MemoryKVEntry<ReadableStream, M>>;
  <M = unknown>(keys: string[], type?: AsText): Promise<Map<string, MemoryKVEntry<string, M>>>;
  <T = unknown, M = unknown>(keys: string[], type?: As<'json'>): Promise<Map<string, MemoryKVEntry<T, M>>>;
}
