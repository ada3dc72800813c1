/** Options of a KV write. */
export interface KVPutOptionsLike {
  /** Lifetime in seconds, an integer of at least 60. */
  expirationTtl?: number;
  /** Absolute expiry in seconds since the epoch. */
  expiration?: number;
  /** JSON of at most 1,024 bytes, kept beside the value and returned by `list`. */
  metadata?: unknown;
}

/** Options of a KV listing. */
export interface KVListOptionsLike {
  /** Names begin with it. */
  prefix?: string;
  /** 1 to 1,000. */
  limit?: number;
  /** Where the page before ended. */
  cursor?: string;
}

/** One page of a KV listing. A page can be empty and still not be the last. */
export interface KVListResultLike {
  /** In the order of their names; `expiration` in seconds since the epoch. */
  keys: { name: string; expiration?: number; metadata?: unknown }[];
  /** Whether this is the last page. */
  list_complete: boolean;
  /** For the next page; not there on the last one. */
  cursor?: string;
}

/** A value with its metadata; both `null` when the key is absent. */
export interface KVEntryLike {
  /** `null` when the key is absent. */
  value: string | null;
  /** What was written beside the value; `null` when there is none. */
  metadata: unknown;
}

/**
 * What the clients need of a Workers KV namespace. A binding typed by `@cloudflare/workers-types` 4 or 5 or by
 * `wrangler types` is assignable to it, though those are not assignable to one another; so is any double that keeps
 * these five methods.
 */
export interface KVNamespaceLike {
  /** The text of a key; `null` when it is absent. */
  get(key: string, type: 'text'): Promise<string | null>;
  /** The texts of 1 to 100 keys, as one operation; `null` for those that are absent. */
  get(keys: string[], type: 'text'): Promise<Map<string, string | null>>;
  /** The text of a key and its metadata; both `null` when it is absent. */
  getWithMetadata(key: string, type: 'text'): Promise<KVEntryLike>;
  /** The same for 1 to 100 keys, as one operation. */
  getWithMetadata(keys: string[], type: 'text'): Promise<Map<string, KVEntryLike>>;
  /** Writes a text of at most 25 MiB: once a second per key, the rest is refused with 429. */
  put(key: string, value: string, options?: KVPutOptionsLike): Promise<void>;
  /** Deletes a key, also one that is absent. */
  delete(key: string): Promise<void>;
  /** One page of names. */
  list(options?: KVListOptionsLike): Promise<KVListResultLike>;
}
