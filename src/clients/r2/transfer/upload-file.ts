import { CloudflareClientError } from '../../../errors.js';
import { toBytes, wrongLength } from '../s3/body-source.js';
import { contentTypeForKey } from '../content-types.js';
import { normalizeEtag } from '../etag.js';
import { MAX_PARTS, MultipartUpload } from './multipart-upload.js';
import { checkHeaderValue, encodeMetadata } from '../object-headers.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import { PartReader } from './part-reader.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { inSlices } from '../s3/slices.js';

/** What can be stored: text (as UTF-8), bytes, or a stream of bytes. */
export type R2UploadBody = string | Uint8Array | ArrayBuffer | Blob | ReadableStream;

/** What to store where. */
export interface R2UploadOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes, no control characters, no `.` or `..` segments. */
  readonly key: string;
  /** The content. A stream is read to its end, and cancelled when the upload fails after its input was accepted. */
  readonly body: R2UploadBody;
  /**
   * `Content-Type` of the object.
   *
   * @default what the extension of the key says, else `application/octet-stream`
   */
  readonly contentType?: string | undefined;
  /**
   * Bytes of a stream, when they are known: an integer from 0. The upload fails when the stream is longer or shorter.
   *
   * @default unknown; the stream is then buffered in parts of 8 MiB and may hold 78 GiB at most
   */
  readonly contentLength?: number | undefined;
  /** `Cache-Control` of the object. @default not sent */
  readonly cacheControl?: string | undefined;
  /** `Content-Disposition` of the object. @default not sent */
  readonly contentDisposition?: string | undefined;
  /** Names and values of the caller's own, 8,192 bytes in all; names are stored in lower case. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** What was stored. */
export interface R2UploadResult {
  readonly key: string;
  /** Without quotes and without `W/`. */
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
}

/** The headers of the object, checked. */
export interface ObjectRequest {
  readonly Bucket: string;
  readonly Key: string;
  readonly ContentType: string;
  readonly CacheControl: string | undefined;
  readonly ContentDisposition: string | undefined;
  readonly Metadata: Record<string, string> | undefined;
}

interface StreamBody {
  readonly stream: ReadableStream;
  readonly length: number | undefined;
}

/** Held in memory at a time: what is sent as one part, and what is sent as one PUT so that it can be sent again. */
export const PART_BYTES = 8 * 1024 * 1024;
/** R2's bound on one PUT, 4.995 GiB (https://developers.cloudflare.com/r2/platform/limits/). */
const MAX_PUT_BYTES = Math.floor(4.995 * 1024 ** 3);
/** R2's bound on an object, 4.995 TiB. */
const MAX_OBJECT_BYTES = Math.floor(4.995 * 1024 ** 4);

/** Stores an object, in one request or in parts. */
export async function uploadFile(connection: R2Connection, options: R2UploadOptions): Promise<R2UploadResult> {
  const request = toObjectRequest(options);
  const body = toBody(options);
  const call = { operation: 'upload', bucket: request.Bucket, key: request.Key };
  return connection.run(call, () => {
    if (body instanceof Uint8Array) return uploadBytes(connection, request, body);
    if (body instanceof Blob) return uploadBlob(connection, request, body);
    return uploadStream(connection, request, body);
  });
}

async function uploadBytes(
  connection: R2Connection,
  request: ObjectRequest,
  bytes: Uint8Array,
): Promise<R2UploadResult> {
  if (bytes.byteLength <= MAX_PUT_BYTES) return put(connection, request, bytes);
  const stream = inSlices(bytes, () => undefined);
  return uploadStream(connection, request, { stream, length: bytes.byteLength });
}

async function uploadBlob(connection: R2Connection, request: ObjectRequest, blob: Blob): Promise<R2UploadResult> {
  // The Blob itself and not its stream: it can be read again, so the request can be sent again.
  if (blob.size > PART_BYTES && blob.size <= MAX_PUT_BYTES) return putStream(connection, request, blob, blob.size);
  return uploadStream(connection, request, { stream: blob.stream(), length: blob.size });
}

