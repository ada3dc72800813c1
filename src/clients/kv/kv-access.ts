import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import type { CacheKeyFields, EventSink, EventSource } from '../../events.js';
import { report } from '../../internal/report.js';
import { keyPrefix, quote } from './key.js';
import type { KVOperation } from './kv-error.js';
import { toKVError } from './kv-error.js';
import type { KVEntryLike, KVListResultLike, KVNamespaceLike, KVPutOptionsLike } from './kv-namespace.js';
import type { OperationBudget } from './operation-budget.js';
import { checkTimeout, withTimeout } from './timeout.js';
import { LARGE_VALUE_BYTES, MAX_VALUE_BYTES, valueBytes } from './value.js';

const METHODS = ['get', 'getWithMetadata', 'put', 'delete', 'list'] as const;

/** How a client reaches its namespace. */
export interface KVAccessOptions {
  readonly source: EventSource;
  readonly timeoutMs: number;
  readonly events: EventSink | undefined;
  /** Whether keys hold credentials. They are then shown by their prefix alone, also inside platform messages. */
  readonly secretKeys?: boolean;
  /** Says how events of the cache name a key; by its prefix alone when absent. */
  readonly reporter?: { fields(key: string): CacheKeyFields } | undefined;
  /** Seconds for which the edge keeps what reads find; KV's own choice when absent. */
  readonly cacheTtlSeconds?: number | undefined;
  /** The operations that the clients of a request share; as many as there may be when absent. */
  readonly budget?: OperationBudget | undefined;
}

/** `'text'`, or the same with the time that the edge keeps it. */
type ReadType = 'text' | { readonly type: 'text'; readonly cacheTtl: number };

/** Tells whether `value` has the five methods of a KV namespace. Not by class name: that of the binding is no contract. */
export function isKVNamespace(value: unknown): value is KVNamespaceLike {
  if (typeof value !== 'object' || value === null) return false;
  return METHODS.every((method) => typeof (value as Record<string, unknown>)[method] === 'function');
}

/**
 * Refuses what is not a KV namespace.
 *
 * @throws {CloudflareClientError} `INVALID_BINDING`, saying where wrangler.jsonc declares one.
 */
export function checkKVNamespace(namespace: unknown): asserts namespace is KVNamespaceLike {
  if (isKVNamespace(namespace)) return;
  throw new CloudflareClientError(
    'INVALID_BINDING',
    `What was given (${typeof namespace}) is not a KV namespace: add the binding to kv_namespaces in wrangler.jsonc and pass env.BINDING.`,
  );
}

/** One KV namespace with the timeout, the error codes and the events of one client. Keys and TTLs arrive checked. */
export class KVAccess {
  readonly #events: EventSink | undefined;
  readonly #namespace: KVNamespaceLike;
  readonly #timeoutMs: number;
  readonly #source: EventSource;
  readonly #secretKeys: boolean;
  readonly #budget: OperationBudget | undefined;
  readonly #reporter: KVAccessOptions['reporter'];
  // Passed as `'text'`, so that a namespace needs to know no more than that one form.
  readonly #readType: 'text';

  constructor(namespace: KVNamespaceLike, options: KVAccessOptions) {
    checkKVNamespace(namespace);
    checkTimeout(options.timeoutMs);
    this.#events = options.events;
    this.#namespace = namespace;
    this.#timeoutMs = options.timeoutMs;
    this.#source = options.source;
    this.#secretKeys = options.secretKeys ?? false;
    this.#budget = options.budget;
    this.#reporter = options.reporter;
    const { cacheTtlSeconds } = options;
    const readType: ReadType = cacheTtlSeconds === undefined ? 'text' : { type: 'text', cacheTtl: cacheTtlSeconds };
    this.#readType = readType as 'text';
  }

