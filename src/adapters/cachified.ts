import { keyPrefix, checkKey } from '../clients/kv/key.js';
import type { KVAccess } from '../clients/kv/kv-access.js';
import type { KVEntryLike, KVNamespaceLike, KVPutOptionsLike } from '../clients/kv/kv-namespace.js';
import { toStrictJson } from '../clients/kv/codecs/json-codec.js';
import { checkMetadata, toJson } from '../clients/kv/value.js';
import { CloudflareClientError } from '../errors.js';
import { report } from '../internal/report.js';
import type { AdapterOptions } from './adapter-options.js';
import { openAccess } from './adapter-options.js';
import { nativeLifetime } from './expiry.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const REMEDY = 'give plain data, or the option loose to store what JSON makes of it';

/** Options of `cachifiedCache`. */
export interface CachifiedCacheOptions extends AdapterOptions {
  /**
   * What cachified's reporters call the cache.
   *
   * @default 'cloudflare-kv'
   */
  readonly name?: string;
  /**
   * Whether to store what `JSON.stringify` writes, losing what it loses: a Date comes back as a string, a Map as `{}`, NaN as
   * `null`, an instance of a class as a plain object.
   *
   * @default false: such a value is handed to the caller and not stored, with a `cache.skip` event
   */
  readonly loose?: boolean;
}

/** cachified's own record of an entry; it lies in KV metadata, where other adapters of cachified for KV keep it too. */
export interface CachifiedMetadata {
  /** Milliseconds since the epoch; 0 where a value has no record. */
  createdTime: number;
  /** Milliseconds; `null` for no end. */
  ttl?: number | null;
  /** Milliseconds after `ttl`; `null` for no end. */
  swr?: number | null;
  /** Whatever the caller of cachified gave; left out when KV cannot hold it. */
  traceId?: unknown;
}

/** What cachified stores and expects back. */
export interface CachifiedEntry {
  value: unknown;
  metadata: CachifiedMetadata;
}

/** A `cache` for cachified 5. */
export interface CachifiedKVCache {
  readonly name: string;
  /**
   * Looks up an entry, also one past its TTL: cachified judges that. It answers `undefined`, with an event, when KV failed,
   * did not answer in time or holds what is not JSON; were it to throw, cachified would delete the key.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`, which cachified passes on.
   */
  get(key: string): Promise<CachifiedEntry | undefined>;
  /**
   * Stores an entry. What JSON would not give back as it was (`undefined`, a Date, a Map, NaN, an instance of a class, a
   * cycle; with `loose` what it cannot write at all) or KV not take is skipped, and a write that fails is given up, each
   * with an event.
   *
   * @returns whether it was stored.
   * @throws {CloudflareClientError} `INVALID_KEY`, which cachified hands to its reporter.
   */
  set(key: string, entry: CachifiedEntry): Promise<boolean>;
  /**
   * Deletes an entry. A failure is an event and no error: cachified deletes on its way to the caller's value.
   *
   * @returns whether KV took it; use `KVClient.delete` where a failure must be an error.
   * @throws {CloudflareClientError} `INVALID_KEY`, which cachified passes on.
   */
  delete(key: string): Promise<boolean>;
}

/**
 * A Workers KV namespace as `cache` for [@epic-web/cachified](https://github.com/epicweb-dev/cachified) 5. The value lies in
 * KV as plain JSON text, cachified's record beside it in metadata. A value without such a record (`wrangler kv key put`) is
 * taken as fresh until KV drops it. Nothing that KV does changes what `cachified()` answers, and a value that JSON would
 * change is not stored: a hit equals what was loaded.
 *
 * Make one per request: cachified shares loads between callers of one `cache` object, and in Workers a promise that another
 * request started can hang. `CacheClient` shares loads across requests safely.
 *
 * @param namespace the KV binding.
 * @returns the cache; its own TTL is `ttl + swr`, at least the 60 seconds that KV knows, none where either is endless.
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { cachified } from '@epic-web/cachified';
 * import { cachifiedCache } from '@codex/cloudflare-clients/adapters/cachified';
 *
 * const featured = await cachified({
 *   key: 'cache:content:featured',
 *   cache: cachifiedCache(env.CACHE_KV),
 *   ttl: 300_000,
 *   swr: 3_600_000,
 *   waitUntil: (promise) => ctx.waitUntil(promise),
 *   getFreshValue: () => db.findPublished(),
 * });
 * ```
 */
