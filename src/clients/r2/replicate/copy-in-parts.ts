import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import type { ObjectHeaders, StoredObject, StoredPart, StoreUpload } from '../store/object-store.js';
import { withRetries } from './copy-failure.js';
import type { SourceObject } from './copy-object.js';
import { partCount } from './object-identity.js';
import { partSizeOf } from './part-size.js';
import type { Route } from './route.js';
import { forEachOf } from '../../../internal/for-each-of.js';

/** Parts of one object on their way at a time; they are streamed, so each costs a few buffers. */
const PARTS_AT_ONCE = 3;

/**
 * Copies an object in parts, cut as the source's tag says where that can be told. Each part is read by range from the very object
 * that was seen. Whatever fails, the upload is aborted.
 *
 */
export async function copyInParts(route: Route, source: SourceObject, headers: ObjectHeaders): Promise<StoredObject> {
  const { to, signal } = route;
  const target = { bucket: to.bucket, key: to.prefix + source.key, signal };
  const uploadId = await to.store.createUpload({ ...target, headers });
  const upload = { ...target, uploadId };
  const partBytes = partSizeOf(source.size, partCount(source.etag));
  const count = Math.max(Math.ceil(source.size / partBytes), 1);
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  const parts: StoredPart[] = [];
  try {
    await forEachOf(numbers, PARTS_AT_ONCE, async (partNumber) => {
      const offset = (partNumber - 1) * partBytes;
      const length = Math.min(partBytes, source.size - offset);
      const stored = await withRetries(route, () => sendPart(route, source, { upload, partNumber, offset, length }));
      parts[partNumber - 1] = { partNumber, etag: stored.etag, size: length };
    });
    return await to.store.completeUpload({ ...upload, parts });
  } catch (error) {
    // Without the signal: what has begun is taken back also when the caller gave up. Its failure never hides the first one.
    await to.store.abortUpload({ ...upload, signal: undefined }).catch(() => undefined);
    throw error;
  }
}

interface PartRequest {
  readonly upload: StoreUpload;
  readonly partNumber: number;
  readonly offset: number;
  readonly length: number;
}

async function sendPart(route: Route, source: SourceObject, part: PartRequest): Promise<StoredObject> {
  const { upload, partNumber, length } = part;
  // No range names nothing: an empty object in parts has one part without a byte.
  const body = length === 0 ? new Uint8Array() : await readRange(route, source, part);
  return route.to.store.uploadPart({ ...upload, partNumber, length, body });
}

async function readRange(
  { from, signal }: Route,
  source: SourceObject,
  { offset, length }: PartRequest,
): Promise<ReadableStream<Uint8Array>> {
  try {
    const answer = await from.store.get({
      bucket: from.bucket,
      key: from.prefix + source.key,
      range: { offset, length },
      conditions: { ifMatch: source.etag },
      asStored: true,
      signal,
    });
    if (answer.status === 'found') return answer.body;
  } catch (error) {
    if (!isCloudflareClientError(error, 'R2_PRECONDITION_FAILED')) throw error;
  }
  throw new CloudflareClientError(
    'R2_OBJECT_CHANGED',
    `R2 copy of ${source.key}: the source changed or went away meanwhile.`,
  );
}
