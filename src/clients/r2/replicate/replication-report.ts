import type { ErrorCode } from '../../../errors.js';

/** So many objects, and their bytes. */
export interface ReplicationCount {
  readonly objects: number;
  readonly bytes: number;
}

/** What was found and done, over all runs that a checkpoint joins. */
export interface ReplicationTotals {
  /** What the source holds. */
  readonly source: ReplicationCount;
  /** What was copied; in a dry run, what would be. */
  readonly copied: ReplicationCount;
  /** What the destination had already. */
  readonly unchanged: ReplicationCount;
  /** Objects that differ, and are newer at the destination (`keepNewer`). */
  readonly keptNewer: number;
  /** Objects that were deleted at the source after they were listed. */
  readonly vanished: number;
  /** Objects that only the destination had. */
  readonly extraneous: number;
  /** How many of these were deleted. */
  readonly deleted: number;
}

/** One key that could not be dealt with. */
export interface ReplicationFailure {
  /** Without the prefixes. */
  readonly key: string;
  readonly operation: 'copy' | 'delete';
  /** A code of this package, or for a deletion the server's own (`ObjectLockedByBucketPolicy`). */
  readonly code: ErrorCode | (string & {});
  readonly message: string;
}

/** What a look at both ends found afterwards. */
export interface ReplicationVerification {
  /** Objects of the source that the destination has, and their bytes. */
  readonly same: ReplicationCount;
  readonly missing: number;
  readonly different: number;
  readonly extraneous: number;
  /** The first 1,000 of them. */
  readonly mismatches: readonly { readonly key: string; readonly reason: 'missing' | 'different' | 'extraneous' }[];
}

/** What a replication did. */
export interface ReplicationReport extends ReplicationTotals {
  /**
   * Everything is at the destination: no failure, not stopped, no deletion refused, and, with `verify`, nothing missing or different (nor
   * extraneous, with `deleteExtraneous`).
   */
  readonly complete: boolean;
  readonly dryRun: boolean;
  /** Whether it went on from a checkpoint. */
  readonly resumed: boolean;
  /** Whether it ended early because `maxFailures` keys had failed. */
  readonly stopped: boolean;
  /** Whether nothing was deleted because the source is empty (`allowEmptySource`). */
  readonly deletionRefused: boolean;
  readonly failures: readonly ReplicationFailure[];
  /** How often the checkpoint could not be saved; the work went on. */
  readonly checkpointFailures: number;
  /** `null` without `verify`. */
  readonly verification: ReplicationVerification | null;
}

/** What just happened to one key, with the totals after it. */
export interface ReplicationProgress {
  readonly type: 'copied' | 'unchanged' | 'keptNewer' | 'vanished' | 'deleted' | 'failed';
  /** Without the prefixes. */
  readonly key: string;
  /** Bytes of the object; 0 where it has none any more. */
  readonly bytes: number;
  /** Why it failed. */
  readonly code?: string | undefined;
  readonly totals: ReplicationTotals;
  readonly failed: number;
}
