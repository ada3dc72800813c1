import { ObjectCaller } from '../clients/durable/object-caller.js';
import type { ObjectNamespaceLike } from '../clients/durable/object-namespace.js';
import type { CacheCodec } from '../clients/kv/cache/cache-codec.js';
import { quote } from '../clients/kv/key.js';
import type { ExpiringValueApi } from '../durable-objects/session/expiring-value-api.js';
import { MAX_VALUE_LENGTH } from '../durable-objects/session/expiring-value-api.js';
import { CloudflareClientError } from '../errors.js';
import { KeyDigest } from './key-digest.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_TTL_SECONDS = 3_155_760_000;
const PREFIX = /^[A-Za-z0-9_.-]{1,64}$/;
// A session's key is its token. One that was deleted is never issued again; what still writes it read it before that.
const SESSION_TOKEN = /^[A-Za-z0-9]{32}$/;
const SEAL_MS = 600_000;
// What an object counts is never encoded, and nothing that a codec made looks like it.
const COUNT = /^\d+$/;

/** Options of `betterAuthStorage`. */
export interface BetterAuthStorageOptions {
  /**
   * Tells apart what shares the namespace: 1 to 64 letters, digits, `_`, `.` and `-`. Objects are called `value:{prefix}:{hash of the key}`.
   *
   * @default 'better-auth'
   */
  readonly prefix?: string;
  /**
   * A secret of at least 16 characters. Keys are then hashed with it (HMAC-SHA-256), so that who sees the objects' names cannot find out by
   * trying which user or address one belongs to. Another pepper makes other names: everybody is signed out.
   *
   * @default none: keys are hashed with SHA-256, which shows no session token, as one cannot be guessed
   */
  readonly pepper?: string;
  /**
   * How values are stored. What Better Auth stores holds session tokens and users' data: `encryptedCodec` hides them from whoever reads the
   * objects' storage. Counts are not encoded. What it cannot decode counts as absent.
   *
   * @default none: as Better Auth gave them
   */
  readonly codec?: CacheCodec;
  /**
   * Milliseconds after which an operation, with its attempts, is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** Where new objects are to be made, such as `weur`. The platform places one near its first caller otherwise. */
  readonly locationHint?: string | undefined;
  /**
   * Names a change, so that the object knows it again; for tests.
   *
   * @default crypto.randomUUID
   */
  readonly operationId?: () => string;
  /** Waits for so many milliseconds between attempts; for tests. */
  readonly delay?: (ms: number) => Promise<void>;
}

/**
 * What Better Auth 1.7 needs of a `secondaryStorage`. The methods work without `this`, as it calls them. Each rejects with a
 * `CloudflareClientError`: `OBJECT_FAILED`, `OBJECT_OVERLOADED` or `OBJECT_TIMEOUT` when the object does not answer, which Better Auth turns into
 * an answer of 500: nobody is let in, and no limit is passed over. `INVALID_BINDING` when the binding names another class.
 */
export interface BetterAuthStorage {
  /** Reads a value; `null` for what is absent or whose time is over. */
  readonly get: (key: string) => Promise<string | null>;
  /**
   * Stores a value for `ttl` seconds, fractions allowed; until it is deleted without one or with `Infinity`. With 0 or less its time is over
   * already: what was stored before is deleted.
   *
   * @throws {CloudflareClientError} `INVALID_TTL`; `INVALID_VALUE` for what is no string, or is longer than 500,000 UTF-16 units as stored.
   */
  readonly set: (key: string, value: string, ttl?: number) => Promise<void>;
  /**
   * Deletes a value; a missing one is no failure. The key of a session, which is a token of 32 letters and digits, cannot be written in the next
   * ten minutes: Better Auth renews a session by reading and writing it, and would bring back one that was signed out in between. `set` then
   * does nothing.
   */
  readonly delete: (key: string) => Promise<void>;
  /** Reads and deletes a value in one step: of many callers one gets it, the others get `null`. */
  readonly getAndDelete: (key: string) => Promise<string | null>;
  /**
   * Counts up by one in one step and answers the count. The first makes the counter, for `ttl` seconds which later ones do not extend. With 0
   * or less nothing is stored, and each is the first.
   *
   * @throws {CloudflareClientError} `INVALID_TTL`; `INVALID_VALUE` when what is stored is no count.
   */
  readonly increment: (key: string, ttl: number) => Promise<number>;
}

/**
 * A `secondaryStorage` for [Better Auth](https://better-auth.com) 1.7 on Durable Objects: one `SessionObject` per key. What was written is what
 * the next read sees, everywhere, so a session that was signed out is refused at once, a magic link is used once, and a rate limit is exact; on
 * KV none of this holds. Each operation is one call of an object, in the place where it was made.
 *
 * @param sessions the namespace of `SessionObject`, `env.SESSIONS`; `memorySessions()` in development and tests.
 * @returns the storage.
 * @throws {CloudflareClientError} `INVALID_BINDING` for what is no Durable Object namespace, `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { betterAuth } from 'better-auth';
 * import { betterAuthStorage } from '@codex/cloudflare-clients/adapters/better-auth';
 *
 * const auth = betterAuth({
 *   secondaryStorage: betterAuthStorage(env.SESSIONS),
 *   session: { storeSessionInDatabase: true },
 * });
 * ```
 */
