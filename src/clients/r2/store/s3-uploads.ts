import { CloudflareClientError } from '../../../errors.js';
import { normalizeEtag } from '../etag.js';
import { failureAttempts, failureName, toR2Error, type R2Call } from '../r2-error.js';
import type { R2Connection } from '../s3/r2-connection.js';
import { abortError, s3Call } from '../s3/s3-call.js';
import type {
  ObjectConditions,
  ObjectHeaders,
  StoredObject,
  StoredPart,
  StorePart,
  StorePendingUploads,
  StoreTarget,
  StoreUpload,
} from './object-store.js';
import { completedEtag } from './s3-completed-upload.js';
import { conditionInput, objectInput } from './s3-inputs.js';
import { letGoOf } from './s3-objects.js';

/**
 * Begins an upload in parts; answers with its id. The signal is heeded when the server has answered: an upload whose id was
 * lost could not be aborted.
 */
export async function createUpload(
  connection: R2Connection,
  request: StoreTarget & { readonly headers: ObjectHeaders },
): Promise<string> {
  const { bucket, key, signal } = request;
  const call = { operation: 'upload', bucket, key };
  if (isAborted(signal)) throw toR2Error(abortError(signal), call);
  const uploadId = await sendCreation(connection, call, request);
  if (!isAborted(signal)) return uploadId;
  await abortUpload(connection, { bucket, key, uploadId }).catch(() => undefined);
  throw toR2Error(abortError(signal), call);
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function sendCreation(
  connection: R2Connection,
  call: R2Call,
  request: StoreTarget & { readonly headers: ObjectHeaders },
): Promise<string> {
  const { bucket, key } = request;
  return s3Call(connection, call, {}, async (s3) => {
    const command = new s3.sdk.CreateMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      ...objectInput(request.headers),
    });
    const { UploadId } = await s3.client.send(command, s3.request);
    if (UploadId !== undefined && UploadId !== '') return UploadId;
    throw new CloudflareClientError('R2_FAILED', `R2 upload of ${bucket}/${key}: the server gave no upload id.`);
  });
}

/** Sends one part. */
export async function uploadPart(connection: R2Connection, request: StorePart): Promise<StoredObject> {
  const { bucket, key, uploadId, partNumber, body, length, md5 } = request;
  const call = { operation: `upload (part ${partNumber})`, bucket, key };
  return s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.UploadPartCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      PartNumber: partNumber,
      Body: body,
      ContentLength: length,
      ContentMD5: md5 === undefined ? undefined : s3.client.config.base64Encoder(md5),
    });
    const answer = await letGoOf(body, s3.client.send(command, s3.request));
    return { etag: normalizeEtag(answer.ETag) };
  });
}

/** Makes the object of the parts. */
export async function completeUpload(
  connection: R2Connection,
  request: StoreUpload & {
    readonly parts: readonly StoredPart[];
    readonly conditions?: ObjectConditions | undefined;
  },
): Promise<StoredObject> {
  const { bucket, key, uploadId, parts, conditions } = request;
  const call = { operation: 'upload (completion)', bucket, key };
  return s3Call(connection, call, request, async (s3) => {
    const sorted = [...parts].sort((one, other) => one.partNumber - other.partNumber);
    const command = new s3.sdk.CompleteMultipartUploadCommand({
      Bucket: bucket,
      Key: key,
      UploadId: uploadId,
      MultipartUpload: {
        Parts: sorted.map(({ partNumber, etag }) => ({ PartNumber: partNumber, ETag: quoted(etag) })),
      },
      ...conditionInput({ ifMatch: conditions?.ifMatch, ifNoneMatch: conditions?.ifNoneMatch }),
    });
    try {
      const answer = await s3.client.send(command, s3.request);
      const etag = normalizeEtag(answer.ETag);
      if (etag !== '') return { etag };
    } catch (error) {
      // So it answers to a completion that is sent again because the first answer was lost.
      const again = failureName(error) === 'NoSuchUpload' && failureAttempts(error) > 1;
      const etag = again ? await completedEtag(connection, { ...request, parts: sorted }) : null;
      if (etag === null) throw error;
      return { etag };
    }
    throw new CloudflareClientError(
      'R2_FAILED',
      `R2 upload of ${bucket}/${key}: the server did not confirm its completion.`,
    );
  });
}

