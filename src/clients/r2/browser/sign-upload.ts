import type { Presigner } from '../signing/presigner.js';
import {
  acceptFile,
  checkClientKey,
  checkPartNumber,
  checkPartSize,
  checkUploadId,
  type UploadFile,
  type UploadPolicy,
} from './upload-policy.js';

/** Which upload in parts. All of it comes from the client, and is checked. */
export interface UppyUpload {
  readonly key?: unknown;
  readonly uploadId?: unknown;
}

/** A signed request of the browser's. `headers` must be sent exactly so; the browser itself adds the length. */
export interface UppySignature {
  readonly method: 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Seconds. */
  readonly expires: number;
}

/** An upload in parts that is one of the caller's. */
export interface UploadTarget {
  readonly bucket: string;
  readonly key: string;
  readonly uploadId: string;
}

/** Signs one PUT of a new object. */
export function signPut(
  presigner: Presigner,
  policy: UploadPolicy,
  file: UploadFile,
): UppySignature & { readonly key: string } {
  const { key, type, size } = acceptFile(policy, file, 'put');
  const { bucket, expiresIn } = policy;
  const headers = { 'content-type': type, ...(policy.writeOnce && { 'if-none-match': '*' }) };
  const signed = { ...headers, ...lengthHeader(size) };
  const url = presigner.presign({ method: 'PUT', bucket, key, headers: signed, expiresIn });
  return { method: 'PUT', url, headers, expires: expiresIn, key };
}

/** Signs the PUT of one part. */
export function signPart(
  presigner: Presigner,
  policy: UploadPolicy,
  upload: UppyUpload & { readonly partNumber?: unknown; readonly size?: unknown },
): UppySignature {
  const { bucket, key, uploadId } = targetOf(policy, upload);
  const partNumber = checkPartNumber(policy, upload.partNumber);
  const headers = lengthHeader(checkPartSize(policy, upload.size));
  const { expiresIn } = policy;
  const query = { partNumber: String(partNumber), uploadId };
  const url = presigner.presign({ method: 'PUT', bucket, key, query, headers, expiresIn });
  return { method: 'PUT', url, headers: {}, expires: expiresIn };
}

/** Which upload a client means, if it is one of its own. */
export function targetOf(policy: UploadPolicy, { key, uploadId }: UppyUpload): UploadTarget {
  return { bucket: policy.bucket, key: checkClientKey(policy, key), uploadId: checkUploadId(uploadId) };
}

/** A browser sets the length itself, and no script can set another. */
function lengthHeader(size: number | undefined): Record<string, string> {
  return size === undefined ? {} : { 'content-length': String(size) };
}
