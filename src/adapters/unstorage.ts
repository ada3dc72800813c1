import { checkKey } from '../clients/kv/key.js';
import type { KVListResultLike, KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import { CloudflareClientError } from '../errors.js';
import type { AdapterOptions, ReadErrors } from './adapter-options.js';
import { openAccess } from './adapter-options.js';
import { ExpiringTexts } from './expiring-texts.js';
import { expiryAfter, readTimes } from './expiry.js';
import { rawToText, textToRaw } from './raw-text.js';

const DEFAULT_TIMEOUT_MS = 10_000;
/** What unstorage's own KV driver hands to KV as it is. Ignored, they would make a value stay for ever. */
const REFUSED_OPTIONS = ['expirationTtl', 'expiration', 'metadata'];

/** Options of `unstorageDriver`. */
export interface UnstorageDriverOptions extends AdapterOptions {
  /**
   * The part of the namespace that the driver works in: keys are `{base}:{key}`. Slashes become colons, as unstorage has it.
   *
   * @default ''
   */
  readonly base?: string;
  /**
   * How `hasItem` asks. `'read'` reads the value, which the edge may have cached, and so agrees with `getItem`. `'list'` asks
   * for a listing of that one key: no value is transferred, however large, but a listing costs ten times a read, the free
   * plan has 1,000 a day, and it can lag 60 seconds behind.
   *
   * @default 'read'
   */
  readonly hasItem?: 'read' | 'list';
  /**
   * What a read that KV fails becomes: `null` with an event, or an error. unstorage passes an error on.
   *
   * @default 'throw'
   */
  readonly readErrors?: ReadErrors;
  /**
   * Whether `clear` may delete every key of the KV namespace, when there is no `base`.
   *
   * @default false
   */
  readonly allowEmptyPrefix?: boolean;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** What is known of an item without reading it. */
export interface UnstorageItemMeta {
  /** When the driver wrote it; absent for what something else wrote. */
  readonly mtime?: Date;
  /** Seconds until it expires, rounded up; absent for an item that is kept. */
  readonly ttl?: number;
  // unstorage asks for an index signature.
  readonly [key: string]: Date | number | undefined;
}

/** Options of one write, as unstorage passes them on. */
export interface UnstorageWriteOptions {
  /** Seconds above 0, fractions allowed; none or `Infinity` for an item that is kept. */
  readonly ttl?: number;
}

/**
 * What unstorage needs of a driver. It calls the methods without `this`. Reads throw `KV_READ_FAILED`, `KV_RATE_LIMITED` or
 * `KV_TIMEOUT` unless `readErrors: 'miss'`; every method that takes a key throws `INVALID_KEY`.
 */
export interface UnstorageKVDriver {
  readonly name: string;
  readonly flags: { readonly ttl: true };
  readonly options: UnstorageDriverOptions;
  /** The KV binding. */
  getInstance(): KVNamespaceLike;
  /**
   * Tells whether an item is there; see the option `hasItem`.
   *
   * @throws {CloudflareClientError} as every read; `KV_LIST_FAILED` with `hasItem: 'list'`.
   */
  hasItem(key: string): Promise<boolean>;
  /** Reads the text of an item; `null` for one that is absent or expired. */
  getItem(key: string): Promise<string | null>;
  /** Reads many items, 100 per operation; answers for each, in their order. */
  getItems(items: readonly { readonly key: string }[]): Promise<{ key: string; value: string | null }[]>;
  /** Reads bytes that were written as such, or text; `null` for an item that is absent or expired. */
  getItemRaw(key: string): Promise<string | Uint8Array | null>;
  /**
   * Writes an item.
   *
   * @throws {CloudflareClientError} `INVALID_TTL`, `INVALID_OPTION`, `INVALID_VALUE` above 25 MiB; `KV_WRITE_FAILED`,
   *   `KV_TIMEOUT`; `KV_RATE_LIMITED` when the key was written less than a second ago.
   */
  setItem(key: string, value: string, options?: UnstorageWriteOptions): Promise<void>;
  /**
   * Writes many items, six at a time; of two with one key the last. One that fails does not stop the others.
   *
   * @throws {CloudflareClientError} as `setItem`: for input before anything is written, for KV with how many were not written.
   */
  setItems(items: readonly UnstorageItem[]): Promise<void>;
  /**
   * Writes a string, an `ArrayBuffer` or a view of one; bytes as base64, the way unstorage does it, so at most 18.75 MiB.
   *
   * @throws {CloudflareClientError} as `setItem`.
   */
  setItemRaw(key: string, value: unknown, options?: UnstorageWriteOptions): Promise<void>;
  /**
   * Deletes an item; a missing one is no failure.
   *
   * @throws {CloudflareClientError} `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  removeItem(key: string): Promise<void>;
  /**
   * Asks a listing when an item was written and when it expires; `null` for one that is absent or expired.
   *
   * @throws {CloudflareClientError} `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  getMeta(key: string): Promise<UnstorageItemMeta | null>;
  /**
   * Lists the keys, over all pages and without those that are expired. A listing can lag 60 seconds behind.
   *
   * @throws {CloudflareClientError} `INVALID_PREFIX`; `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  getKeys(base?: string): Promise<string[]>;
  /**
   * Deletes every item, page by page and six at a time; each is one of the 1,000 operations that an invocation has, and what
   * that cuts off is finished by the next call. unstorage 1 calls it for whole mounts only: `storage.clear('part')` of a
   * mount does nothing there (https://github.com/unjs/unstorage/pull/807).
   *
   * @throws {CloudflareClientError} `INVALID_PREFIX` without any base, unless `allowEmptyPrefix`; `KV_LIST_FAILED`,
   *   `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  clear(base?: string): Promise<void>;
  /** Does nothing: a KV binding holds no connection. */
  dispose(): void;
}

/** One item of `setItems`. */
export interface UnstorageItem {
  readonly key: string;
  readonly value: string;
  /** unstorage puts the options of the whole call in here as well. */
  readonly options?: UnstorageWriteOptions;
}

/**
 * A Workers KV namespace as driver for [unstorage](https://unstorage.unjs.io) 1. Items expire on time, also within the 60
 * seconds that KV knows. Every failure of KV is a coded error; `readErrors: 'miss'` makes reads misses instead, for a cache.
 * It does not watch: KV tells nobody of a change.
 *
 * @param namespace the KV binding.
 * @returns the driver.
 * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { createStorage } from 'unstorage';
 * import { unstorageDriver } from '@codex/cloudflare-clients/adapters/unstorage';
 *
 * const storage = createStorage({ driver: unstorageDriver(env.CACHE_KV, { base: 'app' }) });
 * await storage.setItem('users:42', { name: 'Ada' }, { ttl: 30 });
 * const user = await storage.getItem<{ name: string }>('users:42');
 * ```
 */
export function unstorageDriver(namespace: KVNamespaceLike, options: UnstorageDriverOptions = {}): UnstorageKVDriver {
  return new KVDriver(namespace, options);
}

class KVDriver implements UnstorageKVDriver {
  readonly name = 'cloudflare-kv';
  readonly flags = { ttl: true } as const;
  readonly options: UnstorageDriverOptions;
  readonly getInstance: () => KVNamespaceLike;
  readonly #texts: ExpiringTexts;
  readonly #base: string;
  readonly #now: () => number;

  constructor(namespace: KVNamespaceLike, options: UnstorageDriverOptions) {
    const { base = '', hasItem = 'read', readErrors = 'throw', now = Date.now } = options;
    if (!['read', 'list'].includes(hasItem)) {
      throw refusal(`hasItem ${JSON.stringify(hasItem)}`, "give 'read' or 'list'");
    }
    this.options = options;
    this.getInstance = () => namespace;
    const access = openAccess(namespace, 'kv', options, DEFAULT_TIMEOUT_MS);
    this.#texts = new ExpiringTexts(access, { now, readErrors });
    this.#base = toPrefix(base);
    this.#now = now;
  }

  readonly hasItem = async (key: string): Promise<boolean> => {
    const found = this.options.hasItem === 'list' ? await this.#find(key) : await this.getItem(key);
    return found !== null;
  };

  readonly getItem = async (key: string): Promise<string | null> => this.#texts.read(this.#base + key);

  readonly getItems = async (
    items: readonly { readonly key: string }[],
  ): Promise<{ key: string; value: string | null }[]> => {
    const texts = await this.#texts.readMany(items.map(({ key }) => this.#base + key));
    return items.map(({ key }) => ({ key, value: texts.get(this.#base + key) ?? null }));
  };

  readonly getItemRaw = async (key: string): Promise<string | Uint8Array | null> => {
    const text = await this.getItem(key);
    return text === null ? null : textToRaw(text);
  };

  readonly setItem = async (key: string, value: string, options?: UnstorageWriteOptions): Promise<void> =>
    this.#texts.write({ key: this.#base + key, text: value, expiresAt: this.#expiryOf(options) });

  readonly setItems = async (items: readonly UnstorageItem[]): Promise<void> => {
    const texts = items.map(({ key, value, options }) => {
      return { key: this.#base + key, text: value, expiresAt: this.#expiryOf(options) };
    });
    const failed = [...(await this.#texts.writeMany(texts)).values()];
    const first = failed[0];
    if (first === undefined) return;
    const message = `${failed.length} of ${items.length} items were not written. The first: ${first.message}`;
    throw new CloudflareClientError(first.code, message, { cause: first });
  };

  readonly setItemRaw = async (key: string, value: unknown, options?: UnstorageWriteOptions): Promise<void> =>
    this.setItem(key, rawToText(value), options);

  readonly removeItem = async (key: string): Promise<void> => this.#texts.remove(this.#base + key);

  readonly getMeta = async (key: string): Promise<UnstorageItemMeta | null> => {
    const found = await this.#find(key);
    if (found === null) return null;
    const times = readTimes(found.metadata);
    const nativeExpiry = found.expiration === undefined ? undefined : found.expiration * 1000;
    const expiresAt = times?.expiresAt ?? nativeExpiry;
    return {
      ...(times !== null && { mtime: new Date(times.writtenAt) }),
      ...(expiresAt !== undefined && { ttl: Math.max(0, Math.ceil((expiresAt - this.#now()) / 1000)) }),
    };
  };

  readonly getKeys = async (base = ''): Promise<string[]> => {
    const keys: string[] = [];
    for await (const page of this.#texts.pages(this.#base + toPrefix(base))) {
      keys.push(...page.map(({ name }) => name.slice(this.#base.length)));
    }
    return keys;
  };

  readonly clear = async (base = ''): Promise<void> =>
    this.#texts.removeAll(this.#base + toPrefix(base), this.options.allowEmptyPrefix ?? false);

  readonly dispose = (): void => undefined;

  /** What a listing says of one item. Of the keys that start with a key, that key is the first. */
  async #find(key: string): Promise<KVListResultLike['keys'][number] | null> {
    const name = this.#base + key;
    checkKey(name);
    for await (const page of this.#texts.pages(name, 1)) {
      const found = page.find((entry) => entry.name === name);
      if (found !== undefined) return found;
    }
    return null;
  }

  #expiryOf(options: UnstorageWriteOptions = {}): number | undefined {
    const refused = REFUSED_OPTIONS.find((name) => name in options);
    if (refused !== undefined) throw refusal(refused, 'give ttl in seconds, and nothing for an item that is kept');
    return expiryAfter(this.#now(), options.ttl, 1000);
  }
}

/** A base as unstorage normalizes it, with the colon that ends it; the empty one stays empty. */
function toPrefix(base: string): string {
  const normal = base.replace(/[/\\:]+/g, ':').replace(/^:|:$/g, '');
  return normal === '' ? '' : `${normal}:`;
}

function refusal(option: string, advice: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `Option ${option} is refused: ${advice}.`);
}
