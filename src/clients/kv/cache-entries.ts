import type { CloudflareClientError, ErrorCode } from '../../errors.js';
import type { EventSink } from '../../events.js';
import type { ExecutionContextLike } from '../../internal/execution-context.js';
import { report } from '../../internal/report.js';
import { readInBulk } from './bulk-read.js';
import type { CacheLookup } from './cache-entry.js';
import { decodeEntry, entryOptions, MISS } from './cache-entry.js';
import type { Flight } from './flight.js';
import { keyPrefix } from './key.js';
import { KVAccess } from './kv-access.js';
import type { KVEntryLike, KVNamespaceLike } from './kv-namespace.js';
import { toJson } from './value.js';

/** The options of a cache, resolved. */
export interface CacheEntriesOptions {
  readonly timeoutMs: number;
  readonly events: EventSink | undefined;
  readonly now: () => number;
  readonly waitUntil: ExecutionContextLike['waitUntil'] | undefined;
}

/** Reads and writes the entries of a cache. Keys and TTLs arrive checked; reads degrade to misses, with an event. */
export class CacheEntries {
  readonly access: KVAccess;
  readonly #events: EventSink | undefined;
  readonly #now: () => number;
  readonly #waitUntil: ExecutionContextLike['waitUntil'] | undefined;

  constructor(namespace: KVNamespaceLike, { timeoutMs, events, now, waitUntil }: CacheEntriesOptions) {
    this.access = new KVAccess(namespace, { source: 'cache', timeoutMs, events });
    this.#events = events;
    this.#now = now;
    this.#waitUntil = waitUntil;
  }

  /** What an answer of KV means now; `undefined` stands for a read that failed. */
  judge(key: string, entry: KVEntryLike | string | null | undefined): CacheLookup<unknown> {
    const found = entry === undefined ? MISS.error : decodeEntry(entry, this.#now());
    if (this.#events !== undefined) reportLookup(this.#events, key, found);
    return found;
  }

  /** Looks up many keys, 100 per operation; answers for each. */
  async findMany(keys: readonly string[]): Promise<Map<string, CacheLookup<unknown>>> {
    const { access } = this;
    const entries = await readInBulk<KVEntryLike | string | null>(keys, {
      many: async (chunk) => access.readEntries(chunk),
      one: async (key) => access.readEntry(key),
      failed: (failedKeys, cause) => access.reportFailure('read', failedKeys[0] ?? '', cause),
    });
    return new Map(keys.map((key) => [key, this.judge(key, entries.get(key))]));
  }

  /**
   * Writes an entry.
   *
   * @throws {CloudflareClientError} `KV_WRITE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`; `INVALID_VALUE` above 25 MiB.
   */
  async write(key: string, text: string, ttlSeconds: number): Promise<void> {
    await this.access.write(key, text, entryOptions(this.#now(), ttlSeconds));
    if (this.#events !== undefined) {
      report(this.#events, { type: 'cache.write', keyPrefix: keyPrefix(key), ttlSeconds });
    }
  }

  /**
   * Stores what a flight loaded, unless the key changed meanwhile. What cannot be stored is reported, never thrown.
   *
   * @returns the code of a write that failed.
   */
  async keep(flight: Flight, key: string, ttlSeconds: number, value: unknown): Promise<ErrorCode | undefined> {
    try {
      flight.text = toJson(value);
    } catch (error) {
      const reason = (error as CloudflareClientError).message;
      if (this.#events !== undefined) report(this.#events, { type: 'cache.skip', keyPrefix: keyPrefix(key), reason });
      return undefined;
    }
    if (flight.isSuperseded) return undefined;
    const writing = this.#writeOrReport(key, flight.text, ttlSeconds);
    flight.writing = writing;
    return writing;
  }

  async #writeOrReport(key: string, text: string, ttlSeconds: number): Promise<ErrorCode | undefined> {
    const write = this.write(key, text, ttlSeconds).then(
      () => undefined,
      (error: unknown) => {
        this.access.reportFailure('write', key, error);
        return (error as CloudflareClientError).code;
      },
    );
    try {
      this.#waitUntil?.(write);
    } catch {
      // The request is over. The write was started and is awaited below; there is nobody left to tell.
    }
    return write;
  }
}

function reportLookup(events: EventSink, key: string, found: CacheLookup<unknown>): void {
  const prefix = keyPrefix(key);
  if (found.status === 'hit') report(events, { type: 'cache.hit', keyPrefix: prefix, ageMs: found.ageMs ?? 0 });
  else report(events, { type: 'cache.miss', keyPrefix: prefix, reason: found.reason });
}
