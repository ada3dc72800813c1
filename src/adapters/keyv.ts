import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import { CloudflareClientError } from '../errors.js';
import type { AdapterOptions, ReadErrors } from './adapter-options.js';
import { openAccess } from './adapter-options.js';
import type { TextEntry } from './expiring-texts.js';
import { ExpiringTexts } from './expiring-texts.js';
import { expiryAfter } from './expiry.js';

export type { ReadErrors };

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_BULK_KEYS = 100;
/** Keyv takes the time before it serializes, and compression may be slow. */
const MAX_SERIALIZATION_MS = 5_000;

/** Options of `KeyvKVStore`. */
export interface KeyvKVStoreOptions extends AdapterOptions {
  /**
   * What the store puts before every key that Keyv gives it, at most 512 UTF-8 bytes together with the key.
   *
   * @default ''
   */
  readonly keyPrefix?: string;
  /**
   * What a read that KV fails becomes: `undefined` with an `error` event of Keyv, or an error. Keyv's `get` swallows an error
   * unless it has `throwOnErrors`; its `getMany`, `has` and `hasMany` always pass it on.
   *
   * @default 'miss'
   */
  readonly readErrors?: ReadErrors;
  /**
   * Whether `clear` may delete every key of the KV namespace, when neither Keyv's namespace nor `keyPrefix` bounds it.
   *
   * @default false
   */
  readonly allowEmptyPrefix?: boolean;
  /**
   * The clock, in milliseconds since the epoch. Keyv itself always asks `Date.now`.
   *
   * @default Date.now
   */
  readonly now?: () => number;
}

/** One entry of `KeyvKVStore.setMany`. */
export interface KeyvKVEntry {
  readonly key: string;
  /** What Keyv serialized. */
  readonly value: unknown;
  /** Milliseconds above 0; absent for an entry that is kept. */
  readonly ttl?: number | undefined;
}

/** Keyv declares `void` and hands the answer on as `boolean[]`: this is both. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- see above.
export type KeyvSetManyAnswer = boolean[] & void;

/**
 * A Workers KV namespace as storage adapter for [Keyv](https://keyv.org) 5. Keyv's namespace arrives inside the keys
 * (`keyv:key`) and bounds `clear` and `iterator`; Keyv writes it into the store, so give each Keyv a store of its own.
 * Entries expire on time, also within the 60 seconds that KV knows, and none is kept beyond its TTL.
 *
 * Writes, deletes, `clear` and `iterator` throw coded errors, which Keyv turns into its `error` event and `false` (or throws,
 * with `throwOnErrors`). Reads are misses when KV fails, unless `readErrors` says otherwise. In Workers Keyv itself needs
 * the `nodejs_compat` flag, for `buffer`.
 *
 * @example
 * ```ts
 * import { Keyv } from 'keyv';
 * import { KeyvKVStore } from '@codex/cloudflare-clients/adapters/keyv';
 *
 * const users = new Keyv({ store: new KeyvKVStore(env.CACHE_KV), namespace: 'users' });
 * await users.set('42', { name: 'Ada' }, 30_000);
 * const user = await users.get<{ name: string }>('42');
 * ```
 */
export class KeyvKVStore {
  /**
   * Set by Keyv. Keys that it gives begin with it and a colon, unless it was told `useKeyPrefix: false`; then tell it
   * `namespace: undefined` as well (https://github.com/jaredwray/keyv/issues/1431).
   */
  namespace: string | undefined = undefined;
  /** Keyv hands out its iterator only to dialects that it knows; the name says nothing else, and `url` must be a string. */
  readonly opts: { readonly dialect: 'redis'; readonly url: string } = { dialect: 'redis', url: 'cloudflare-kv:' };
  readonly #texts: ExpiringTexts;
  readonly #keyPrefix: string;
  readonly #allowEmptyPrefix: boolean;
  readonly #now: () => number;
  readonly #errorListeners: ((error: CloudflareClientError) => void)[] = [];

