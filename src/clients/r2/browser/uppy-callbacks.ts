import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import type { R2Client } from '../r2-client.js';
import { internalsOf } from '../r2-internals.js';
import type { Presigner } from '../signing/presigner.js';
import { MAX_PARTS } from '../signing/upload-limits.js';
import { S3Store } from '../store/s3-store.js';
import type { StoredPart } from '../store/object-store.js';
import { completeIf } from '../transfer/complete-upload.js';
import { signPart, signPut, targetOf, type UploadTarget, type UppySignature, type UppyUpload } from './sign-upload.js';
import {
  acceptFile,
  resolvePolicy,
  type UploadFile,
  type UploadGrant,
  type UploadPolicy,
  type UploadPolicyOptions,
} from './upload-policy.js';
import { UploadRefused } from './upload-refused.js';
import { signUppyRequest, type UppySignedRequest } from './uppy-sign-request.js';

/** For whom, and how, Uppy's uploads are signed. */
export interface UppyCallbacksOptions extends UploadPolicyOptions, UploadGrant {}

/** A part as Uppy has it: tags with their quotes. */
export interface UppyPart {
  readonly PartNumber: number;
  readonly ETag: string;
  /** Bytes. */
  readonly Size?: number | undefined;
}

/** The server's side of Uppy's callbacks, for one caller. All arguments may come from the browser as they are. */
export interface UppyCallbacks {
  /** Signs one PUT: of this size, this type, and once. */
  getUploadParameters(file: UploadFile): UppySignature & { readonly fields: { readonly key: string } };
  /** Begins an upload in parts. */
  createMultipartUpload(file: UploadFile): Promise<{ uploadId: string; key: string; bucket: string }>;
  /** Signs the PUT of a part; with `size`, of no other size. */
  signPart(upload: UppyUpload & { readonly partNumber?: unknown; readonly size?: unknown }): UppySignature;
  /** The parts that R2 has, all pages of them. */
  listParts(upload: UppyUpload): Promise<UppyPart[]>;
  /**
   * Makes the object of the parts. With `maxSizeBytes` the parts are measured before; an upload that is too large is aborted, and so is,
   * with `writeOnce`, one whose key has an object by now.
   *
   * @returns `location` is the address at the S3 endpoint, where only signed requests are answered: keep the `key`.
   */
  completeMultipartUpload(
    upload: UppyUpload & { readonly parts?: unknown },
  ): Promise<{ location: string; key: string; bucket: string }>;
  /** Gives an upload up, and its parts. */
  abortMultipartUpload(upload: UppyUpload): Promise<void>;
  /** Signs whatever Uppy 6 asks its `signRequest` for, and nothing else. */
  signRequest(request: unknown): Promise<UppySignedRequest>;
}

/**
 * The server's side of Uppy's S3 callbacks (`@uppy/aws-s3` 4, 5 and 6) as plain functions, for apps that have their own routes
 * or remote calls; `createUploadHandler` has the routes too. Every key is confined to the caller's prefix.
 *
 * Each function throws a `CloudflareClientError`: an `UploadRefused` for what the client may not do, `R2_*` from the server.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_PREFIX`
 * @example
 * ```ts
 * const r2 = new R2Client({ accountId: '...', accessKeyId: '...', secretAccessKey: '...' });
 * const uploads = uppyCallbacks(r2, {
 *   bucket: 'codex-media-production',
 *   prefix: `${creatorId}/originals/${mediaId}/`,
 *   allowedTypes: ['video/*'],
 * });
 * const { uploadId, key } = await uploads.createMultipartUpload({ name: 'holiday.mp4', type: 'video/mp4' });
 * const { url } = uploads.signPart({ uploadId, key, partNumber: 1 });
 * ```
 */
export function uppyCallbacks(r2: R2Client, options: UppyCallbacksOptions): UppyCallbacks {
  return callbacksFor(r2, resolvePolicy(options));
}

/** The callbacks under a policy that was checked. */
export function callbacksFor(r2: R2Client, policy: UploadPolicy): UppyCallbacks {
  const { connection, presigner } = internalsOf(r2);
  const parts: PartStore = { store: new S3Store(connection), policy };
  return {
    getUploadParameters(file) {
      const { key, ...signature } = signPut(presigner, policy, file);
      return { ...signature, fields: { key } };
    },
    async createMultipartUpload(file) {
      const { key, type } = acceptFile(policy, file, 'parts');
      const headers = { contentType: type, metadata: {} };
      const uploadId = await parts.store.createUpload({ bucket: policy.bucket, key, headers });
      return { uploadId, key, bucket: policy.bucket };
    },
    signPart: (upload) => signPart(presigner, policy, upload),
    async listParts(upload) {
      const listed = await parts.store.listParts(targetOf(policy, upload));
      return listed.map(({ partNumber, etag, size }) => ({ PartNumber: partNumber, ETag: `"${etag}"`, Size: size }));
    },
    async completeMultipartUpload(upload) {
      const target = targetOf(policy, upload);
      await completeParts(parts, target, readParts(upload.parts));
      const { key, bucket } = target;
      return { location: locationOf(presigner, target), key, bucket };
    },
    abortMultipartUpload: (upload) => parts.store.abortUpload(targetOf(policy, upload)),
    signRequest: (request) =>
      signUppyRequest({ presigner, policy, check: (target) => checkCompletion(parts, target) }, request),
  };
}

