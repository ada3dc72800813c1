import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { failureStatus } from '../r2-error.js';
import type { ObjectConditions, ObjectStore, StoredPart, StoreUpload } from '../store/object-store.js';
import { isMultipartEtag, multipartEtag } from './md5.js';
import type { R2UploadResult, UploadRequest } from './upload-options.js';

/** An upload whose parts are all stored. */
export interface PartedUpload extends StoreUpload {
  /** By number. */
  readonly parts: readonly (StoredPart & { readonly md5: Uint8Array })[];
  /** Bytes of all parts. */
  readonly size: number;
}

/**
 * Makes the object of its parts and looks whether it is what was sent. Once asked for, it is waited for: the caller's signal
 * does not end it.
 *
 * @throws {CloudflareClientError} `R2_PRECONDITION_FAILED`, `R2_CHECKSUM_MISMATCH` and the other `R2_*`
 */
export async function completeParts(
  store: ObjectStore,
  request: UploadRequest,
  upload: PartedUpload,
): Promise<R2UploadResult> {
  const { bucket, key, parts, size } = upload;
  const expected = await multipartEtag(parts.map(({ md5 }) => md5));
  if (request.conditions !== undefined) await checkConditions(store, request);
  const etag = await completeIf(store, upload, request.conditions).catch(async (error: unknown) => {
    // Its answer may have been lost, and the object be there.
    if (isUncertain(error) && (await isThere(store, upload, expected))) return expected;
    throw error;
  });
  if (request.verify && isMultipartEtag(etag) && etag !== expected) {
    throw new CloudflareClientError(
      'R2_CHECKSUM_MISMATCH',
      `R2 upload of ${bucket}/${key}: the entity tag of what was stored is ${etag}, and of what was sent ${expected}.`,
    );
  }
  if (request.verify && etag !== expected) await checkSize(store, upload, etag);
  return { key, etag, size };
}

/**
 * Looks at the object that is there: the server may heed no conditions at a completion.
 *
 * @throws {CloudflareClientError} `R2_PRECONDITION_FAILED`
 */
export async function checkConditions(store: ObjectStore, request: UploadRequest): Promise<void> {
  const { bucket, key, signal, conditions = {} } = request;
  const head = await store.head({ bucket, key, signal });
  const etag = head.status === 'found' ? head.info.etag : null;
  const failed = conditions.ifNoneMatch === '*' ? etag !== null : etag === null || !matches(conditions.ifMatch, etag);
  if (!failed) return;
  const found = etag === null ? 'there is no such object' : `the object that is there has the entity tag ${etag}`;
  throw new CloudflareClientError(
    'R2_PRECONDITION_FAILED',
    `R2 upload of ${bucket}/${key}: ${found}; nothing was stored.`,
  );
}

function matches(wanted: string | undefined, etag: string): boolean {
  return wanted === undefined || wanted === '*' || wanted === etag;
}

/** Makes the object of its parts under conditions, or without them where the server has none; the caller has looked before. */
export async function completeIf(
  store: ObjectStore,
  { bucket, key, uploadId, parts }: StoreUpload & { readonly parts: readonly StoredPart[] },
  conditions: ObjectConditions | undefined,
): Promise<string> {
  const target = { bucket, key, uploadId, parts };
  try {
    return (await store.completeUpload({ ...target, conditions })).etag;
  } catch (error) {
    if (conditions === undefined || !isCloudflareClientError(error, 'R2_NOT_SUPPORTED')) throw error;
    return (await store.completeUpload(target)).etag;
  }
}

/** No answer, or one that says nothing of the outcome. */
function isUncertain(error: unknown): boolean {
  if (!isCloudflareClientError(error)) return false;
  if (error.code !== 'R2_FAILED' && error.code !== 'R2_TIMEOUT') return false;
  const status = failureStatus(error.cause);
  return status === undefined || status >= 500 || status < 400;
}

async function isThere(store: ObjectStore, { bucket, key, size }: PartedUpload, etag: string): Promise<boolean> {
  const head = await store.head({ bucket, key }).catch(() => null);
  return head?.status === 'found' && head.info.etag === etag && (head.info.size ?? size) === size;
}

/** Where the tag says nothing, the size does. An object that has another tag by now is another writer's. */
async function checkSize(store: ObjectStore, { bucket, key, size }: PartedUpload, etag: string): Promise<void> {
  const head = await store.head({ bucket, key }).catch(() => null);
  if (head?.status !== 'found' || head.info.etag !== etag || head.info.size === null || head.info.size === size) return;
  throw new CloudflareClientError(
    'R2_CHECKSUM_MISMATCH',
    `R2 upload of ${bucket}/${key}: ${head.info.size} bytes were stored, and ${size} were sent.`,
  );
}
