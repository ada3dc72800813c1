import { CloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import { failureHeader, failureStatus, isMissingObject } from '../r2-error.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { s3Call } from '../s3/s3-call.js';
import type {
  ByteRange,
  ObjectConditions,
  StoreBody,
  StoreCopy,
  StoredObject,
  StoreGet,
  StoreHead,
  StorePut,
  StoreRead,
  StoreTarget,
} from './object-store.js';
import { conditionInput, objectInput, quotedEtag, rangeHeader, storeInfo, type ObjectAnswer } from './s3-inputs.js';

const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/;
const NOT_MODIFIED = 304;

/** Stores an object in one request. */
export async function putObject(connection: R2Connection, request: StorePut): Promise<StoredObject> {
  const { bucket, key, body, length, md5, conditions } = request;
  return s3Call(connection, { operation: 'upload', bucket, key }, request, async (s3) => {
    const command = new s3.sdk.PutObjectCommand({
      Bucket: bucket,
      Key: key,
      ...objectInput(request.headers),
      ...conditionInput({ ifMatch: conditions?.ifMatch, ifNoneMatch: conditions?.ifNoneMatch }),
      Body: body,
      ContentLength: length,
      ContentMD5: md5 === undefined ? undefined : s3.client.config.base64Encoder(md5),
    });
    addTimeConditions(command, conditions);
    const answer = await letGoOf(body, s3.client.send(command, s3.request));
    return { etag: normalizeEtag(answer.ETag) };
  });
}

/** Reads an object. */
export async function getObject(connection: R2Connection, request: StoreGet): Promise<StoreRead> {
  const { bucket, key, range, conditions } = request;
  const call = { operation: 'download', bucket, key };
  return s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...conditionInput(conditions),
      Range: range === undefined ? undefined : rangeHeader(range),
      // `fetch` decodes by this header, and cannot be told not to.
      ResponseContentEncoding: request.asStored === true ? 'identity' : undefined,
    });
    try {
      const answer = await s3.client.send(command, s3.request);
      const body = answer.Body as unknown as ReadableStream<Uint8Array>;
      const found = rangeOf(answer, range);
      if (found === null) throw await wrongRange(request, answer.ContentRange, body);
      return { status: 'found', info: storeInfo(key, answer, found.size), range: found.range, body };
    } catch (error) {
      if (isMissingObject(error, false)) return { status: 'missing' };
      if (failureStatus(error) === NOT_MODIFIED) return notModified(error, conditions);
      throw error;
    }
  });
}

/** Reads what is known of an object. */
export async function headObject(
  connection: R2Connection,
  request: StoreTarget & { readonly conditions?: ObjectConditions | undefined },
): Promise<StoreHead> {
  const { bucket, key, conditions } = request;
  return s3Call(connection, { operation: 'head', bucket, key }, request, async (s3) => {
    const command = new s3.sdk.HeadObjectCommand({ Bucket: bucket, Key: key, ...conditionInput(conditions) });
    try {
      const answer = await s3.client.send(command, s3.request);
      return { status: 'found', info: storeInfo(key, answer, answer.ContentLength ?? null) };
    } catch (error) {
      if (isMissingObject(error, true)) return { status: 'missing' };
      if (failureStatus(error) === NOT_MODIFIED) return { status: 'notModified' };
      throw error;
    }
  });
}

/** Deletes an object; one that does not exist is not an error. */
export async function deleteObject(connection: R2Connection, request: StoreTarget): Promise<void> {
  const { bucket, key } = request;
  await s3Call(connection, { operation: 'delete', bucket, key }, request, async (s3) => {
    await s3.client.send(new s3.sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), s3.request);
  });
}

/** Copies an object on the server. */
export async function copyObject(connection: R2Connection, request: StoreCopy): Promise<StoredObject> {
  const { bucket, key, sourceBucket, sourceKey, headers } = request;
  const call = { operation: `copy from ${sourceBucket}/${sourceKey}`, bucket, key };
  return s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.CopyObjectCommand({
      Bucket: bucket,
      Key: key,
      CopySource: copySource(sourceBucket, sourceKey),
      CopySourceIfMatch: quotedEtag(request.sourceEtag),
      ...(headers !== undefined && { MetadataDirective: 'REPLACE', ...objectInput(headers) }),
    });
    const answer = await s3.client.send(command, s3.request);
    const etag = normalizeEtag(answer.CopyObjectResult?.ETag);
    // A copy that fails late answers 200 too, and what is not S3 answers with anything.
    if (etag === '')
      throw new CloudflareClientError(
        'R2_FAILED',
        `R2 ${call.operation} of ${bucket}/${key}: the server did not confirm it.`,
      );
    return { etag };
  });
}

