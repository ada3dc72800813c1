import { CloudflareClientError } from '../../../errors.js';
import { checkKey, shown } from '../object-names.js';
import type { Presigner } from './presigner.js';
import { objectHeaders, type R2StoredHeaderOptions } from '../stored-headers.js';
import { encodeMetadata } from '../object-headers.js';
import type { ObjectHeaders } from '../store/object-store.js';
import { checkBoolean, checkBytes, MAX_PUT_BYTES } from './upload-limits.js';

/** What a signed upload grants: one PUT of one object, with exactly these headers. */
export interface R2SignedUploadOptions extends R2StoredHeaderOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. */
  readonly key: string;
  /** Seconds from now until the URL stops working: an integer from 1 to 604,800 (seven days). */
  readonly expiresIn: number;
  /**
   * Bytes that the body must have, to the byte: 0 to 5,363,466,240. R2 has no range of sizes, so ask the browser for the size of
   * its file first, check it, and sign it.
   *
   * @default any size
   */
  readonly contentLength?: number | undefined;
  /**
   * Whether the upload is refused (412) when there is an object of that key already. Without it, the URL can be used again
   * until it expires.
   *
   * @default false
   */
  readonly writeOnce?: boolean | undefined;
  /** MD5 of the body in base64, 24 characters: a body with another one is refused. @default any body */
  readonly md5?: string | undefined;
}

/** How the upload has to be sent. */
export interface R2SignedUpload {
  /** Treat it as a password for as long as it lives. */
  readonly url: string;
  readonly method: 'PUT';
  /**
   * Headers to set, exactly so: each is part of the signature. `Content-Length` is not among them: a browser lets no script
   * set it, and sends the size of the body by itself, as every HTTP client does whose body is no stream of unknown length.
   */
  readonly headers: Readonly<Record<string, string>>;
  /** The `Content-Length` that was signed; `undefined` when any size is taken. */
  readonly contentLength: number | undefined;
  /** When the URL stops working. */
  readonly expiresAt: Date;
}

const BASE64_MD5 = /^[A-Za-z0-9+/]{22}==$/;

/** Signs a PUT; computed locally, nothing is sent. */
export function signedUpload(presigner: Presigner, options: R2SignedUploadOptions): R2SignedUpload {
  const { bucket, key, expiresIn, contentLength, writeOnce, md5 } = options;
  checkKey(key);
  if (contentLength !== undefined) checkBytes('contentLength', contentLength, { min: 0, max: MAX_PUT_BYTES });
  if (md5 !== undefined && !(typeof md5 === 'string' && BASE64_MD5.test(md5))) {
    throw new CloudflareClientError('INVALID_OPTION', `md5 ${shown(md5)} must be 16 bytes in base64.`);
  }
  checkBoolean('writeOnce', writeOnce);
  const headers = {
    ...headerFields(objectHeaders(key, options)),
    ...(md5 !== undefined && { 'content-md5': md5 }),
    ...(writeOnce === true && { 'if-none-match': '*' }),
  };
  const signed = contentLength === undefined ? headers : { ...headers, 'content-length': String(contentLength) };
  // No server reads `x-id`; with it the URL is the SDK's, byte for byte.
  const query = { 'x-id': 'PutObject' };
  const prepared = presigner.prepare({ method: 'PUT', bucket, query, headers: signed, expiresIn });
  return { url: prepared.sign(key), method: 'PUT', headers, contentLength, expiresAt: prepared.expiresAt };
}

/** The headers as a request carries them, names in lower case. */
function headerFields(headers: ObjectHeaders): Record<string, string> {
  const metadata = Object.entries(encodeMetadata(headers.metadata) ?? {});
  const fields: [string, string | undefined][] = [
    ['content-type', headers.contentType],
    ['cache-control', headers.cacheControl],
    ['content-disposition', headers.contentDisposition],
    ['content-encoding', headers.contentEncoding],
    ['content-language', headers.contentLanguage],
    ...metadata.map(([name, value]): [string, string] => [`x-amz-meta-${name}`, value]),
  ];
  return Object.fromEntries(fields.filter((field): field is [string, string] => field[1] !== undefined));
}
