import { CloudflareClientError } from '../../../errors.js';
import { checkFunction } from '../check-options.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { ObjectConditions, ObjectHeaders } from '../store/object-store.js';
import { objectHeaders, type R2ObjectHeaderOptions } from '../stored-headers.js';
import { checkSignal, etagOption } from './download-options.js';
import { md5Option } from './md5-option.js';
import type { R2Progress } from './progress.js';
import { checkpointOption, type R2UploadCheckpoint } from './upload-checkpoint.js';

/** What can be stored: text (as UTF-8), bytes, or a stream of bytes. */
export type R2UploadBody = string | Uint8Array | ArrayBuffer | Blob | ReadableStream;

/** What to store where. */
export interface R2UploadOptions extends R2ObjectHeaderOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes, no control characters, no `.` or `..` segments. */
  readonly key: string;
  /** The content. A stream is read to its end, and cancelled when the upload fails after its input was accepted. */
  readonly body: R2UploadBody;
  /**
   * Bytes of a stream, when they are known: an integer from 0. The upload fails when the stream is longer or shorter.
   *
   * @default unknown; the stream then goes up in parts and may have 10,000 of them
   */
  readonly contentLength?: number | undefined;
  /**
   * `*` stores only when there is no such object yet; rejects with `R2_PRECONDITION_FAILED` otherwise. One request decides that at the
   * server. An upload in parts is checked before it begins and at its completion: by the server where it heeds conditions
   * there, else just before, so that a writer within that moment is not seen. What was sent again because its answer was lost may be
   * refused for the object that it stored itself: `headFile` tells, by the entity tag.
   *
   * @default stored in any case
   */
  readonly ifNoneMatch?: '*' | undefined;
  /** Stores only over the object of this entity tag, as `ifNoneMatch`. @default stored in any case */
  readonly ifMatch?: string | undefined;
  /**
   * MD5 of the whole content when the caller knows it: 32 hexadecimal digits, 24 characters of base64, or 16 bytes. Content that has
   * another is refused with `R2_CHECKSUM_MISMATCH`.
   *
   * @default computed on the way, where the content can be read twice or goes in parts
   */
  readonly md5?: string | Uint8Array | undefined;
  /**
   * Compares what the server says it has stored (entity tag, size) with what was sent. Switch it off for S3 servers whose tags look like an MD5
   * and are none, as with encryption by KMS. The MD5s that go with the content are sent, and compared by the server, in any case.
   *
   * @default true
   */
  readonly verify?: boolean | undefined;
  /**
   * Above so many bytes the content goes up in parts: 5 MiB to R2's bound on one request, 4.995 GiB. A stream of known length
   * that goes in one request is read once, and so sent once.
   *
   * @default 104_857_600 (100 MiB)
   */
  readonly multipartThresholdBytes?: number | undefined;
  /**
   * Bytes of a part, the same for all but the last as R2 demands: 5 MiB to 4.995 GiB. `concurrency` parts and one more are held in memory.
   *
   * @default 8_388_608 (8 MiB), or what makes 10,000 parts of a content of known length
   */
  readonly partSizeBytes?: number | undefined;
  /** Parts on their way at a time: 1 to 32. @default 4 */
  readonly concurrency?: number | undefined;
  /** Called with the bytes that the network took and their number in all. @default none */
  readonly onProgress?: ((progress: R2Progress) => void) | undefined;
  /**
   * Gives the upload up: it rejects with `R2_ABORTED` and the signal's reason as `cause`. What is on its way in one request may still be
   * stored; an upload in parts leaves nothing behind, and is not given up any more once its completion was sent.
   *
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when an upload in parts begins and after each part, with what a later call needs to go on from there (plain data, to be
   * stored as JSON).
   *
   * @default none
   */
  readonly onCheckpoint?: ((checkpoint: R2UploadCheckpoint) => void) | undefined;
  /** Leaves the parts of a failed upload at the server, for `resume`. R2 keeps them for 7 days. @default false: it is aborted */
  readonly keepOnFailure?: boolean | undefined;
  /**
   * Goes on with an upload in parts that an earlier call left behind. `body` is the whole content again: each part of it that the server
   * has, by size and MD5 (that of its tag, else of the checkpoint), is not sent again. The finished object is compared with the MD5 of all parts.
   *
   * @default a new upload
   */
  readonly resume?: R2UploadCheckpoint | undefined;
}

