import { failureName } from '../r2-error.js';
import type { BindingCalls } from './binding-call.js';
import { judgeRead } from './binding-conditions.js';
import { s3Failure, toS3Failure } from './binding-error.js';
import { toStoringOptions } from './binding-headers.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  StoredObject,
  StoredPart,
  StoreTarget,
  StoreUpload,
} from './object-store.js';
import type { R2BucketLike } from './r2-bucket.js';

/** Which upload to complete, of what, and when at all. */
export interface CompleteRequest extends StoreUpload {
  readonly parts: readonly StoredPart[];
  readonly conditions?: ObjectConditions | undefined;
}

/** Begins an upload in parts; answers with its id. One that comes too late, after the signal or in silence, is aborted. */
export async function createByBinding(
  bucket: R2BucketLike,
  calls: BindingCalls,
  { bucket: name, key, headers, signal }: StoreTarget & { readonly headers: ObjectHeaders },
): Promise<string> {
  const discard = async (uploadId: string): Promise<void> => {
    await bucket
      .resumeMultipartUpload(key, uploadId)
      .abort()
      .catch(() => undefined);
  };
  return calls.run(
    { operation: 'upload', bucket: name, key },
    { signal, discard: (late) => void discard(late) },
    async () => {
      const upload = await bucket.createMultipartUpload(key, toStoringOptions(headers));
      return upload.uploadId;
    },
  );
}

/** Makes the object of the parts that were sent. */
export async function completeByBinding(
  bucket: R2BucketLike,
  calls: BindingCalls,
  request: CompleteRequest,
): Promise<StoredObject> {
  const { key, uploadId, conditions, signal } = request;
  const parts = [...request.parts]
    .sort((one, other) => one.partNumber - other.partNumber)
    .map(({ partNumber, etag }) => ({ partNumber, etag }));
  return calls.run({ operation: 'upload (completion)', bucket: request.bucket, key }, { signal }, async (attempt) => {
    // Once only: a second attempt may find the object that the first has made.
    if (conditions !== undefined && attempt.number === 1) await checkConditions(bucket, key, conditions);
    try {
      const object = await bucket.resumeMultipartUpload(key, uploadId).complete(parts);
      return { etag: object.etag };
    } catch (error) {
      const etag = attempt.number > 1 ? await etagWhenCompleted(bucket, request, error) : null;
      if (etag === null) throw error;
      return { etag };
    }
  });
}

async function checkConditions(bucket: R2BucketLike, key: string, conditions: ObjectConditions): Promise<void> {
  const object = await bucket.head(key);
  const isMet = object === null ? conditions.ifMatch === undefined : judgeRead(conditions, object) === 'met';
  if (!isMet) throw s3Failure('PreconditionFailed', 412);
}

/** A completion whose answer was lost is answered with "no such upload" when it is tried again: the object tells. */
async function etagWhenCompleted(
  bucket: R2BucketLike,
  { key, parts }: CompleteRequest,
  error: unknown,
): Promise<string | null> {
  if (failureName(toS3Failure(error)) !== 'NoSuchUpload') return null;
  const object = await bucket.head(key).catch(() => null);
  if (object === null || !object.etag.endsWith(`-${parts.length}`)) return null;
  const size = parts.reduce((sum, part) => sum + (part.size ?? NaN), 0);
  return Number.isNaN(size) || size === object.size ? object.etag : null;
}
