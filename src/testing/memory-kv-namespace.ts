import type { KVEntryLike, KVListOptionsLike, KVPutOptionsLike } from '../clients/kv/kv-namespace.js';
import type { MemoryKVCounts, MemoryKVOperation } from './kv-faults.js';
import { KVFaults } from './kv-faults.js';
import {
  checkCacheTtl,
  checkKeyBytes,
  isDroppedByBulk,
  platformError,
  toBulkKeys,
  toBytes,
  toExpiration,
  toKey,
  toMetadataText,
  toPageSize,
} from './kv-platform.js';
import type {
  MemoryKVEntry,
  MemoryKVGet,
  MemoryKVGetWithMetadata,
  MemoryKVListKey,
  MemoryKVListResult,
} from './memory-kv-types.js';
import { compareUtf8 } from './utf8-order.js';

const MAX_BULK_BYTES = 25 * 1024 * 1024;

/** Options of `MemoryKVNamespace`. */
export interface MemoryKVNamespaceOptions {
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Whether a second write to a key within a second is answered with 429, as on the platform but not in Miniflare.
   *
   * @default false
   */
  readonly writesPerSecondPerKey?: boolean;
}

interface Stored {
  readonly bytes: Uint8Array;
  /** Seconds since the epoch. */
  readonly expiration: number | undefined;
  readonly metadataText: string | undefined;
  readonly writtenAt: number;
}

type Type = 'text' | 'json' | 'arrayBuffer' | 'stream';
type GetOptions = Type | { type?: Type | undefined; cacheTtl?: number } | undefined;

/**
 * A KV namespace in memory that refuses what the platform refuses, in its words, and can be made to fail. It is strongly
 * consistent, as Miniflare is. Use it in place of a binding in tests.
 *
 * @example
 * ```ts
 * const kv = new MemoryKVNamespace();
 * kv.failNext('get');
 * await new CacheClient(kv).get('cache:content:featured'); // null: a failing KV is a miss
 * ```
 */
export class MemoryKVNamespace {
  readonly #entries = new Map<string, Stored>();
  readonly #faults = new KVFaults();
  readonly #now: () => number;
  readonly #writesPerSecondPerKey: boolean;

  constructor(options: MemoryKVNamespaceOptions = {}) {
    this.#now = options.now ?? Date.now;
    this.#writesPerSecondPerKey = options.writesPerSecondPerKey ?? false;
  }