/** The source of a copy as its header carries it: a `+`, a space and what is beyond ASCII break it otherwise. */
export function copySource(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** Passes `sent` on; a stream that a failed request did not even begin to read is told that nobody will. */
export async function letGoOf<T>(body: StoreBody, sent: Promise<T>): Promise<T> {
  try {
    return await sent;
  } catch (error) {
    // Locked means that the request handler has it, which lets go of it itself.
    if (body instanceof ReadableStream && !body.locked) body.cancel(error).catch(() => undefined);
    throw error;
  }
}

/** The part of a command that these conditions need: the SDK has no field for them, R2 takes them. */
interface WithMiddleware {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: never) => Promise<never>) => (args: never) => Promise<never>,
      options: { readonly step: 'build'; readonly name: string },
    ): void;
  };
}

function addTimeConditions(command: unknown, conditions: ObjectConditions = {}): void {
  const { ifModifiedSince, ifUnmodifiedSince } = conditions;
  const headers = {
    ...(ifModifiedSince !== undefined && { 'if-modified-since': ifModifiedSince.toUTCString() }),
    ...(ifUnmodifiedSince !== undefined && { 'if-unmodified-since': ifUnmodifiedSince.toUTCString() }),
  };
  if (Object.keys(headers).length === 0) return;
  (command as WithMiddleware).middlewareStack.add(
    (next) => (args) => {
      Object.assign((args as { request: { headers: Record<string, string> } }).request.headers, headers);
      return next(args);
    },
    { step: 'build', name: 'timeConditions' },
  );
}

interface RangeAnswer extends ObjectAnswer {
  readonly ContentRange?: string | undefined;
}

interface FoundRange {
  readonly range: { readonly offset: number; readonly length: number } | null;
  /** Bytes of the whole object. */
  readonly size: number | null;
}

/** Which bytes came; `null` when they are not those that were asked for. A server may answer with the whole object. */
function rangeOf({ ContentRange, ContentLength }: RangeAnswer, asked: ByteRange | undefined): FoundRange | null {
  if (ContentRange === undefined) return { range: null, size: ContentLength ?? null };
  const [, first, last, size] = (CONTENT_RANGE.exec(ContentRange) ?? []).map(Number);
  if (asked === undefined || first === undefined || last === undefined || size === undefined) return null;
  const range = { offset: first, length: last - first + 1 };
  const expected = bytesOf(asked, size);
  const same = range.offset === expected.offset && range.length === expected.length;
  return same && (ContentLength ?? range.length) === range.length ? { range, size } : null;
}

/** Which bytes a range means in an object of `size` bytes. */
function bytesOf(range: ByteRange, size: number): { readonly offset: number; readonly length: number } {
  const offset = 'suffix' in range ? Math.max(size - range.suffix, 0) : range.offset;
  const most = 'suffix' in range ? range.suffix : (range.length ?? Infinity);
  return { offset, length: Math.min(most, size - offset) };
}

async function wrongRange(
  { bucket, key, range }: StoreGet,
  answered: string | undefined,
  body: ReadableStream<Uint8Array>,
): Promise<CloudflareClientError> {
  await body.cancel().catch(() => undefined);
  const asked = range === undefined ? 'the whole object' : rangeHeader(range);
  return new CloudflareClientError(
    'R2_FAILED',
    `R2 download of ${bucket}/${key}: ${asked} was asked for, and the server answered with ${answered ?? 'nothing'}.`,
  );
}

function notModified(error: unknown, conditions: ObjectConditions | undefined): StoreRead {
  const modified = Date.parse(failureHeader(error, 'last-modified') ?? '');
  return {
    status: 'notModified',
    etag: normalizeEtag(failureHeader(error, 'etag') ?? conditions?.ifNoneMatch),
    lastModified: Number.isNaN(modified) ? null : new Date(modified),
    cacheControl: failureHeader(error, 'cache-control'),
  };
}
