import type { KVEntryLike, KVListOptionsLike, KVPutOptionsLike } from '../clients/kv/kv-namespace.js';
import type { MemoryKVCounts, MemoryKVOperation } from './kv-faults.js';
import { KVFaults } from './kv-faults.js';
import {
  checkKeyBytes,
  isDroppedByBulk,
  platformError,
  toBulkKeys,
  toBytes,
  toCacheTtl,
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
import type { KVPlace, StoredValue } from './kv-place.js';
import { isExpired } from './kv-place.js';
import { compareUtf8 } from './utf8-order.js';

const MAX_BULK_BYTES = 25 * 1024 * 1024;

type Type = 'text' | 'json' | 'arrayBuffer' | 'stream';
type GetOptions = Type | { type?: Type | undefined; cacheTtl?: number } | undefined;

/** A KV binding in memory: it refuses what the platform refuses, in its words, can be made to fail, and leaves the rest to a place. */
export class MemoryKVBinding {
  readonly #place: KVPlace;
  readonly #faults = new KVFaults();

  constructor(place: KVPlace) {
    this.#place = place;
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
    const expiration = toExpiration(Math.floor(this.#place.now() / 1000), options);
    const metadataText = toMetadataText(options.metadata);
    await this.#faults.pass('put');
    this.#place.write(name, { bytes: await toBytes(value), expiration, metadataText });
  }

  /** Deletes a key; a missing one is no failure. */
  async delete(key: string): Promise<void> {
    const name = toKey(key, 'DELETE');
    await this.#faults.pass('delete');
    this.#place.remove(name);
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
    const now = this.#place.now();
    const found = [...this.#place.entries()]
      .filter(([name]) => name.startsWith(prefix) && (after === null || compareUtf8(name, after) > 0))
      .filter(([, value]) => !isExpired(value, now))
      .sort(([one], [other]) => compareUtf8(one, other));
    const page = found.slice(0, size);
    const keys = page.map(([name, value]) => describe<M>(name, value));
    const last = page.at(-1)?.[0];
    if (last === undefined || found.length === page.length) return { keys, list_complete: true, cacheStatus: null };
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
    const seconds = toCacheTtl(cacheTtl, 'GET');
    await this.#faults.pass('get');
    const stored = this.#find(name, seconds);
    const value = stored === undefined ? null : decode(stored.bytes, type);
    return { value, metadata: metadataOf(stored), cacheStatus: null };
  }

  async #readBulk(keys: string[], type: string, cacheTtl: unknown): Promise<Map<string, KVEntryLike | null>> {
    const names = toBulkKeys(keys, type);
    const seconds = toCacheTtl(cacheTtl, 'GET_BULK');
    await this.#faults.pass('get');
    const entries = new Map<string, KVEntryLike | null>();
    let bytes = 0;
    for (const name of names) {
      const stored = this.#find(name, seconds);
      bytes += stored?.bytes.byteLength ?? 0;
      if (isDroppedByBulk(name)) continue;
      const value = stored === undefined ? null : decodeInBulk(stored.bytes, type);
      entries.set(name, stored === undefined ? null : { value: value as string, metadata: metadataOf(stored) });
    }
    if (bytes > MAX_BULK_BYTES) throw platformError('GET_BULK', 413, 'Total size of request exceeds the limit of 25MB');
    return entries;
  }

  #find(name: string, cacheTtlSeconds: number | undefined): StoredValue | undefined {
    const stored = this.#place.read(name, cacheTtlSeconds);
    return stored === undefined || isExpired(stored, this.#place.now()) ? undefined : stored;
  }
}

function describe<M>(name: string, { expiration, metadataText }: StoredValue): MemoryKVListKey<M> {
  return {
    name,
    ...(expiration !== undefined && { expiration }),
    ...(metadataText !== undefined && { metadata: JSON.parse(metadataText) as M }),
  };
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

function metadataOf(stored: StoredValue | undefined): unknown {
  return stored?.metadataText === undefined ? null : JSON.parse(stored.metadataText);
}

function encodeCursor(name: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(name)));
}

function decodeCursor(cursor: string): string {
  return new TextDecoder().decode(Uint8Array.from(atob(cursor), (char) => char.charCodeAt(0)));
}
