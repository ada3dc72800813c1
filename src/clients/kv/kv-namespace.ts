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
  prefix?: string;
  /** 1 to 1,000. */
  limit?: number;
  cursor?: string;
}

/** One page of a KV listing. A page can be empty and still not be the last. */
export interface KVListResultLike {
  keys: { name: string; expiration?: number; metadata?: unknown }[];
  list_complete: boolean;
  cursor?: string;
}

/** A value with its metadata; both `null` when the key is absent. */
export interface KVEntryLike {
  value: string | null;
  metadata: unknown;
}

/**
 * What the clients need of a Workers KV namespace. A binding typed by `@cloudflare/workers-types` 4 or 5 or by
 * `wrangler types` is assignable to it, though those are not assignable to one another; so is any double that keeps
 * these five methods.
 */
export interface KVNamespaceLike {
  get(key: string, type: 'text'): Promise<string | null>;
  get(keys: string[], type: 'text'): Promise<Map<string, string | null>>;
  getWithMetadata(key: string, type: 'text'): Promise<KVEntryLike>;
  getWithMetadata(keys: string[], type: 'text'): Promise<Map<string, KVEntryLike>>;
  put(key: string, value: string, options?: KVPutOptionsLike): Promise<void>;
  delete(key: string): Promise<void>;
  list(options?: KVListOptionsLike): Promise<KVListResultLike>;
}