  /** Reads one value, or up to 100 as text or JSON; `null` for what is absent or expired. */
  get = (async (keys: string | string[], options?: GetOptions): Promise<unknown> => {
    const { type, cacheTtl } = readOptions(options);
    if (!Array.isArray(keys)) return (await this.#readOne(toKey(keys, 'GET'), type, cacheTtl)).value;
    const entries = await this.#readBulk(keys, type, cacheTtl);
    return new Map([...entries].map(([key, entry]) => [key, entry?.value ?? null]));
  }) as MemoryKVGet;

  /** As `get`, with what was put beside the value. Unlike all others it throws at once for a bad key, as workerd does. */
  getWithMetadata = ((keys: string | string[], options?: GetOptions): Promise<unknown> => {
    const { type, cacheTtl } = readOptions(options);
    if (Array.isArray(keys)) return this.#readBulk(keys, type, cacheTtl);
    return this.#readOne(toKey(keys, 'GET'), type, cacheTtl);
  }) as MemoryKVGetWithMetadata;

  /** Writes a value; the last write wins. */
  async put(
    key: string,
    value: string | ArrayBuffer | ArrayBufferView | ReadableStream,
    options: KVPutOptionsLike = {},
  ): Promise<void> {
    const name = toKey(key, 'PUT');
    const now = this.#now();
    const expiration = toExpiration(Math.floor(now / 1000), options);
    const metadataText = toMetadataText(options.metadata);
    await this.#faults.pass('put');
    const bytes = await toBytes(value);
    const last = this.#entries.get(name)?.writtenAt ?? -Infinity;
    if (this.#writesPerSecondPerKey && now - last < 1000) throw platformError('PUT', 429, 'Too Many Requests');
    this.#entries.set(name, { bytes, expiration, metadataText, writtenAt: now });
  }

  /** Deletes a key; a missing one is no failure. */
  async delete(key: string): Promise<void> {
    const name = toKey(key, 'DELETE');
    await this.#faults.pass('delete');
    this.#entries.delete(name);
  }

  /** Lists up to 1,000 keys in the order of their UTF-8 bytes. */
  async list<M = unknown>(
    options: { prefix?: string | null; limit?: number; cursor?: string | null } | KVListOptionsLike = {},
  ): Promise<MemoryKVListResult<M>> {
    const prefix = options.prefix ?? '';
    const size = toPageSize(options.limit);
    checkKeyBytes(prefix, 'GET');
    await this.#faults.pass('list');
    const after = options.cursor == null || options.cursor === '' ? null : decodeCursor(options.cursor);
    const names = [...this.#entries.keys()]
      .filter((name) => name.startsWith(prefix) && (after === null || compareUtf8(name, after) > 0))
      .filter((name) => this.#find(name) !== undefined)
      .sort(compareUtf8);
    const page = names.slice(0, size);
    const keys = page.map((name) => this.#describe<M>(name));
    const last = page.at(-1);
    if (last === undefined || names.length === page.length) return { keys, list_complete: true, cacheStatus: null };
    return { keys, list_complete: false, cursor: encodeCursor(last), cacheStatus: null };
  }

  /** How often each operation was asked for. */
  get counts(): Readonly<MemoryKVCounts> {
    return { ...this.#faults.counts };
  }

  /** How many operations were asked for in all. */
  get operations(): number {
    return Object.values(this.#faults.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Makes the next such operation fail; without an error with the platform's `500 Internal Server Error`. */
  failNext(operation: MemoryKVOperation | 'all', error?: Error): void {
    this.#faults.add({ operation, error, isOnce: true });
  }

  /** Makes every such operation fail until `heal`. */
  failAll(operation: MemoryKVOperation | 'all' = 'all', error?: Error): void {
    this.#faults.add({ operation, error, isOnce: false });
  }

  /** Makes every such operation hang for ever, until `heal`; those under way keep hanging. */
  hang(operation: MemoryKVOperation | 'all' = 'all'): void {
    this.#faults.add({ operation, error: 'hang', isOnce: false });
  }

  /** Ends all faults. */
  heal(): void {
    this.#faults.clear();
  }

  async #readOne(name: string, type: string, cacheTtl: unknown): Promise<MemoryKVEntry<unknown, unknown>> {
    checkCacheTtl(cacheTtl, 'GET');
    await this.#faults.pass('get');
    const stored = this.#find(name);
    const value = stored === undefined ? null : decode(stored.bytes, type);
    return { value, metadata: metadataOf(stored), cacheStatus: null };
  }

  async #readBulk(keys: string[], type: string, cacheTtl: unknown): Promise<Map<string, KVEntryLike | null>> {
    const names = toBulkKeys(keys, type);
    checkCacheTtl(cacheTtl, 'GET_BULK');
    await this.#faults.pass('get');
    const entries = new Map<string, KVEntryLike | null>();
    let bytes = 0;
    for (const name of names) {
      const stored = this.#find(name);
      bytes += stored?.bytes.byteLength ?? 0;
      if (isDroppedByBulk(name)) continue;
      const value = stored === undefined ? null : decodeInBulk(stored.bytes, type);
      entries.set(name, stored === undefined ? null : { value: value as string, metadata: metadataOf(stored) });
    }
    if (bytes > MAX_BULK_BYTES) throw platformError('GET_BULK', 413, 'Total size of request exceeds the limit of 25MB');
    return entries;
  }

  #find(name: string): Stored | undefined {
    const stored = this.#entries.get(name);
    const isOver = stored?.expiration !== undefined && stored.expiration * 1000 <= this.#now();
    return isOver ? undefined : stored;
  }

  #describe<M>(name: string): MemoryKVListKey<M> {
    const stored = this.#find(name);
    return {
      name,
      ...(stored?.expiration !== undefined && { expiration: stored.expiration }),
      ...(stored?.metadataText !== undefined && { metadata: JSON.parse(stored.metadataText) as M }),
    };
  }
}

function readOptions(options: GetOptions): { type: string; cacheTtl: unknown } {
  if (typeof options === 'string') return { type: options, cacheTtl: undefined };
  return { type: options?.type ?? 'text', cacheTtl: options?.cacheTtl };
}

function decode(bytes: Uint8Array, type: string): unknown {
  if (type === 'arrayBuffer') return bytes.slice().buffer;
  if (type === 'stream') return new Response(bytes.slice()).body;
  const text = new TextDecoder().decode(bytes);
  if (type === 'text') return text;
  if (type === 'json') return JSON.parse(text);
  throw new TypeError('Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".');
}

function decodeInBulk(bytes: Uint8Array, type: string): unknown {
  try {
    return decode(bytes, type);
  } catch {
    const message = `At least one of the requested keys corresponds to a non-${type} value`;
    throw platformError('GET_BULK', 400, message);
  }
}

function metadataOf(stored: Stored | undefined): unknown {
  return stored?.metadataText === undefined ? null : JSON.parse(stored.metadataText);
}

function encodeCursor(name: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(name)));
}

function decodeCursor(cursor: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(cursor), (char) => char.charCodeAt(0)));
}
