import { CloudflareClientError } from '../../../errors.js';
import { sourceFailure, wrongLength } from '../s3/body-source.js';
import { inSlices } from '../s3/slices.js';
import type { R2Internals } from '../r2-internals.js';
import type { StoreBody } from '../store/object-store.js';
import { createMd5, hexOf, isMd5, md5Of, md5OfBlob } from './md5.js';
import { MAX_PARTS, MultipartUpload } from './multipart-upload.js';
import { PartReader } from './part-reader.js';
import { ProgressMeter } from './progress.js';
import { hashed, knownLength, uploadBody, type StreamBody } from './upload-body.js';
import {
  checkUploadOptions,
  MAX_PUT_BYTES,
  type R2UploadOptions,
  type R2UploadResult,
  type UploadRequest,
} from './upload-options.js';

/** What uploads need of a client. */
export type Writer = Pick<R2Internals, 'storeOf' | 'options'>;

/** Held in memory at a time: what is sent as one part, and what of a stream is sent as one PUT so that it can be sent again. */
export const PART_BYTES = 8 * 1024 * 1024;

interface Upload {
  readonly writer: Writer;
  readonly request: UploadRequest;
}

/** Stores an object, in one request or in parts. */
export async function uploadFile(writer: Writer, options: R2UploadOptions): Promise<R2UploadResult> {
  const request = checkUploadOptions(options);
  const body = uploadBody(options);
  try {
    return await send({ writer, request }, body);
  } catch (error) {
    throw namingTarget(error, request);
  }
}

async function send(upload: Upload, body: Uint8Array | Blob | StreamBody): Promise<R2UploadResult> {
  const { resume, thresholdBytes } = upload.request;
  const inParts = resume !== undefined || (knownLength(body) ?? 0) > thresholdBytes;
  if (inParts || !(body instanceof Uint8Array || body instanceof Blob)) return uploadStream(upload, streamOf(body));
  return putSized(upload, body);
}

/** What is wrong with a body is found where nobody knows what it is for. */
function namingTarget(error: unknown, { bucket, key }: UploadRequest): unknown {
  if (!(error instanceof CloudflareClientError) || error.message.includes(`${bucket}/${key}`)) return error;
  return new CloudflareClientError(error.code, `R2 upload of ${bucket}/${key} failed: ${error.message}`, {
    cause: error.cause,
  });
}

function streamOf(body: Uint8Array | Blob | StreamBody): StreamBody {
  if (body instanceof Uint8Array) return { stream: inSlices(body, () => undefined), length: body.byteLength };
  return body instanceof Blob ? { stream: body.stream(), length: body.size } : body;
}

/** A Blob can be a file, which may have been changed or removed since. */
function sourceFailed(error: unknown): never {
  throw sourceFailure(error);
}

/** What can be read twice is hashed first, so that the server refuses what was damaged on its way. */
async function putSized(upload: Upload, body: Uint8Array | Blob): Promise<R2UploadResult> {
  const { md5 } = upload.request;
  if (body instanceof Uint8Array) return put(upload, body, body.byteLength, md5 ?? (await md5Of(body)));
  return put(upload, body, body.size, md5 ?? (await md5OfBlob(body).catch(sourceFailed)));
}

async function uploadStream(upload: Upload, body: StreamBody): Promise<R2UploadResult> {
  const { thresholdBytes, resume } = upload.request;
  const { stream, length } = body;
  const partBytes = partBytesFor(upload.request, length);
  if (resume === undefined && length !== undefined && length > partBytes && length <= thresholdBytes) {
    return putStream(upload, stream, length);
  }
  const reader = new PartReader(stream, partBytes, length);
  try {
    return await readParts(upload, { reader, partBytes, length });
  } catch (error) {
    reader.abandon(error);
    throw error;
  }
}

interface PartedBody {
  readonly reader: PartReader;
  readonly partBytes: number;
  readonly length: number | undefined;
}

async function readParts(upload: Upload, { reader, partBytes, length }: PartedBody): Promise<R2UploadResult> {
  const { writer, request } = upload;
  const parts = new MultipartUpload(writer, request, { reader, partBytes, length });
  const first = await parts.read();
  if (!first.last || request.resume !== undefined) return parts.run(first);
  const size = first.bytes.byteLength;
  if (length !== undefined && size !== length) throw wrongLength(length, size, true);
  return put(upload, first.bytes, size, request.md5 ?? (await md5Of(first.bytes)));
}

/** Parts of one size, and no more than 10,000 where the length is known. */
function partBytesFor({ partBytes }: UploadRequest, length = 0): number {
  const least = Math.ceil(length / MAX_PARTS);
  if (partBytes === undefined) return Math.max(PART_BYTES, least);
  if (partBytes >= least) return partBytes;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `partSizeBytes ${partBytes} makes more than ${MAX_PARTS} parts of ${length} bytes; ${least} is the least.`,
  );
}

async function putStream(upload: Upload, stream: ReadableStream, length: number): Promise<R2UploadResult> {
  const { md5, verify } = upload.request;
  if (length > MAX_PUT_BYTES)
    throw new CloudflareClientError('INVALID_VALUE', `body is longer than ${MAX_PUT_BYTES} bytes.`);
  if (md5 !== undefined || !verify) return put(upload, stream, length, md5);
  const hash = createMd5();
  try {
    const result = await put(upload, hashed(stream, hash), length, undefined);
    checkTag(upload, result.etag, await hash.digest());
    return result;
  } catch (error) {
    hash.abandon();
    throw error;
  }
}

async function put(
  upload: Upload,
  body: StoreBody,
  length: number,
  md5: Uint8Array | undefined,
): Promise<R2UploadResult> {
  const { writer, request } = upload;
  const { bucket, key, headers, conditions, signal } = request;
  const progress = new ProgressMeter(request.onProgress, length);
  const onProgress = (bytes: number): void => progress.add(bytes);
  const target = { bucket, key, headers, conditions, signal };
  const { etag } = await writer.storeOf(bucket).put({ ...target, body, length, md5, onProgress });
  if (md5 !== undefined) checkTag(upload, etag, md5);
  return { key, etag, size: length };
}

/** A tag that is an MD5 must be that of the content. */
function checkTag({ request }: Upload, etag: string, md5: Uint8Array): void {
  if (!request.verify || !isMd5(etag) || etag === hexOf(md5)) return;
  throw new CloudflareClientError(
    'R2_CHECKSUM_MISMATCH',
    `R2 upload of ${request.bucket}/${request.key}: the MD5 of what was stored is ${etag}, and of what was sent ${hexOf(md5)}.`,
  );
}