/** What was stored. */
export interface R2UploadResult {
  readonly key: string;
  /** Without quotes and without `W/`. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** Checked options: what is behind the door is not optional. */
export interface UploadRequest {
  readonly bucket: string;
  readonly key: string;
  readonly headers: ObjectHeaders;
  readonly conditions: ObjectConditions | undefined;
  readonly md5: Uint8Array | undefined;
  readonly verify: boolean;
  readonly thresholdBytes: number;
  /** `undefined` when the length of the content decides. */
  readonly partBytes: number | undefined;
  readonly concurrency: number;
  readonly onProgress: R2UploadOptions['onProgress'];
  readonly onCheckpoint: R2UploadOptions['onCheckpoint'];
  readonly signal: AbortSignal | undefined;
  readonly keepOnFailure: boolean;
  readonly resume: R2UploadCheckpoint | undefined;
}

const MIB = 1024 * 1024;
/** R2's bound on one PUT and on one part, 4.995 GiB (https://developers.cloudflare.com/r2/platform/limits/). */
export const MAX_PUT_BYTES = Math.floor(4.995 * 1024 ** 3);
/** R2's and S3's bound on a part that is not the last. */
export const MIN_PART_BYTES = 5 * MIB;
const DEFAULT_THRESHOLD_BYTES = 100 * MIB;
const DEFAULT_CONCURRENCY = 4;
const MAX_CONCURRENCY = 32;

/**
 * Checks everything but the body.
 *
 * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_OPTION`, `INVALID_VALUE` (metadata)
 */
export function checkUploadOptions(options: R2UploadOptions): UploadRequest {
  const { bucket, key, signal, verify = true, keepOnFailure = false, onProgress, onCheckpoint } = options;
  checkBucket(bucket);
  checkKey(key);
  checkSignal(signal);
  for (const [name, callback] of Object.entries({ onProgress, onCheckpoint })) {
    if (callback !== undefined) checkFunction(name, callback);
  }
  const resume = checkpointOption(options.resume);
  return {
    bucket,
    key,
    headers: objectHeaders(key, options),
    conditions: conditionsOf(options),
    md5: md5Option(options.md5),
    verify,
    thresholdBytes: bytesOption('multipartThresholdBytes', options.multipartThresholdBytes) ?? DEFAULT_THRESHOLD_BYTES,
    partBytes: partBytesOf(bytesOption('partSizeBytes', options.partSizeBytes), resume),
    concurrency: integerOption('concurrency', options.concurrency ?? DEFAULT_CONCURRENCY, MAX_CONCURRENCY),
    onProgress,
    onCheckpoint,
    signal,
    keepOnFailure,
    resume,
  };
}

function conditionsOf({ ifMatch, ifNoneMatch }: R2UploadOptions): ObjectConditions | undefined {
  if (ifNoneMatch !== undefined && (ifNoneMatch as unknown) !== '*') {
    throw new CloudflareClientError('INVALID_OPTION', `ifNoneMatch ${shown(ifNoneMatch)} must be "*".`);
  }
  if (ifMatch !== undefined && ifNoneMatch !== undefined) {
    throw new CloudflareClientError('INVALID_OPTION', 'ifMatch and ifNoneMatch exclude one another.');
  }
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return { ifMatch: etagOption('ifMatch', ifMatch), ifNoneMatch };
}

function bytesOption(name: string, value: number | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isSafeInteger(value) && value >= MIN_PART_BYTES && value <= MAX_PUT_BYTES) return value;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${name} ${shown(value)} must be an integer from ${MIN_PART_BYTES} (5 MiB) to ${MAX_PUT_BYTES} (4.995 GiB).`,
  );
}

/** All parts of an upload have one size, so what was begun goes on with its own. */
function partBytesOf(given: number | undefined, resume: R2UploadCheckpoint | undefined): number | undefined {
  if (resume === undefined || given === undefined || given === resume.partSizeBytes) {
    return given ?? resume?.partSizeBytes;
  }
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `partSizeBytes ${given} must be that of the upload to resume, ${resume.partSizeBytes}.`,
  );
}