interface PartStore {
  readonly store: S3Store;
  readonly policy: UploadPolicy;
}

/** Not R2's own `Location`, which has been `auto` (uppy#4505). */
function locationOf(presigner: Presigner, { bucket, key }: UploadTarget): string {
  return presigner.presign({ method: 'GET', bucket, key, expiresIn: 1 }).split('?')[0] ?? '';
}

function readParts(parts: unknown): StoredPart[] {
  const list: unknown[] = Array.isArray(parts) ? parts : [];
  if (list.length === 0 || list.length > MAX_PARTS) throw badParts();
  const read = list.map((part) => {
    const { PartNumber, ETag } = (typeof part === 'object' && part !== null ? part : {}) as Partial<
      Record<'PartNumber' | 'ETag', unknown>
    >;
    if (typeof ETag !== 'string' || ETag === '' || ETag.length > 200) throw badParts();
    if (typeof PartNumber !== 'number' || !Number.isInteger(PartNumber)) throw badParts();
    return { partNumber: PartNumber, etag: normalizeEtag(ETag) };
  });
  const numbers = new Set(read.map(({ partNumber }) => partNumber));
  if (numbers.size < read.length || Math.min(...numbers) < 1 || Math.max(...numbers) > MAX_PARTS) throw badParts();
  return read;
}

async function completeParts(parts: PartStore, target: UploadTarget, named: StoredPart[]): Promise<void> {
  const { store, policy } = parts;
  await checkCompletion(parts, target, named);
  try {
    await completeIf(store, { ...target, parts: named }, policy.writeOnce ? { ifNoneMatch: '*' } : undefined);
  } catch (error) {
    if (!isCloudflareClientError(error, 'R2_PRECONDITION_FAILED')) throw error;
    await refuseStored(parts, target);
  }
}

async function checkCompletion(parts: PartStore, target: UploadTarget, named?: StoredPart[]): Promise<void> {
  await measure(parts, target, named);
  if (!parts.policy.writeOnce) return;
  const { status } = await parts.store.head(target);
  if (status === 'found') await refuseStored(parts, target);
}

async function refuseStored({ store }: PartStore, target: UploadTarget): Promise<never> {
  await store.abortUpload(target);
  throw new UploadRefused('ALREADY_STORED', 'There is a file under this key already.');
}

/** Refuses, and aborts, an upload that has grown larger than is allowed. Where the parts are named, these alone count. */
async function measure({ store, policy }: PartStore, target: UploadTarget, named?: StoredPart[]): Promise<void> {
  if (policy.maxSizeBytes === undefined) return;
  const listed = await store.listParts(target);
  const size = sizeOf(target, named === undefined ? listed : measured(listed, named));
  if (size > policy.maxSizeBytes) {
    await store.abortUpload(target);
    throw new UploadRefused('TOO_LARGE', `${size} bytes are more than the ${policy.maxSizeBytes} that are allowed.`);
  }
  // Signed now, a completion would be good for whatever is sent later.
  if (listed.length === 0) throw new UploadRefused('BAD_REQUEST', 'The upload has no parts yet.');
}

/** The parts that are named, as they are there. By their tags: a larger one could take a part's place before the completion. */
function measured(listed: readonly StoredPart[], named: readonly StoredPart[]): StoredPart[] {
  const byNumber = new Map(listed.map((part) => [part.partNumber, part]));
  return named.map(({ partNumber, etag }) => {
    const part = byNumber.get(partNumber);
    if (part?.etag === etag) return part;
    throw new UploadRefused('BAD_REQUEST', `Part ${partNumber} is not there, or has another ETag.`);
  });
}

function sizeOf({ bucket, key }: UploadTarget, parts: readonly StoredPart[]): number {
  return parts.reduce((sum, { size }) => {
    if (size !== undefined) return sum + size;
    // Counted as nothing, it would leave the limit without effect.
    throw new CloudflareClientError('R2_FAILED', `R2 list of the parts of ${bucket}/${key}: a part has no size.`);
  }, 0);
}

function badParts(): UploadRefused {
  return new UploadRefused('BAD_REQUEST', `parts must be 1 to ${MAX_PARTS} of { PartNumber, ETag }, each number once.`);
}
