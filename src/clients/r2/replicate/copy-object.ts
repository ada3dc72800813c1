import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { checkKey } from '../object-names.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  R2StorageClass,
  StoredObject,
  StoreInfo,
  StoreRead,
} from '../store/object-store.js';
import { bytesOfHex, isMd5 } from '../transfer/md5.js';
import { copyInParts } from './copy-in-parts.js';
import { withRetries } from './copy-failure.js';
import { markerOf, partCount, SOURCE_MARKER } from './object-identity.js';
import type { Route } from './route.js';

/** An object to copy, as it was last seen. */
export interface SourceObject {
  /** Without the prefix of its place. */
  readonly key: string;
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  readonly storageClass?: R2StorageClass | undefined;
}

/** R2's bound on one CopyObject and on one PUT. */
const MAX_ONE_GO_BYTES = Math.floor(4.995 * 1024 ** 3);
/** Up to here an object is held in memory, so that writing it can be tried again without reading it again. */
const BUFFERED_BYTES = 1024 * 1024;

/**
 * Copies one object, just as it was seen: with its content type, headers, metadata and storage class.
 *
 * @param route from where to where.
 * @param source the object.
 * @param conditions when to write at the destination; not heeded by a copy on the server, nor for an object in parts.
 * @throws {CloudflareClientError} `R2_OBJECT_CHANGED` when the source is no longer what was seen, `R2_PRECONDITION_FAILED` for
 * `conditions`, `INVALID_KEY` for a key that a URL cannot carry, other `R2_*`
 */
export async function copyObject(
  route: Route,
  source: SourceObject,
  conditions?: ObjectConditions,
): Promise<StoredObject> {
  checkKey(route.from.prefix + source.key, 'source key');
  checkKey(route.to.prefix + source.key, 'destination key');
  if (route.onServer && source.size <= MAX_ONE_GO_BYTES) {
    try {
      return await copyOnServer(route, source);
    } catch (error) {
      // Neither a server that cannot copy nor a binding without credentials keeps it from being read and written.
      if (
        !isCloudflareClientError(error, 'R2_NOT_SUPPORTED') &&
        !isCloudflareClientError(error, 'MISSING_CREDENTIALS')
      ) {
        throw error;
      }
    }
  }
  if (partCount(source.etag) === null && source.size <= MAX_ONE_GO_BYTES) return copyThrough(route, source, conditions);
  return copyInParts(route, source, marked(await seen(route, source), source));
}

/** Headers of a copy whose tag may differ from the source's: with the marker that tells what it is a copy of. */
function marked(info: ObjectHeaders, source: SourceObject): ObjectHeaders {
  const headers = headersOf(info);
  return { ...headers, metadata: { ...headers.metadata, [SOURCE_MARKER]: markerOf(source) } };
}

async function copyOnServer(route: Route, source: SourceObject): Promise<StoredObject> {
  const { from, to, signal } = route;
  const request = {
    bucket: to.bucket,
    key: to.prefix + source.key,
    sourceBucket: from.bucket,
    sourceKey: from.prefix + source.key,
    sourceEtag: source.etag,
    signal,
  };
  // A copy is stored in one go, so an object in parts gets another tag; and it goes to STANDARD unless told.
  const inParts = partCount(source.etag) !== null;
  const plain = !inParts && (source.storageClass ?? 'STANDARD') === 'STANDARD';
  const info = plain ? null : await seen(route, source);
  const headers = info === null ? undefined : inParts ? marked(info, source) : headersOf(info);
  try {
    return await to.store.copy({ ...request, headers });
  } catch (error) {
    const gone = isCloudflareClientError(error, 'R2_NO_SUCH_KEY');
    throw changedIf(gone || isCloudflareClientError(error, 'R2_PRECONDITION_FAILED'), source, error);
  }
}

/** Reads and writes in one go, so that the tag stays what it is: the MD5 of the content, which the destination checks. */
async function copyThrough(
  route: Route,
  source: SourceObject,
  conditions: ObjectConditions | undefined,
): Promise<StoredObject> {
  const { to, signal } = route;
  const put = {
    bucket: to.bucket,
    key: to.prefix + source.key,
    length: source.size,
    conditions,
    md5: isMd5(source.etag) ? bytesOfHex(source.etag) : undefined,
    signal,
  };
  if (source.size > BUFFERED_BYTES) {
    return withRetries(route, async () => {
      const { info, body } = await read(route, source);
      return to.store.put({ ...put, body, headers: headersOf(info) });
    });
  }
  const { info, bytes } = await withRetries(route, async () => {
    const answer = await read(route, source);
    return { info: answer.info, bytes: await bytesOf(answer.body, source) };
  });
  return to.store.put({ ...put, body: bytes, headers: headersOf(info) });
}

async function read(route: Route, source: SourceObject): Promise<Extract<StoreRead, { status: 'found' }>> {
  const { from, signal } = route;
  const target = { bucket: from.bucket, key: from.prefix + source.key, signal };
  try {
    const answer = await from.store.get({ ...target, conditions: { ifMatch: source.etag } });
    if (answer.status === 'found' && !isEncoded(answer.info)) return answer;
    if (answer.status === 'found') {
      // Decoded on its way, it would not be what is stored. The headers are those of this answer.
      await answer.body.cancel().catch(() => undefined);
      const stored = await from.store.get({ ...target, conditions: { ifMatch: source.etag }, asStored: true });
      if (stored.status === 'found') return { ...stored, info: answer.info };
    }
  } catch (error) {
    throw changedIf(isCloudflareClientError(error, 'R2_PRECONDITION_FAILED'), source, error);
  }
  throw changedIf(true, source);
}

function isEncoded({ contentEncoding }: ObjectHeaders): boolean {
  return contentEncoding !== undefined && contentEncoding !== '' && contentEncoding !== 'identity';
}

/** The whole body in one buffer of the size that was listed; read by hand, since a `Response` around it costs as much as the reading. */
async function bytesOf(body: ReadableStream<Uint8Array>, { key, size }: SourceObject): Promise<Uint8Array> {
  const reader = body.getReader();
  const bytes = new Uint8Array(size);
  let length = 0;
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (length + read.value.byteLength <= size) bytes.set(read.value, length);
      length += read.value.byteLength;
      if (length > size) break;
    }
  } catch (cause) {
    if (isCloudflareClientError(cause)) throw cause;
    throw new CloudflareClientError('R2_FAILED', `R2 read of ${key} broke off.`, { cause });
  }
  if (length === size) return bytes;
  reader.cancel().catch(() => undefined);
  throw new CloudflareClientError('R2_FAILED', `R2 read of ${key}: ${length} of ${size} bytes came.`);
}

/** The headers of the source, if it is still what was seen. */
async function seen(route: Route, source: SourceObject): Promise<StoreInfo> {
  const { from, signal } = route;
  const answer = await from.store.head({ bucket: from.bucket, key: from.prefix + source.key, signal });
  if (answer.status === 'found' && answer.info.etag === source.etag) return answer.info;
  throw changedIf(true, source);
}

/** `error`, or that the source changed. */
function changedIf(changed: boolean, { key }: SourceObject, error?: unknown): unknown {
  if (!changed) return error;
  return new CloudflareClientError(
    'R2_OBJECT_CHANGED',
    `R2 copy of ${key}: the source changed or went away meanwhile.`,
    {
      cause: error,
    },
  );
}

/** The headers alone, of what is known of an object. */
function headersOf(info: ObjectHeaders): ObjectHeaders {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, metadata, storageClass } =
    info;
  return {
    contentType,
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
    metadata,
    storageClass,
  };
}
