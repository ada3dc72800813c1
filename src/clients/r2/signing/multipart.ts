import { CloudflareClientError } from '../../../errors.js';
import { checkOptions } from '../check-options.js';
import { normalizeEtag } from '../etag.js';
import { checkBucket, checkKey, checkPrefix, shown } from '../object-names.js';
import type { ObjectStore, StoredPart, StorePendingUpload } from '../store/object-store.js';
import { plannedLength, type R2PartPlan } from './part-plan.js';
import type { Presigner } from './presigner.js';
import { objectHeaders, type R2StoredHeaderOptions } from '../stored-headers.js';
import { checkBytes, MAX_PARTS, MAX_PUT_BYTES } from './upload-limits.js';

/** Which upload to begin. */
export interface R2CreateMultipartOptions extends R2StoredHeaderOptions {
  readonly bucket: string;
  /** Key of the object that will be: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
  /** Gives the request up; it rejects with `R2_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** An upload in parts that has begun. */
export interface R2MultipartUpload {
  readonly bucket: string;
  readonly key: string;
  /** What the server calls it. R2 gives it up after seven days, unless the lifecycle of the bucket says otherwise. */
  readonly uploadId: string;
}

/** Which upload. */
export interface R2MultipartOptions extends R2MultipartUpload {
  /** Gives the request up; it rejects with `R2_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Which parts to sign. */
export interface R2SignedPartsOptions extends R2MultipartUpload {
  /** Numbers of the parts: integers from 1 to 10,000, none twice. */
  readonly partNumbers: readonly number[];
  /** Seconds from now until the URLs stop working: an integer from 1 to 604,800 (seven days). */
  readonly expiresIn: number;
  /** Bytes that each of these parts must have, to the byte: signed as `Content-Length`. @default any size */
  readonly contentLength?: number | undefined;
  /** Signs the size that each part has by this plan of `planParts`, in place of `contentLength`. @default any size */
  readonly plan?: R2PartPlan | undefined;
}

/** Where one part goes: by PUT, with no header but those that the browser sends itself. */
export interface R2SignedPart {
  readonly partNumber: number;
  readonly url: string;
  /** The `Content-Length` that was signed; `undefined` when any size is taken. */
  readonly contentLength: number | undefined;
}

/** A part of an upload. */
export interface R2MultipartPart {
  /** From 1 to 10,000. */
  readonly partNumber: number;
  /** The `ETag` that the server answered the part with, with or without its quotes. */
  readonly etag: string;
  /** Bytes, in listings. */
  readonly size?: number | undefined;
  /** When it came in, by the server's clock, in listings of servers that tell. */
  readonly lastModified?: Date | undefined;
}

/** Which upload to complete, and of what. */
export interface R2CompleteMultipartOptions extends R2MultipartOptions {
  /** The parts, in any order. All but the last have one size, and 5 MiB at least. */
  readonly parts: readonly R2MultipartPart[];
}

/** Which unfinished uploads. */
export interface R2ListMultipartOptions {
  readonly bucket: string;
  /** Only those whose key begins so. @default the whole bucket */
  readonly prefix?: string | undefined;
  /** Gives the listing up; it rejects with `R2_ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/** An upload that was begun, and neither completed nor aborted. */
export interface R2PendingUpload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: Date;
}

/** Begins an upload. */
export async function createUpload(store: ObjectStore, options: R2CreateMultipartOptions): Promise<R2MultipartUpload> {
  const { bucket, key, signal } = options;
  checkBucket(bucket);
  checkKey(key);
  const uploadId = await store.createUpload({ bucket, key, signal, headers: objectHeaders(key, options) });
  return { bucket, key, uploadId };
}

/** Signs the PUT of each part; computed locally, nothing is sent, and none is signed when one is refused. */
export function signedParts(presigner: Presigner, options: R2SignedPartsOptions): R2SignedPart[] {
  const { bucket, key, uploadId, expiresIn, plan, contentLength } = options;
  checkUpload(options);
  const partNumbers = checkPartNumbers(options.partNumbers);
  if (plan !== undefined && contentLength !== undefined) {
    throw new CloudflareClientError('INVALID_OPTION', 'contentLength and plan are not given together.');
  }
  if (contentLength !== undefined) checkBytes('contentLength', contentLength, { min: 0, max: MAX_PUT_BYTES });
  const parts = partNumbers.map((partNumber) => ({
    partNumber,
    length: plan === undefined ? contentLength : plannedLength(plan, partNumber),
  }));
  return parts.map(({ partNumber, length }) => {
    // No server reads `x-id`; with it the URL is the SDK's, byte for byte.
    const query = { partNumber: String(partNumber), uploadId, 'x-id': 'UploadPart' };
    const headers = length === undefined ? undefined : { 'content-length': String(length) };
    const prepared = presigner.prepare({ method: 'PUT', bucket, query, headers, expiresIn });
    return { partNumber, url: prepared.sign(key), contentLength: length };
  });
}

/** The parts that the server has. */
export async function listParts(store: ObjectStore, options: R2MultipartOptions): Promise<R2MultipartPart[]> {
  const { bucket, key, uploadId, signal } = options;
  checkUpload(options);
  return store.listParts({ bucket, key, uploadId, signal });
}

/** Makes the object of the parts. */
export async function completeUpload(
  store: ObjectStore,
  options: R2CompleteMultipartOptions,
): Promise<{ readonly key: string; readonly etag: string }> {
  const { bucket, key, uploadId, signal } = options;
  checkUpload(options);
  const parts = checkParts(options.parts);
  const { etag } = await store.completeUpload({ bucket, key, uploadId, signal, parts });
  return { key, etag };
}

/** Gives an upload up. */
export async function abortUpload(store: ObjectStore, options: R2MultipartOptions): Promise<void> {
  const { bucket, key, uploadId, signal } = options;
  checkUpload(options);
  await store.abortUpload({ bucket, key, uploadId, signal });
}

/** The unfinished uploads of a bucket, all pages of them. */
export async function listUploads(store: ObjectStore, options: R2ListMultipartOptions): Promise<R2PendingUpload[]> {
  const { bucket, prefix = '', signal } = options;
  checkBucket(bucket);
  checkPrefix(prefix);
  const uploads: StorePendingUpload[] = [];
  let marker: { readonly keyMarker: string; readonly uploadIdMarker: string } | undefined;
  do {
    const page = await store.listUploads({ bucket, prefix, signal, ...marker });
    uploads.push(...page.uploads);
    const { next } = page;
    if (next !== undefined && next.keyMarker === marker?.keyMarker && next.uploadIdMarker === marker.uploadIdMarker) {
      throw new CloudflareClientError(
        'R2_FAILED',
        `R2 list of the uploads of ${bucket} failed: a page follows itself.`,
      );
    }
    marker = next;
  } while (marker !== undefined);
  return uploads;
}

function checkUpload({ bucket, key, uploadId }: R2MultipartUpload): void {
  checkBucket(bucket);
  checkKey(key);
  if (typeof (uploadId as unknown) === 'string' && /^[\u0021-\u007e]{1,2048}$/.test(uploadId)) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `uploadId ${shown(uploadId)} is not what createMultipartUpload gave.`,
  );
}

function checkPartNumbers(partNumbers: unknown): number[] {
  if (!Array.isArray(partNumbers)) {
    throw new CloudflareClientError('INVALID_OPTION', `partNumbers ${shown(partNumbers)} must be an array.`);
  }
  const seen = new Set<number>();
  for (const partNumber of partNumbers as unknown[]) seen.add(checkPartNumber(partNumber, seen));
  return [...seen];
}

function checkPartNumber(partNumber: unknown, seen: ReadonlySet<number>): number {
  if (typeof partNumber !== 'number' || !Number.isInteger(partNumber) || partNumber < 1 || partNumber > MAX_PARTS) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `part number ${shown(partNumber)} must be an integer from 1 to ${MAX_PARTS}.`,
    );
  }
  if (!seen.has(partNumber)) return partNumber;
  throw new CloudflareClientError('INVALID_OPTION', `part number ${partNumber} is given twice.`);
}

/** They may come from a browser. */
function checkParts(parts: unknown): StoredPart[] {
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new CloudflareClientError('INVALID_OPTION', 'parts must be an array of one part at least.');
  }
  const seen = new Set<number>();
  return Array.from(parts as Partial<R2MultipartPart>[], (part) => {
    checkOptions(part, 'each of parts');
    const partNumber = checkPartNumber(part.partNumber, seen);
    seen.add(partNumber);
    const etag = typeof part.etag === 'string' ? normalizeEtag(part.etag) : '';
    if (/^[\u0021-\u007e]{1,200}$/.test(etag)) return { partNumber, etag };
    throw new CloudflareClientError('INVALID_OPTION', `part ${partNumber} has no etag; was ETag exposed by CORS?`);
  });
}