/** Gives an upload up; one that is not there is not an error. */
export async function abortUpload(connection: R2Connection, request: StoreUpload): Promise<void> {
  const { bucket, key, uploadId } = request;
  const call = { operation: 'abort of the upload', bucket, key };
  await s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId });
    try {
      await s3.client.send(command, s3.request);
    } catch (error) {
      if (failureName(error) !== 'NoSuchUpload') throw error;
    }
  });
}

/** The parts that the server has, all pages of them. */
export async function listParts(connection: R2Connection, request: StoreUpload): Promise<StoredPart[]> {
  const { bucket, key, uploadId } = request;
  const call = { operation: 'list of the parts', bucket, key };
  return s3Call(connection, call, request, async (s3) => {
    const parts: StoredPart[] = [];
    let marker: string | undefined;
    do {
      const input = { Bucket: bucket, Key: key, UploadId: uploadId, PartNumberMarker: marker };
      const answer = await s3.client.send(new s3.sdk.ListPartsCommand(input), s3.request);
      if (answer.UploadId !== uploadId) throw brokenAnswer(call, 'is no list of the parts of this upload');
      parts.push(...(answer.Parts ?? []).map(toStoredPart));
      const next = answer.IsTruncated === true ? answer.NextPartNumberMarker : undefined;
      if (answer.IsTruncated === true && (!next || next === marker)) throw brokenAnswer(call, 'breaks off');
      marker = next;
    } while (marker !== undefined);
    return parts.sort((one, other) => one.partNumber - other.partNumber);
  });
}

/** One page of the uploads that are not finished. */
export async function listUploads(
  connection: R2Connection,
  request: {
    readonly bucket: string;
    readonly prefix: string;
    readonly keyMarker?: string | undefined;
    readonly uploadIdMarker?: string | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<StorePendingUploads> {
  const { bucket, prefix, keyMarker, uploadIdMarker } = request;
  const call = { operation: 'list of the uploads', bucket, key: prefix === '' ? undefined : prefix };
  return s3Call(connection, call, request, async (s3) => {
    const command = new s3.sdk.ListMultipartUploadsCommand({
      Bucket: bucket,
      Prefix: prefix,
      KeyMarker: keyMarker,
      UploadIdMarker: uploadIdMarker,
    });
    const answer = await s3.client.send(command, s3.request);
    const { Bucket, IsTruncated, NextKeyMarker, NextUploadIdMarker = '', Uploads = [] } = answer;
    if (Bucket === undefined && IsTruncated === undefined) throw brokenAnswer(call, 'is no list of uploads');
    if (IsTruncated === true && !NextKeyMarker) throw brokenAnswer(call, 'breaks off');
    if (Uploads.some(({ Key = '', UploadId = '' }) => UploadId === '' || Key === '' || !Key.startsWith(prefix))) {
      throw brokenAnswer(call, 'holds an upload that was not asked for');
    }
    return {
      uploads: Uploads.map(({ Key = '', UploadId = '', Initiated = new Date(0) }) => ({
        key: Key,
        uploadId: UploadId,
        initiated: Initiated,
      })),
      next: IsTruncated === true ? { keyMarker: NextKeyMarker ?? '', uploadIdMarker: NextUploadIdMarker } : undefined,
    };
  });
}

interface ListedPart {
  readonly PartNumber?: number | undefined;
  readonly ETag?: string | undefined;
  readonly Size?: number | undefined;
  readonly LastModified?: Date | undefined;
}

function toStoredPart({ PartNumber = 0, ETag, Size, LastModified }: ListedPart): StoredPart {
  return { partNumber: PartNumber, etag: normalizeEtag(ETag), size: Size, lastModified: LastModified };
}

/** A server that gave no tag for a part gets none back. */
function quoted(etag: string): string | undefined {
  return etag === '' ? undefined : `"${etag}"`;
}

function brokenAnswer(
  call: { readonly operation: string; readonly bucket: string },
  why: string,
): CloudflareClientError {
  return new CloudflareClientError('R2_FAILED', `R2 ${call.operation} of ${call.bucket}: the server's answer ${why}.`);
}
