import { CloudflareClientError, isCloudflareClientError, type ErrorCode } from '../../../errors.js';
import { checkFunction } from '../check-options.js';
import { checkBucket, shown } from '../object-names.js';
import type { R2Client } from '../r2-client.js';
import { integerOption } from '../r2-config.js';
import { isFatal, throwIfAborted } from '../replicate/copy-failure.js';
import { copyObject } from '../replicate/copy-object.js';
import { walkSource, type KeyPair } from '../replicate/merge-walk.js';
import { routeOf, type Route } from '../replicate/route.js';
import { WorkPool } from '../replicate/work-pool.js';

/** Which part of a bucket to copy where. */
export interface R2CopyPrefixOptions {
  /** Name of the bucket that is copied from. */
  readonly bucket: string;
  /** What the keys begin with; ends in `/`, because `creator1` would also copy `creator10/...`. Empty for the whole bucket. */
  readonly prefix: string;
  /** What the keys of the copies begin with instead. Ends in `/`, or is empty. */
  readonly toPrefix: string;
  /**
   * Name of the bucket that gets the copies, of the same account and jurisdiction.
   *
   * @default `bucket`
   */
  readonly toBucket?: string | undefined;
  /**
   * Objects copied at a time: 1 to 64.
   *
   * @default 8
   */
  readonly concurrency?: number | undefined;
  /**
   * Replaces objects that are there already; otherwise they are skipped.
   *
   * @default true
   */
  readonly overwrite?: boolean | undefined;
  /**
   * Counts what would be copied, and copies nothing.
   *
   * @default false
   */
  readonly dryRun?: boolean | undefined;
  /** Called after each object with the bytes that were copied so far. One that throws changes nothing. */
  readonly onProgress?: ((progress: { readonly loaded: number; readonly total: null }) => void) | undefined;
  /** Gives it up; what was copied stays. */
  readonly signal?: AbortSignal | undefined;
}

/** An object that was not copied. */
export interface R2CopyFailure {
  /** Key of the source. */
  readonly key: string;
  readonly code: ErrorCode;
  readonly message: string;
}

/** What the copying of a prefix did. */
export interface R2CopyPrefixResult {
  /** How many objects have the prefix. */
  readonly matched: number;
  /** How many were copied; 0 in a dry run. */
  readonly copied: number;
  /** Bytes of these. */
  readonly bytes: number;
  /** How many were there already (`overwrite: false`). */
  readonly skipped: number;
  readonly failed: readonly R2CopyFailure[];
  /** When true, nothing was copied. */
  readonly dryRun: boolean;
}

const DEFAULT_CONCURRENCY = 8;
const MAX_CONCURRENCY = 64;

/** Copies everything under a prefix, page by page. */
export async function copyPrefix(r2: R2Client, options: R2CopyPrefixOptions): Promise<R2CopyPrefixResult> {
  const { bucket, prefix, toPrefix, toBucket = bucket, signal, onProgress } = options;
  const flags = {
    overwrite: flag('overwrite', options.overwrite, true),
    dryRun: flag('dryRun', options.dryRun, false),
  };
  checkBucket(bucket);
  checkBucket(toBucket, 'toBucket');
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  const pool = new WorkPool(integerOption('concurrency', options.concurrency ?? DEFAULT_CONCURRENCY, MAX_CONCURRENCY));
  const route = routeOf({ client: r2, bucket, prefix }, { client: r2, bucket: toBucket, prefix: toPrefix }, signal);
  const copying = new PrefixCopy(route, flags, onProgress);
  throwIfAborted(signal, `copy of ${bucket}/${prefix}`);
  try {
    for await (const pair of walkSource(route, !flags.overwrite)) {
      if (copying.fatal !== null) break;
      if (copying.isNext(pair)) await pool.add(() => copying.copy(pair));
    }
  } finally {
    await pool.drain();
  }
  if (copying.fatal !== null) throw copying.fatal.error;
  return { ...copying.result, dryRun: flags.dryRun };
}

interface Flags {
  readonly overwrite: boolean;
  readonly dryRun: boolean;
}

/** The account of one copying. */
class PrefixCopy {
  readonly result = { matched: 0, copied: 0, bytes: 0, skipped: 0, failed: [] as R2CopyFailure[] };
  /** What ended all of it. */
  fatal: { readonly error: unknown } | null = null;
  readonly #route: Route;
  readonly #flags: Flags;
  readonly #onProgress: R2CopyPrefixOptions['onProgress'];

  constructor(route: Route, flags: Flags, onProgress: R2CopyPrefixOptions['onProgress']) {
    this.#route = route;
    this.#flags = flags;
    this.#onProgress = onProgress;
  }

  /** Counts a key, and tells whether it is to be copied. */
  isNext({ source, destination }: KeyPair): boolean {
    if (source === null) return false;
    this.result.matched += 1;
    const isSkipped = destination !== null && !this.#flags.overwrite;
    if (isSkipped) this.result.skipped += 1;
    return !isSkipped && !this.#flags.dryRun;
  }

  /** Copies a key; what fails in it is noted, and ends all of it only if it concerns more than the key. */
  async copy({ key, source }: KeyPair): Promise<void> {
    if (source === null || this.fatal !== null) return;
    const conditions = this.#flags.overwrite ? undefined : { ifNoneMatch: '*' };
    try {
      await copyObject(this.#route, { ...source, key }, conditions);
      this.result.copied += 1;
      this.result.bytes += source.size;
    } catch (error) {
      if (isFatal(error) || !isCloudflareClientError(error)) this.fatal ??= { error };
      else this.result.failed.push({ key: source.key, code: error.code, message: error.message });
      return;
    }
    try {
      this.#onProgress?.({ loaded: this.result.bytes, total: null });
    } catch {
      // Watching never changes the outcome of what is watched.
    }
  }
}

function flag(name: string, value: unknown, byDefault: boolean): boolean {
  if (value === undefined) return byDefault;
  if (typeof value === 'boolean') return value;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be true or false.`);
}
