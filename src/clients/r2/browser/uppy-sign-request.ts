import { contentTypeForKey } from '../content-types.js';
import type { Presigner } from '../signing/presigner.js';
import { signPart, signPut, targetOf, type UploadTarget } from './sign-upload.js';
import { acceptFile, type UploadFile, type UploadPolicy } from './upload-policy.js';
import { UploadRefused } from './upload-refused.js';

/** Parts that grow after they were measured go unseen: the page completes at once, and a clock may be off by so much. */
const COMPLETION_SECONDS = 300;

/** What Uppy 6 gets back from its `signRequest`. */
export interface UppySignedRequest {
  readonly url: string;
  /** The key that the server has chosen: for a new object and a new upload in parts only. */
  readonly key?: string | undefined;
  /** To be sent exactly so. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * What Uppy 6 asks for, read from the package: PUT of an object, creation, part, list, completion, abort, DELETE of an object. What our recipe for
 * the page adds is optional: without it the name is the key that Uppy proposes, and a type is told by its extension.
 */
interface UppyRequest extends UploadFile {
  readonly method?: unknown;
  readonly key?: unknown;
  readonly uploadId?: unknown;
  readonly partNumber?: unknown;
  readonly contentType?: unknown;
  readonly filename?: unknown;
  /** Bytes of the whole file. With a part it says nothing: parts are measured when the upload is completed. */
  readonly size?: unknown;
}

interface Signing {
  readonly presigner: Presigner;
  readonly policy: UploadPolicy;
  /** Refuses an upload in parts that is not to be completed: too large, or of a key that is taken. */
  readonly check: (target: UploadTarget) => Promise<void>;
}

/**
 * Signs one request of Uppy 6.
 *
 * @throws {CloudflareClientError} an `UploadRefused`
 */
export async function signUppyRequest(signing: Signing, asked: unknown): Promise<UppySignedRequest> {
  if (typeof asked !== 'object' || asked === null) throw unknownRequest();
  const request: UppyRequest = asked;
  const { method, uploadId, partNumber } = request;
  if (uploadId !== undefined) return signInUpload(signing, request);
  if (method === 'PUT' && partNumber === undefined) {
    const { url, key, headers } = signPut(signing.presigner, signing.policy, fileOf(request));
    return { url, key, headers };
  }
  if (method === 'POST') return signCreation(signing, request);
  if (method === 'DELETE') throw new UploadRefused('DELETE_NOT_ALLOWED', 'Objects are not deleted this way.');
  throw unknownRequest();
}

async function signInUpload({ presigner, policy, check }: Signing, request: UppyRequest): Promise<UppySignedRequest> {
  const { method, key, uploadId, partNumber } = request;
  // `size` is the file's wherever it is given: a part that was signed for it would be refused by R2, which says no more than that the signature is wrong.
  if (method === 'PUT') return { url: signPart(presigner, policy, { key, uploadId, partNumber }).url };
  if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') throw unknownRequest();
  const target = targetOf(policy, request);
  if (method === 'POST') await check(target);
  const shape = { method, bucket: target.bucket, key: target.key, query: { uploadId: target.uploadId } } as const;
  const { expiresIn, maxSizeBytes, writeOnce } = policy;
  if (method !== 'POST') return { url: presigner.presign({ ...shape, expiresIn }) };
  const headers: Record<string, string> = writeOnce ? { 'if-none-match': '*' } : {};
  const life = maxSizeBytes === undefined ? expiresIn : Math.min(expiresIn, COMPLETION_SECONDS);
  return { url: presigner.presign({ ...shape, headers, expiresIn: life }), headers };
}

function signCreation({ presigner, policy }: Signing, request: UppyRequest): UppySignedRequest {
  const { key, type } = acceptFile(policy, fileOf(request), 'parts');
  const { bucket, expiresIn } = policy;
  const headers = { 'content-type': type };
  const url = presigner.presign({ method: 'POST', bucket, key, query: { uploads: '' }, headers, expiresIn });
  return { url, key, headers };
}

function fileOf({ filename, key, type, contentType, size }: UppyRequest): UploadFile {
  const name = typeof filename === 'string' && filename !== '' ? filename : key;
  const declared = typeof type === 'string' && type !== '' ? type : contentType;
  // Uppy says octet-stream of a file whose type the browser does not know.
  const isUnknown = declared === undefined || declared === contentTypeForKey('');
  return { name, type: isUnknown ? undefined : declared, size };
}

function unknownRequest(): UploadRefused {
  return new UploadRefused('BAD_REQUEST', 'This is no request that Uppy signs.');
}
