import { LRUCache } from 'lru-cache';
import { CloudflareClientError } from '../../../errors.js';
import type { KVEntryLike } from '../kv-namespace.js';

const MAX_ENTRIES = 1_000;
const MAX_BYTES = 8 * 1024 * 1024;
// lru-cache makes room for all of them at once.
const MOST_ENTRIES = 100_000;
const BYTES_PER_UNIT = 2;
const ENTRY_OVERHEAD_BYTES = 200;

/** Options of `memoryTier`. */
export interface MemoryTierOptions {
  /** Seconds that an entry is served from memory before KV is asked again, above 0. No change made elsewhere is seen in that time. */
  readonly ttlSeconds: number;
  /**
   * Most entries per namespace, an integer from 1 to 100,000; the least recently used go first.
   *
   * @default 1_000
   */
  readonly maxEntries?: number;
  /**
   * Most bytes per namespace, an integer from 1. An isolate has 128 MB for everything.
   *
   * @default 8_388_608
   */
  readonly maxBytes?: number;
}

/** A cache in the memory of an isolate, apart for each namespace. Holds texts, never objects, so that callers share nothing. */
export interface MemoryTier {
  /** What is held for `key` and not too old; `undefined` otherwise. */
  get(namespace: object, key: string, now: number): KVEntryLike | undefined;
  /** Holds `entry`, unless it alone exceeds the bound. */
  set(namespace: object, key: string, entry: KVEntryLike, now: number): void;
  /** Drops `key`. */
  delete(namespace: object, key: string): void;
  /** Drops every key that starts with `prefix`. */
  deletePrefix(namespace: object, prefix: string): void;
}

interface Held {
  readonly entry: KVEntryLike;
  readonly until: number;
}

/**
 * Makes a tier for `CacheClientOptions.memory`. Call it once, at module scope: it is empty then, and each isolate fills its
 * own. Namespaces are told apart by their binding, so tenants and environments that have namespaces of their own share nothing.
 *
 * @param options how much it holds and for how long.
 * @returns the tier.
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 * @example
 * ```ts
 * const memory = memoryTier({ ttlSeconds: 10 });
 * const app = createContainer(provideCache({ memory }));
 * ```
 */
export function memoryTier(options: MemoryTierOptions): MemoryTier {
  const { ttlSeconds, maxEntries = MAX_ENTRIES, maxBytes = MAX_BYTES } = options;
  check('ttlSeconds', ttlSeconds, ttlSeconds > 0 && ttlSeconds < Infinity, 'seconds above 0');
  check(
    'maxEntries',
    maxEntries,
    isCount(maxEntries) && maxEntries <= MOST_ENTRIES,
    `an integer from 1 to ${MOST_ENTRIES}`,
  );
  check('maxBytes', maxBytes, isCount(maxBytes), 'an integer of at least 1');
  // Without its own `ttl`, lru-cache sets no timers, which Workers forbid at module scope.
  const stores = new WeakMap<object, LRUCache<string, Held>>();
  const storeOf = (namespace: object): LRUCache<string, Held> => {
    let store = stores.get(namespace);
    if (store === undefined) {
      store = new LRUCache({ max: maxEntries, maxSize: maxBytes, sizeCalculation: sizeOf });
      stores.set(namespace, store);
    }
    return store;
  };
  return {
    get(namespace, key, now) {
      const held = stores.get(namespace)?.get(key);
      // A clock that went back would keep it for longer than was asked.
      const isHeld = held !== undefined && now < held.until && now >= held.until - ttlSeconds * 1000;
      return isHeld ? held.entry : undefined;
    },
    set: (namespace, key, entry, now) => void storeOf(namespace).set(key, { entry, until: now + ttlSeconds * 1000 }),
    delete: (namespace, key) => void stores.get(namespace)?.delete(key),
    deletePrefix(namespace, prefix) {
      const store = stores.get(namespace);
      for (const key of store === undefined ? [] : [...store.keys()]) if (key.startsWith(prefix)) store?.delete(key);
    },
  };
}

function sizeOf({ entry }: Held, key: string): number {
  return ((entry.value?.length ?? 0) + key.length) * BYTES_PER_UNIT + ENTRY_OVERHEAD_BYTES;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function check(option: keyof MemoryTierOptions, value: unknown, isGood: boolean, bounds: string): void {
  if (isGood && typeof value === 'number') return;
  const shown = typeof value === 'number' ? String(value) : `of type ${typeof value}`;
  throw new CloudflareClientError('INVALID_OPTION', `memoryTier: ${option} ${shown} is refused: give ${bounds}.`);
}