export function cachifiedCache(namespace: KVNamespaceLike, options: CachifiedCacheOptions = {}): CachifiedKVCache {
  const access = openAccess(namespace, 'cache', options, DEFAULT_TIMEOUT_MS);
  const { loose = false } = options;
  checkLoose(loose);
  return {
    name: options.name ?? 'cloudflare-kv',
    get: async (key) => {
      checkKey(key);
      return readEntry(access, key);
    },
    set: async (key, entry) => {
      checkKey(key);
      const text = textOf(entry.value, loose, (reason) => {
        report(options.events, { type: 'cache.skip', keyPrefix: keyPrefix(key), reason });
      });
      if (text === null || !access.allowsAutomaticWrites) return false;
      return settles(access, 'write', key, access.write(key, text, putOptions(entry.metadata)));
    },
    delete: async (key) => {
      checkKey(key);
      return settles(access, 'delete', key, access.remove(key));
    },
  };
}

function checkLoose(loose: unknown): void {
  if (typeof loose === 'boolean') return;
  const message = `Option loose of type ${typeof loose} is refused: give true or false.`;
  throw new CloudflareClientError('INVALID_OPTION', message);
}

async function readEntry(access: KVAccess, key: string): Promise<CachifiedEntry | undefined> {
  let entry: KVEntryLike;
  try {
    entry = await access.readEntry(key);
  } catch (cause) {
    access.reportFailure('read', key, cause);
    return undefined;
  }
  if (entry.value === null) return undefined;
  try {
    return { value: JSON.parse(entry.value) as unknown, metadata: metadataOf(entry.metadata) };
  } catch {
    // Without its cause: the engine's message quotes the value.
    const message = `The value of a key under "${keyPrefix(key)}" is not JSON.`;
    access.reportFailure('read', key, new CloudflareClientError('KV_CORRUPT_VALUE', message));
    return undefined;
  }
}

/** What cachified asserts of a record holds for the answer: it deletes the key of an entry that fails its check. */
function metadataOf(metadata: unknown): CachifiedMetadata {
  if (typeof metadata === 'object' && metadata !== null) {
    const { createdTime, ttl, swr } = metadata as Record<string, unknown>;
    if (typeof createdTime === 'number' && isDuration(ttl) && isDuration(swr)) return metadata as CachifiedMetadata;
  }
  return { createdTime: 0, ttl: null, swr: null };
}

function isDuration(value: unknown): boolean {
  return value == null || typeof value === 'number';
}

function textOf(value: unknown, loose: boolean, skip: (reason: string) => void): string | null {
  try {
    return loose ? toJson(value) : toStrictJson(value, REMEDY);
  } catch (error) {
    skip((error as CloudflareClientError).message);
    return null;
  }
}

function putOptions(metadata: CachifiedMetadata): KVPutOptionsLike {
  const { ttl, swr } = metadata;
  const kept = storable(metadata);
  // cachified writes an infinite ttl or swr as null, and takes an absent one for 0.
  if (ttl === null || swr === null) return { metadata: kept };
  return { metadata: kept, expirationTtl: nativeLifetime((ttl ?? 0) + (swr ?? 0)) };
}

/** The record without a `traceId` that is no JSON or leaves no room within KV's 1,024 bytes. */
function storable(metadata: CachifiedMetadata): CachifiedMetadata {
  try {
    checkMetadata(metadata);
    return metadata;
  } catch {
    const { traceId: _traceId, ...rest } = metadata;
    return rest;
  }
}

async function settles(
  access: KVAccess,
  operation: 'write' | 'delete',
  key: string,
  outcome: Promise<void>,
): Promise<boolean> {
  try {
    await outcome;
    return true;
  } catch (cause) {
    access.reportFailure(operation, key, cause);
    return false;
  }
}