  /**
   * Opens a store.
   *
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(namespace: KVNamespaceLike, options: KeyvKVStoreOptions = {}) {
    const { keyPrefix = '', readErrors = 'miss', allowEmptyPrefix = false, now = Date.now } = options;
    const access = openAccess(namespace, 'kv', options, DEFAULT_TIMEOUT_MS);
    this.#texts = new ExpiringTexts(access, { now, readErrors, onReadError: (error) => this.#emitError(error) });
    this.#keyPrefix = keyPrefix;
    this.#allowEmptyPrefix = allowEmptyPrefix;
    this.#now = now;
  }

  /**
   * Reads one value as Keyv serialized it. An expired one is a miss and is not deleted.
   *
   * @returns the text, or `undefined` for a miss.
   * @throws {CloudflareClientError} `INVALID_KEY`; with `readErrors: 'throw'` `KV_READ_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async get<Value = string>(key: string): Promise<Value | undefined> {
    return ((await this.#texts.read(this.#keyPrefix + key)) ?? undefined) as Value | undefined;
  }

  /**
   * Reads many values, 100 per operation.
   *
   * @returns an answer for each key, in their order; `undefined` for a miss.
   * @throws {CloudflareClientError} as `get`.
   */
  async getMany<Value = string>(keys: string[]): Promise<(Value | undefined)[]> {
    const texts = await this.#texts.readMany(this.#physical(keys));
    return keys.map((key) => texts.get(this.#keyPrefix + key) as Value | undefined);
  }

  /**
   * Tells whether a key has a value. KV reads the value for it.
   *
   * @throws {CloudflareClientError} as `get`.
   */
  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /**
   * Tells which keys have values, 100 per operation. KV reads the values for it.
   *
   * @throws {CloudflareClientError} as `get`.
   */
  async hasMany(keys: string[]): Promise<boolean[]> {
    return (await this.getMany(keys)).map((value) => value !== undefined);
  }

  /**
   * Writes one value.
   *
   * @param key as Keyv prefixed it.
   * @param value the text that Keyv's `serialize` made, at most 25 MiB.
   * @param ttl milliseconds above 0; none or `Infinity` for a value that is kept.
   * @returns `true`.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_TTL`, `INVALID_VALUE` for what is no text; `KV_WRITE_FAILED`,
   *   `KV_TIMEOUT`; `KV_RATE_LIMITED` when the key was written less than a second ago.
   */
  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.#texts.write(this.#entry({ key, value, ttl }));
    return true;
  }

  /**
   * Writes many values, six at a time; of two with one key the last. One that fails does not stop the others.
   *
   * @returns for each entry whether it was written; each that was not is an `error` event of Keyv.
   * @throws {CloudflareClientError} as `set`: for input before anything is written, for KV when nothing could be written.
   */
  async setMany(entries: readonly KeyvKVEntry[]): Promise<KeyvSetManyAnswer> {
    const texts = entries.map((entry) => this.#entry(entry));
    const failed = await this.#texts.writeMany(texts);
    const written = texts.map(({ key }) => !failed.has(key));
    const first = [...failed.values()][0];
    if (first !== undefined && !written.includes(true)) throw first;
    for (const error of failed.values()) this.#emitError(error);
    return written as KeyvSetManyAnswer;
  }

  /**
   * Deletes one key.
   *
   * @returns `true`, also for a key that was not there: KV does not tell, and asking first would cost a read.
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async delete(key: string): Promise<boolean> {
    await this.#texts.remove(this.#keyPrefix + key);
    return true;
  }

  /**
   * Deletes many keys, six at a time. One that fails does not stop the others.
   *
   * @returns `true`.
   * @throws {CloudflareClientError} as `delete`, with how many were not deleted.
   */
  async deleteMany(keys: string[]): Promise<boolean> {
    await this.#texts.removeMany(this.#physical(keys));
    return true;
  }

  /**
   * Deletes what Keyv's namespace holds, page by page, six keys at a time; each key is one of the 1,000 operations that an
   * invocation has, and what that cuts off is finished by the next call. A listing can lag 60 seconds behind writes made elsewhere.
   *
   * @throws {CloudflareClientError} `INVALID_PREFIX` without namespace and `keyPrefix`, unless `allowEmptyPrefix`; `KV_LIST_FAILED`,
   *   `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`.
   */
  async clear(): Promise<void> {
    await this.#texts.removeAll(this.#prefixOf(this.namespace), this.#allowEmptyPrefix);
  }

  /**
   * Walks keys and values in the order of the keys' UTF-8 bytes, without those that are expired; 100 values are read at a time.
   * Keyv takes off its namespace up to the first colon, so let the namespace hold none.
   *
   * @param namespace whose keys; Keyv gives its own.
   * @throws {CloudflareClientError} from the loop: `KV_LIST_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, and as `get`.
   */
  async *iterator<Value = string>(
    namespace: string | undefined = this.namespace,
  ): AsyncGenerator<(string | Awaited<Value> | undefined)[], void> {
    for await (const page of this.#texts.pages(this.#prefixOf(namespace))) {
      for (let start = 0; start < page.length; start += MAX_BULK_KEYS) {
        const texts = await this.#texts.readMany(page.slice(start, start + MAX_BULK_KEYS).map(({ name }) => name));
        for (const [name, text] of texts) yield [name.slice(this.#keyPrefix.length), text];
      }
    }
  }

  /** Does nothing: a KV binding holds no connection. */
  disconnect(): Promise<void> {
    return Promise.resolve();
  }

  /**
   * Listens to failures that no call answers with; Keyv passes them on as its own `error` event.
   *
   * @param event only `error` is ever emitted.
   * @param listener called with a coded error; what it throws is swallowed.
   * @returns the store.
   */
  on(event: string, listener: (error: CloudflareClientError) => void): this {
    if (event === 'error') this.#errorListeners.push(listener);
    return this;
  }

  #entry({ key, value, ttl }: KeyvKVEntry): TextEntry {
    if (typeof value !== 'string') {
      throw new CloudflareClientError(
        'INVALID_VALUE',
        `KV stores text and was given a value of type ${typeof value}: leave Keyv its serialize option.`,
      );
    }
    const now = this.#now();
    const own = expiryAfter(now, ttl, 1);
    return {
      key: this.#keyPrefix + key,
      text: value,
      expiresAt: own === undefined ? own : earlier(own, expiryInside(value)),
    };
  }

  #physical(keys: readonly string[]): string[] {
    return keys.map((key) => this.#keyPrefix + key);
  }

  #prefixOf(namespace: string | undefined): string {
    return this.#keyPrefix + (namespace === undefined || namespace === '' ? '' : `${namespace}:`);
  }

  #emitError(error: CloudflareClientError): void {
    for (const listener of this.#errorListeners) {
      try {
        listener(error);
      } catch {
        // Watching never changes the outcome of what is watched.
      }
    }
  }
}

/** The expiry at the end of what Keyv's own `serialize` makes, in milliseconds since the epoch. */
function expiryInside(text: string): number | undefined {
  const digits = /"expires":(\d+)\}$/.exec(text.slice(-32))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/**
 * The moment that Keyv set, where that is shortly before ours. An entry past its own and not past ours Keyv would find
 * expired, and delete: perhaps what was written meanwhile.
 */
function earlier(own: number, inside: number | undefined): number {
  return inside !== undefined && inside < own && own - inside < MAX_SERIALIZATION_MS ? inside : own;
}
