import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';
import { guardBody } from '../s3/guarded-body.js';
import { judgeRead, toOnlyIf } from './binding-conditions.js';
import { isMomentary, s3Failure, toS3Failure } from './binding-error.js';
import { toStoreInfo } from './binding-headers.js';
import type { ByteRange, StoreGet, StoreRead } from './object-store.js';
import type { R2BucketLike, R2GetOptionsLike, R2RangeLike, R2ReadLike } from './r2-bucket.js';

const DECODABLE: Readonly<Record<string, 'gzip' | 'deflate'>> = { gzip: 'gzip', 'x-gzip': 'gzip', deflate: 'deflate' };
const NOT_DECODABLE: readonly string[] = ['br', 'zstd'];

/** Reads an object by its binding, once. */
export async function readByBinding(bucket: R2BucketLike, request: StoreGet, timeoutMs: number): Promise<StoreRead> {
  const object = await find(bucket, request);
  if (object === null) return { status: 'missing' };
  const source = bodyOf(object);
  const verdict = judgeRead(request.conditions ?? {}, object);
  const read = request.range === undefined ? null : bytesOf(request.range, object.size);
  if (source !== null && verdict === 'met') {
    const refusal = refusalOf(request, object, read);
    if (refusal === null) return found({ object, source, read }, request, timeoutMs);
    await cancel(source);
    throw refusal;
  }
  await cancel(source);
  if (verdict !== 'notModified') throw s3Failure('PreconditionFailed', 412);
  return {
    status: 'notModified',
    etag: object.etag,
    lastModified: object.uploaded,
    cacheControl: object.httpMetadata?.cacheControl,
  };
}

interface Found {
  readonly object: R2ReadLike;
  readonly source: ReadableStream<Uint8Array>;
  /** `null` for the whole object. */
  readonly read: { readonly offset: number; readonly length: number } | null;
}

function found({ object, source, read }: Found, { bucket, key, signal }: StoreGet, timeoutMs: number): StoreRead {
  const body = guardBody(source, {
    request: `GET /${bucket}/${key}`,
    expectedBytes: read?.length ?? object.size,
    timeoutMs,
    abort: () => undefined,
    signal,
  });
  return {
    status: 'found',
    info: toStoreInfo(object),
    range: read,
    body: read === null ? decoded(body, object) : body,
  };
}

function refusalOf({ bucket, key }: StoreGet, object: R2ReadLike, read: Found['read']): Error | null {
  if (read !== null) return read.length > 0 ? null : s3Failure('InvalidRange', 416);
  const encoding = encodingOf(object);
  if (!NOT_DECODABLE.includes(encoding)) return null;
  return new CloudflareClientError(
    'R2_NOT_SUPPORTED',
    `R2 download of ${bucket}/${key}: it is stored with content encoding ${shown(encoding)}, which a Worker can decode over S3 only.`,
  );
}

/** Lets go of what was read too late. */
export function letGo(read: StoreRead | undefined): void {
  if (read?.status === 'found') void cancel(read.body);
}

/** The content of what the binding answered; `null` when a condition did not hold. */
export function bodyOf(object: R2ReadLike): ReadableStream<Uint8Array> | null {
  return (object.body ?? null) as ReadableStream<Uint8Array> | null;
}

/** Tells a stream that nobody reads it. Its own failure to stop is nobody's concern. */
export async function cancel(stream: ReadableStream | null): Promise<void> {
  await stream?.cancel().catch(() => undefined);
}

function encodingOf(object: R2ReadLike): string {
  return object.httpMetadata?.contentEncoding?.trim().toLowerCase() ?? '';
}

/** As `fetch` decodes what it reads over S3, and so what a caller of either path gets. */
function decoded(body: ReadableStream<Uint8Array>, object: R2ReadLike): ReadableStream<Uint8Array> {
  const format = DECODABLE[encodingOf(object)];
  return format === undefined ? body : body.pipeThrough(new DecompressionStream(format));
}

async function find(bucket: R2BucketLike, { key, range, conditions }: StoreGet): Promise<R2ReadLike | null> {
  const onlyIf = toOnlyIf(conditions);
  const options: R2GetOptionsLike = {
    ...(onlyIf !== undefined && { onlyIf }),
    ...(range !== undefined && { range: toRange(range) }),
  };
  try {
    return await bucket.get(key, options);
  } catch (error) {
    // A local binding fails with an internal error when a range begins at the very end.
    if (range !== undefined && 'offset' in range && isMomentary(toS3Failure(error))) {
      const size = (await bucket.head(key))?.size ?? Infinity;
      if (range.offset >= size) throw s3Failure('InvalidRange', 416, error);
    }
    throw error;
  }
}

function toRange(range: ByteRange): R2RangeLike {
  if ('suffix' in range) return { suffix: range.suffix };
  return { offset: range.offset, ...(range.length !== undefined && { length: range.length }) };
}

function bytesOf(range: ByteRange, size: number): { offset: number; length: number } {
  const offset = 'suffix' in range ? Math.max(size - range.suffix, 0) : range.offset;
  const length = 'suffix' in range ? size - offset : Math.min(range.length ?? Infinity, size - offset);
  return { offset, length };
}
