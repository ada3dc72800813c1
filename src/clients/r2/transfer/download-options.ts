import { CloudflareClientError } from '../../../errors.js';
import { checkFunction } from '../check-options.js';
import { normalizeEtag } from '../etag.js';
import { checkHeaderValue } from '../object-headers.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import type { ByteRange, ObjectConditions } from '../store/object-store.js';
import type { R2Progress } from './progress.js';

/** Which object to ask about. */
export interface R2HeadOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
  /** Gives the request up; it rejects with `R2_ABORTED` and the signal's reason as `cause`. @default none */
  readonly signal?: AbortSignal | undefined;
}

/** What every read can be given. */
export interface R2ReadOptions extends R2HeadOptions {
  /**
   * Which bytes: `{ offset, length? }` from 0, or `{ suffix }` for the last ones.
   *
   * @default the whole object
   */
  readonly range?: ByteRange | undefined;
  /** Only when the object has this entity tag; rejects with `R2_PRECONDITION_FAILED` otherwise. @default any */
  readonly ifMatch?: string | undefined;
  /** Only when the object has not been changed since, to the second; rejects with `R2_PRECONDITION_FAILED` otherwise. @default any */
  readonly ifUnmodifiedSince?: Date | undefined;
  /** Called with the bytes that have arrived and their number in all. @default none */
  readonly onProgress?: ((progress: R2Progress) => void) | undefined;
  /**
   * Compares the MD5 of a whole object with its entity tag, where that is one (an object stored in one request); the body
   * then ends with `R2_CHECKSUM_MISMATCH` instead of its end. It costs about 2 ms of CPU a MiB. Switch it off for S3
   * servers whose tags look like an MD5 and are none, as with encryption by KMS. Lengths are always compared.
   *
   * @default true where the platform has an MD5 of its own (Node from 20.16 on, Workers), false elsewhere
   */
  readonly verify?: boolean | undefined;
}

/** Which object to read. */
export interface R2DownloadOptions extends R2ReadOptions {
  /** See `R2ConditionalDownloadOptions`. */
  readonly ifNoneMatch?: undefined;
  /** See `R2ConditionalDownloadOptions`. */
  readonly ifModifiedSince?: undefined;
}

/** Which object to read, unless the caller has it already. */
export interface R2ConditionalDownloadOptions extends R2ReadOptions {
  /** The entity tag that the caller has: the answer is `{ notModified: true }` when the object still has it. @default none */
  readonly ifNoneMatch?: string | undefined;
  /** As `ifNoneMatch`, by time, to the second; ignored beside it. @default none */
  readonly ifModifiedSince?: Date | undefined;
}

/**
 * Checks what to read.
 *
 * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`
 */
export function checkReadOptions(options: R2ConditionalDownloadOptions): {
  readonly range: ByteRange | undefined;
  readonly conditions: ObjectConditions;
} {
  const { bucket, key, range, ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, onProgress } = options;
  checkBucket(bucket);
  checkKey(key);
  checkSignal(options.signal);
  if (onProgress !== undefined) checkFunction('onProgress', onProgress);
  checkDate('ifModifiedSince', ifModifiedSince);
  checkDate('ifUnmodifiedSince', ifUnmodifiedSince);
  checkRange(range);
  return {
    range,
    conditions: {
      ifMatch: etagOption('ifMatch', ifMatch),
      ifNoneMatch: etagOption('ifNoneMatch', ifNoneMatch),
      ifModifiedSince: ifNoneMatch === undefined ? ifModifiedSince : undefined,
      ifUnmodifiedSince,
    },
  };
}

/**
 * An entity tag that the caller gave, with or without quotes.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function etagOption(name: string, etag: string | undefined): string | undefined {
  checkHeaderValue(name, etag);
  return etag === undefined ? undefined : normalizeEtag(etag);
}

/**
 * Refuses what is no signal.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new CloudflareClientError('INVALID_OPTION', `signal ${shown(signal)} must be an AbortSignal.`);
}

function checkDate(name: string, date: unknown): void {
  if (date === undefined || (date instanceof Date && !Number.isNaN(date.getTime()))) return;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(date)} must be a valid Date.`);
}

function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const { offset, length, suffix } = (range as unknown) === null ? {} : (range as Record<string, unknown>);
  const bySuffix = suffix !== undefined;
  const right = bySuffix
    ? isInteger(suffix, 1) && offset === undefined && length === undefined
    : isInteger(offset, 0) && (length === undefined || isInteger(length, 1));
  if (right) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    'range must be { offset, length? } or { suffix }: integers, offset from 0, length and suffix from 1.',
  );
}

function isInteger(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least;
}
