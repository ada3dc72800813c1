import { bindingBody } from './binding-body.js';
import type { BindingAttempt, BindingCalls } from './binding-call.js';
import { s3Failure } from './binding-error.js';
import { toStoreInfo, toStoringOptions } from './binding-headers.js';
import { bodyOf, cancel } from './binding-read.js';
import type { StoreCopy, StoredObject } from './object-store.js';
import type { R2BucketLike, R2GetOptionsLike, R2ReadLike, R2UploadedPartLike } from './r2-bucket.js';

/** Between which buckets. */
export interface BindingCopy {
  readonly source: R2BucketLike;
  readonly target: R2BucketLike;
  readonly calls: BindingCalls;
}

/** When a copy is made in parts, and of which size, in bytes. */
export interface CopyLimits {
  readonly maxSingleBytes: number;
  readonly partBytes: number;
}

const MIB = 1_048_576;
const MAX_PARTS = 10_000;
/** R2 takes 5 GiB less 5 MiB in one call (https://developers.cloudflare.com/r2/platform/limits/). */
const LIMITS: CopyLimits = { maxSingleBytes: 5115 * MIB, partBytes: 100 * MIB };

/**
 * Copies by reading and writing, streamed; headers and metadata go along unless others are given. The parts of a large
 * object are of one version: each is read on condition of the tag.
 */
export async function copyByBinding(
  copy: BindingCopy,
  request: StoreCopy,
  limits: CopyLimits = LIMITS,
): Promise<StoredObject> {
  const { bucket, key, sourceBucket, sourceKey, signal } = request;
  const call = { operation: `copy from ${sourceBucket}/${sourceKey}`, bucket, key };
  // Tried anew from the beginning: what was read is gone.
  return copy.calls.run(call, { signal }, async (attempt) => {
    const object = await open(copy.source, sourceKey, request.sourceEtag);
    const options = toStoringOptions(request.headers ?? toStoreInfo(object));
    if (object.size > limits.maxSingleBytes) {
      await cancel(bodyOf(object));
      return copyInParts(copy, { request, size: object.size, etag: object.etag, options, limits }, attempt);
    }
    const stored = await sendBody(object, object.size, attempt, (value) => copy.target.put(key, value, options));
    if (stored === null) throw s3Failure('PreconditionFailed', 412);
    return { etag: stored.etag };
  });
}

interface LargeCopy {
  readonly request: StoreCopy;
  readonly size: number;
  readonly etag: string;
  readonly options: ReturnType<typeof toStoringOptions>;
  readonly limits: CopyLimits;
}

async function copyInParts(
  { source, target }: BindingCopy,
  { request, size, etag, options, limits }: LargeCopy,
  attempt: BindingAttempt,
): Promise<StoredObject> {
  const { key, sourceKey } = request;
  const partBytes = Math.max(limits.partBytes, Math.ceil(size / MAX_PARTS));
  const upload = await target.createMultipartUpload(key, options);
  try {
    const parts: R2UploadedPartLike[] = [];
    for (let offset = 0; offset < size; offset += partBytes) {
      if (attempt.signal.aborted) throw attempt.signal.reason as Error;
      const length = Math.min(partBytes, size - offset);
      const part = await open(source, sourceKey, etag, { range: { offset, length } });
      parts.push(await sendBody(part, length, attempt, (value) => upload.uploadPart(parts.length + 1, value)));
    }
    const stored = await upload.complete(parts);
    return { etag: stored.etag };
  } catch (error) {
    // The first error says more than that of the abort; R2 drops what is left after seven days.
    await upload.abort().catch(() => undefined);
    throw error;
  }
}

/** The source with its content, which must have the tag. */
async function open(
  source: R2BucketLike,
  key: string,
  etag: string | undefined,
  options: R2GetOptionsLike = {},
): Promise<R2ReadLike> {
  const object = await source.get(key, { ...options, ...(etag !== undefined && { onlyIf: { etagMatches: etag } }) });
  if (object === null) throw s3Failure('NoSuchKey', 404);
  if (bodyOf(object) === null) throw s3Failure('PreconditionFailed', 412);
  return object;
}

async function sendBody<T>(
  object: R2ReadLike,
  length: number,
  attempt: BindingAttempt,
  send: (value: unknown) => Promise<T>,
): Promise<T> {
  const body = await bindingBody(bodyOf(object) ?? new ReadableStream(), length, attempt, () => undefined);
  try {
    return await send(body.value);
  } catch (error) {
    body.exact?.abandon(error);
    throw body.exact?.failure ?? error;
  }
}
