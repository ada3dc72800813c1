import type { CloudflareClientError, ErrorCode } from '../../../errors.js';

/** What to drop. */
export interface EvictTarget {
  /** Keys, each of 1 to 512 UTF-8 bytes. */
  readonly keys?: Iterable<string> | undefined;
  /** Every key that starts with it; not empty. */
  readonly prefix?: string | undefined;
  /** Every entry that carries one of these tags. */
  readonly tags?: Iterable<string> | undefined;
}

/** What became of an eviction. */
export interface EvictReport {
  /** Keys deleted and tags marked. */
  readonly evicted: number;
  /** What was not. */
  readonly failed: readonly EvictFailure[];
}

/** A key, tag or prefix that could not be dropped. */
export interface EvictFailure {
  /** The key, the tag, or the prefix. */
  readonly target: string;
  readonly code: ErrorCode;
  readonly error: CloudflareClientError;
}