export function betterAuthStorage(
  sessions: ObjectNamespaceLike,
  options: BetterAuthStorageOptions = {},
): BetterAuthStorage {
  return new ObjectStorage(sessions, options);
}

class ObjectStorage implements BetterAuthStorage {
  readonly #objects: ObjectCaller<ExpiringValueApi>;
  readonly #prefix: string;
  readonly #digest: KeyDigest;
  readonly #codec: CacheCodec | undefined;
  readonly #operationId: () => string;

  constructor(sessions: ObjectNamespaceLike, options: BetterAuthStorageOptions) {
    const { prefix = 'better-auth', timeoutMs = DEFAULT_TIMEOUT_MS, locationHint, delay } = options;
    if (typeof prefix !== 'string' || !PREFIX.test(prefix)) {
      const advice = 'give 1 to 64 letters, digits, "_", "." and "-"';
      throw new CloudflareClientError('INVALID_OPTION', `Option prefix ${quote(prefix)} is refused: ${advice}.`);
    }
    this.#objects = new ObjectCaller(sessions, { className: 'SessionObject', timeoutMs, locationHint, delay });
    this.#prefix = `value:${prefix}:`;
    this.#digest = new KeyDigest(options.pepper);
    this.#codec = options.codec;
    this.#operationId = options.operationId ?? (() => crypto.randomUUID());
  }

  readonly get = async (key: string): Promise<string | null> => {
    const { text } = await this.#objects.call(await this.#nameOf(key), 'getValue');
    return this.#decode(key, text);
  };

  readonly set = async (key: string, value: string, ttl?: number): Promise<void> => {
    if (typeof value !== 'string') throw invalidValue(`A value of type ${typeof value} is refused: give a string.`);
    const ttlMs = ttl == null || ttl === Infinity ? null : toMs(ttl);
    if (ttlMs !== null && ttlMs <= 0) return this.delete(key);
    const text = await this.#encode(key, value);
    const operationId = this.#operationId();
    const name = await this.#nameOf(key);
    const { outcome } = await this.#objects.call(name, 'setValue', { operationId, text, ttlMs });
    if (outcome === 'too-long')
      throw invalidValue(`A value of ${text.length} UTF-16 units is refused: give at most ${MAX_VALUE_LENGTH}.`);
  };

  readonly delete = async (key: string): Promise<void> => {
    const sealMs = SESSION_TOKEN.test(key) ? SEAL_MS : 0;
    const operationId = this.#operationId();
    await this.#objects.call(await this.#nameOf(key), 'deleteValue', { operationId, sealMs });
  };

  readonly getAndDelete = async (key: string): Promise<string | null> => {
    const operationId = this.#operationId();
    const { text } = await this.#objects.call(await this.#nameOf(key), 'takeValue', { operationId });
    return this.#decode(key, text);
  };

  readonly increment = async (key: string, ttl: number): Promise<number> => {
    const ttlMs = toMs(ttl);
    if (ttlMs <= 0) return 1;
    const operationId = this.#operationId();
    const { count } = await this.#objects.call(await this.#nameOf(key), 'incrementValue', { operationId, ttlMs });
    if (count === null) throw invalidValue('A counter is refused: what is stored under its key is no count.');
    return count;
  };

  async #nameOf(key: string): Promise<string> {
    return this.#prefix + (await this.#digest.of(key));
  }

  async #encode(key: string, value: string): Promise<string> {
    if (this.#codec === undefined) return value;
    const { format, text } = await this.#codec.encode(value, { key });
    return `${format}\n${text}`;
  }

  async #decode(key: string, stored: string | null): Promise<string | null> {
    if (stored === null || this.#codec === undefined || COUNT.test(stored)) return stored;
    const border = stored.indexOf('\n');
    const encoded = { format: stored.slice(0, Math.max(border, 0)), text: stored.slice(border + 1) };
    try {
      const value = await this.#codec.decode(encoded, { key });
      return typeof value === 'string' ? value : null;
    } catch {
      return null;
    }
  }
}

function toMs(ttl: unknown): number {
  if (typeof ttl === 'number' && Number.isFinite(ttl)) return Math.min(ttl, MAX_TTL_SECONDS) * 1000;
  const shown = typeof ttl === 'number' ? String(ttl) : `of type ${typeof ttl}`;
  throw new CloudflareClientError('INVALID_TTL', `TTL ${shown} is refused: give seconds.`);
}

function invalidValue(message: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_VALUE', message);
}