async function uploadStream(
  connection: R2Connection,
  request: ObjectRequest,
  { stream, length }: StreamBody,
): Promise<R2UploadResult> {
  if (length !== undefined && length > PART_BYTES && length <= MAX_PUT_BYTES) {
    return putStream(connection, request, stream, length);
  }
  const partBytes = Math.max(PART_BYTES, Math.ceil((length ?? 0) / MAX_PARTS));
  const reader = new PartReader(stream, partBytes);
  try {
    const first = await reader.next();
    if (!first.last) return await new MultipartUpload(connection, request, reader, length).run(first.bytes);
    const size = first.bytes.byteLength;
    if (length !== undefined && size !== length) throw wrongLength(length, size, true);
    return await put(connection, request, first.bytes);
  } catch (error) {
    reader.abandon(error);
    throw error;
  }
}

async function put(connection: R2Connection, request: ObjectRequest, bytes: Uint8Array): Promise<R2UploadResult> {
  const { sdk, client } = await connection.session();
  const answer = await client.send(new sdk.PutObjectCommand({ ...request, Body: bytes }), connection.requestOptions);
  return { key: request.Key, etag: normalizeEtag(answer.ETag), size: bytes.byteLength };
}

async function putStream(
  connection: R2Connection,
  request: ObjectRequest,
  body: ReadableStream | Blob,
  length: number,
): Promise<R2UploadResult> {
  const { sdk, client } = await connection.session();
  const command = new sdk.PutObjectCommand({ ...request, Body: body, ContentLength: length });
  try {
    const answer = await client.send(command, connection.requestOptions);
    return { key: request.Key, etag: normalizeEtag(answer.ETag), size: length };
  } catch (error) {
    // Locked means that the request handler has it, which lets go of it itself.
    if (body instanceof ReadableStream && !body.locked) body.cancel(error).catch(() => undefined);
    throw error;
  }
}

function toObjectRequest(options: R2UploadOptions): ObjectRequest {
  const { bucket, key, contentType, cacheControl, contentDisposition } = options;
  checkBucket(bucket);
  checkKey(key);
  checkHeaderValue('contentType', contentType);
  checkHeaderValue('cacheControl', cacheControl);
  checkHeaderValue('contentDisposition', contentDisposition);
  return {
    Bucket: bucket,
    Key: key,
    ContentType: contentType ?? contentTypeForKey(key),
    CacheControl: cacheControl,
    ContentDisposition: contentDisposition,
    Metadata: encodeMetadata(options.metadata),
  };
}

function toBody({ body, contentLength }: R2UploadOptions): Uint8Array | Blob | StreamBody {
  if (contentLength !== undefined && !(Number.isSafeInteger(contentLength) && contentLength >= 0)) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `contentLength ${shown(contentLength)} must be an integer from 0.`,
    );
  }
  const source = body instanceof ReadableStream ? toStreamBody(body, contentLength) : toSizedBody(body);
  const length = knownLength(source);
  if (contentLength !== undefined && length !== contentLength) throw wrongLength(contentLength, length ?? 0, true);
  if (length !== undefined && length > MAX_OBJECT_BYTES) {
    throw new CloudflareClientError(
      'INVALID_VALUE',
      `body is ${length} bytes long; ${MAX_OBJECT_BYTES} is R2's bound.`,
    );
  }
  return source;
}

function knownLength(source: Uint8Array | Blob | StreamBody): number | undefined {
  if (source instanceof Uint8Array) return source.byteLength;
  return source instanceof Blob ? source.size : source.length;
}

function toStreamBody(stream: ReadableStream, length: number | undefined): StreamBody {
  if (!stream.locked) return { stream, length };
  throw new CloudflareClientError('INVALID_VALUE', 'body is a stream that somebody else is reading (it is locked).');
}

function toSizedBody(body: unknown): Uint8Array | Blob {
  if (typeof body === 'string') return new TextEncoder().encode(body);
  if (body instanceof Blob) return body;
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return toBytes(body);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `body is ${body === null ? 'null' : typeof body}; it must be a string, bytes, a Blob or a web ReadableStream (Readable.toWeb makes one of a Node stream).`,
  );
}
