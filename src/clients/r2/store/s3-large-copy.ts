import { CloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import { failureStatus, toR2Error } from '../r2-error.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { s3Call } from '../s3/s3-call.js';
import { s3Failure } from './binding-error.js';
import type { ObjectStore, StoreCopy, StoredObject, StoredPart, StoreInfo } from './object-store.js';
import { copySource } from './s3-objects.js';

/** When a copy is made in parts, of which size in bytes, and how many at a time. */
export interface LargeCopyLimits {
  readonly maxSingleBytes: number;
  readonly partBytes: number;
  readonly concurrency: number;
}

const MIB = 1_048_576;
const MAX_PARTS = 10_000;
const BAD_REQUEST = 400;
/** R2 takes 5 GiB less 5 MiB in one request (https://developers.cloudflare.com/r2/platform/limits/). */
const LIMITS: LargeCopyLimits = { maxSingleBytes: 5115 * MIB, partBytes: 512 * MIB, concurrency: 4 };

/**
 * Copies on the server what it refused to copy in one request because of its size. Its size is asked for only then: most
 * copies are small, and take one request.
 *
 * @param failure what the server said to the one request; thrown again when the object is not too large for it.
 * @throws {CloudflareClientError} `R2_OBJECT_CHANGED` when the source was replaced meanwhile; R2 takes no condition on a part.
 */
export async function copyWhenLarge(
  { store, connection }: { readonly store: ObjectStore; readonly connection: R2Connection },
  request: StoreCopy,
  failure: unknown,
  limits: LargeCopyLimits = LIMITS,
): Promise<StoredObject> {
  if (!(failure instanceof CloudflareClientError) || failureStatus(failure.cause) !== BAD_REQUEST) throw failure;
  const source = await sourceOf(store, request);
  const size = source?.size ?? 0;
  if (source === null || size <= limits.maxSingleBytes) throw failure;
  checkVersion(request, source);
  const { bucket, key, signal } = request;
  const uploadId = await store.createUpload({ bucket, key, signal, headers: request.headers ?? source });
  try {
    const parts = await copyParts(connection, { request, uploadId, size, limits });
    const now = await sourceOf(store, request);
    if (now?.etag !== source.etag) throw changed(request);
    return await store.completeUpload({ bucket, key, uploadId, parts, signal });
  } catch (error) {
    // The first error says more than that of the abort; R2 drops what is left after seven days.
    await store.abortUpload({ bucket, key, uploadId }).catch(() => undefined);
    throw error;
  }
}

function checkVersion(request: StoreCopy, { etag }: StoreInfo): void {
  if (request.sourceEtag === undefined || request.sourceEtag === etag) return;
  throw toR2Error(s3Failure('PreconditionFailed', 412), callOf(request));
}

async function sourceOf(store: ObjectStore, request: StoreCopy): Promise<StoreInfo | null> {
  const { sourceBucket: bucket, sourceKey: key, signal } = request;
  const head = await store.head({ bucket, key, signal });
  return head.status === 'found' ? head.info : null;
}

interface Parts {
  readonly request: StoreCopy;
  readonly uploadId: string;
  readonly size: number;
  readonly limits: LargeCopyLimits;
}

/** Waits for all that is on its way also when one fails: a part that arrives after the abort would stay. */
async function copyParts(connection: R2Connection, { request, uploadId, size, limits }: Parts): Promise<StoredPart[]> {
  const partBytes = Math.max(limits.partBytes, Math.ceil(size / MAX_PARTS));
  const count = Math.ceil(size / partBytes);
  const parts: StoredPart[] = [];
  let next = 1;
  let failed = false;
  const copyNext = async (): Promise<void> => {
    while (next <= count && !failed) {
      const partNumber = next;
      next += 1;
      const offset = (partNumber - 1) * partBytes;
      const range = { first: offset, last: Math.min(offset + partBytes, size) - 1 };
      const etag = await copyPart(connection, request, { uploadId, partNumber, ...range });
      parts.push({ partNumber, etag, size: range.last - range.first + 1 });
    }
  };
  const workers = Array.from({ length: limits.concurrency }, () =>
    copyNext().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  await Promise.allSettled(workers);
  await Promise.all(workers);
  return parts;
}

async function copyPart(
  connection: R2Connection,
  request: StoreCopy,
  part: { readonly uploadId: string; readonly partNumber: number; readonly first: number; readonly last: number },
): Promise<string> {
  const { bucket, key, sourceBucket, sourceKey } = request;
  return s3Call(connection, callOf(request), request, async (s3) => {
    const command = new s3.sdk.UploadPartCopyCommand({
      Bucket: bucket,
      Key: key,
      UploadId: part.uploadId,
      PartNumber: part.partNumber,
      CopySource: copySource(sourceBucket, sourceKey),
      CopySourceRange: `bytes=${part.first}-${part.last}`,
    });
    const { CopyPartResult } = await s3.client.send(command, s3.request);
    return normalizeEtag(CopyPartResult?.ETag);
  });
}

function callOf({ bucket, key, sourceBucket, sourceKey }: StoreCopy) {
  return { operation: `copy from ${sourceBucket}/${sourceKey}`, bucket, key };
}

function changed(request: StoreCopy): CloudflareClientError {
  const { operation, bucket, key } = callOf(request);
  return new CloudflareClientError(
    'R2_OBJECT_CHANGED',
    `R2 ${operation} of ${bucket}/${key} failed: the source was replaced while it was copied.`,
  );
}