  /** The text under `key`, or `null`. Rejects with what the platform threw, or `KV_TIMEOUT`. */
  read(key: string): Promise<string | null> {
    return this.#isSpent()
      ? this.#refuse()
      : withTimeout(this.#namespace.get(key, this.#readType), this.#timeoutMs, 'read');
  }

  /** As `read`, for up to 100 keys at once. The map lacks keys that look like array indexes. */
  readBulk(keys: string[]): Promise<Map<string, string | null>> {
    if (this.#isSpent()) return this.#refuse();
    return withTimeout(this.#namespace.get(keys, this.#readType), this.#timeoutMs, 'bulk read');
  }

  /** The text and the metadata under `key`. Not async: a cache hit pays for every promise. */
  readEntry(key: string): Promise<KVEntryLike> {
    if (this.#isSpent()) return this.#refuse();
    return withTimeout(this.#namespace.getWithMetadata(key, this.#readType), this.#timeoutMs, 'read');
  }

  /** As `readEntry`, for up to 100 keys. An absent key answers `null`, and an empty value may answer `''` (research/caching.md, 9). */
  readEntries(keys: string[]): Promise<Map<string, KVEntryLike | string | null>> {
    if (this.#isSpent()) return this.#refuse();
    return withTimeout(this.#namespace.getWithMetadata(keys, this.#readType), this.#timeoutMs, 'bulk read');
  }

  /**
   * Writes `text`, and reports it when it is large.
   *
   * @throws {CloudflareClientError} `KV_WRITE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`; `INVALID_VALUE` above 25 MiB.
   */
  async write(key: string, text: string, options: KVPutOptionsLike): Promise<void> {
    const bytes = valueBytes(text);
    if (bytes > MAX_VALUE_BYTES) {
      throw new CloudflareClientError(
        'INVALID_VALUE',
        `The value takes ${bytes} bytes; the bound is ${MAX_VALUE_BYTES}.`,
      );
    }
    try {
      if (this.#isSpent()) await this.#refuse();
      await withTimeout(this.#namespace.put(key, text, options), this.#timeoutMs, 'write');
    } catch (cause) {
      throw this.failure('write', key, cause);
    }
    if (bytes <= LARGE_VALUE_BYTES || this.#events === undefined) return;
    report(this.#events, { type: 'kv.large-value', source: this.#source, keyPrefix: keyPrefix(key), bytes });
  }

  /**
   * Deletes `key`; a missing one is no failure.
   *
   * @throws {CloudflareClientError} `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`, `KV_BUDGET_SPENT`.
   */
  async remove(key: string): Promise<void> {
    try {
      if (this.#isSpent()) await this.#refuse();
      await withTimeout(this.#namespace.delete(key), this.#timeoutMs, 'delete');
    } catch (cause) {
      throw this.failure('delete', key, cause);
    }
  }

  /** One page of the keys that start with `prefix`. Rejects with what the platform threw, or `KV_TIMEOUT`. */
  page(prefix: string, limit: number, cursor: string | undefined): Promise<KVListResultLike> {
    if (this.#isSpent()) return this.#refuse();
    const options = cursor === undefined ? { prefix, limit } : { prefix, limit, cursor };
    return withTimeout(this.#namespace.list(options), this.#timeoutMs, 'list');
  }

  /** The coded error for what was caught, fit to be thrown at the caller: it names the key, unless keys are secret. */
  failure(operation: KVOperation, key: string, cause: unknown): CloudflareClientError {
    if (!this.#secretKeys) return toKVError(operation, quote(key), cause);
    const prefix = keyPrefix(key);
    return toKVError(operation, `${prefix}…`, withoutSecret(cause, key.slice(prefix.length)));
  }

  /** Reports a failure that the client goes on without. Events hold no full key, but `prefix`. */
  reportFailure(operation: KVOperation, key: string, cause: unknown, prefix = keyPrefix(key)): void {
    if (this.#events === undefined) return;
    const platformCause = unwrapped(cause);
    const shown = this.#secretKeys ? withoutSecret(platformCause, key.slice(prefix.length)) : platformCause;
    const error = toKVError(operation, `${prefix}…`, shown);
    const { code } = error;
    if (this.#source === 'cache') {
      const fields = this.#reporter?.fields(key) ?? { keyPrefix: prefix };
      report(this.#events, { type: 'cache.error', source: 'cache', operation, ...fields, code, error });
    } else {
      report(this.#events, { type: 'client.error', source: this.#source, operation, keyPrefix: prefix, code, error });
    }
  }

  /** Whether what nobody asked for, a write of a loaded value, is still within the budget. */
  get allowsAutomaticWrites(): boolean {
    if (this.#budget?.allowsAutomaticWrites !== false) return true;
    this.#reportSpent(this.#budget, 'writes');
    return false;
  }

  #isSpent(): boolean {
    return this.#budget?.take() === false;
  }

  /** Rejects in place of an operation that the platform would refuse. */
  #refuse(): Promise<never> {
    const limit = this.#budget?.limit ?? 0;
    if (this.#budget !== undefined) this.#reportSpent(this.#budget, 'all');
    const message = `The budget of ${limit} KV operations of this request is spent.`;
    return Promise.reject(new CloudflareClientError('KV_BUDGET_SPENT', message));
  }

  #reportSpent(budget: OperationBudget, spent: 'writes' | 'all'): void {
    if (this.#events === undefined || !budget.isNews(spent)) return;
    report(this.#events, { type: 'kv.budget', source: this.#source, spent, limit: budget.limit });
  }
}

/** What the platform threw: an error of ours around it names the full key. */
function unwrapped(cause: unknown): unknown {
  return isCloudflareClientError(cause) && 'cause' in cause ? unwrapped(cause.cause) : cause;
}

/** A copy that keeps the message alone, and that only when it does not repeat the secret part of the key. */
function withoutSecret(cause: unknown, secret: string): unknown {
  if (isCloudflareClientError(cause)) return cause;
  const message = cause instanceof Error ? cause.message : '';
  const isTold = message.includes(secret) || message.includes(encodeURIComponent(secret));
  return new Error(isTold ? 'the message of the platform names the key and is withheld' : message);
}
