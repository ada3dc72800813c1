import { CloudflareClientError } from '../../../errors.js';
import { checkHeaderValue } from '../object-headers.js';
import { checkKey, shown } from '../object-names.js';
import { attachment } from '../transfer/content-disposition.js';
import type { Presigner, PreparedPresign, R2SignedLife } from './presigner.js';

/** What all signed URLs of a call have in common. */
export interface R2SigningOptions extends R2SignedLife {
  /** Name of the bucket. */
  readonly bucket: string;
  /**
   * Name under which a browser saves the file. Servers differ in honouring it: a `contentDisposition` given at upload is sure.
   *
   * @default not sent
   */
  readonly downloadName?: string | undefined;
  /**
   * The whole `Content-Disposition` of the answer, in place of `downloadName`. Best effort, as that.
   *
   * @default not sent
   */
  readonly responseContentDisposition?: string | undefined;
  /**
   * Content type that the answer shall carry instead of the stored one. Best effort, as `downloadName`.
   *
   * @default not sent
   */
  readonly responseContentType?: string | undefined;
  /**
   * `Cache-Control` that the answer shall carry instead of the stored one. Best effort, as `downloadName`.
   *
   * @default not sent
   */
  readonly responseCacheControl?: string | undefined;
}

/** What a signed URL grants. */
export interface R2SignedUrlOptions extends R2SigningOptions {
  /** Key of the object: 1 to 1,024 UTF-8 bytes. It need not exist. */
  readonly key: string;
}

/** What many signed URLs grant, one object each. */
export interface R2SignedUrlsOptions extends R2SigningOptions {
  /** Keys of the objects, as for one. They need not exist. */
  readonly keys: readonly string[];
}

/** Signs a GET; computed locally, nothing is sent. */
export function signedUrl(presigner: Presigner, options: R2SignedUrlOptions): string {
  const { key } = options;
  checkKey(key);
  return prepareGet(presigner, options).sign(key);
}

/** Signs a GET of each key, all at one date; nothing is signed when one key is refused. */
export function signedUrls(presigner: Presigner, options: R2SignedUrlsOptions): string[] {
  if (!Array.isArray(options.keys)) {
    throw new CloudflareClientError('INVALID_OPTION', `keys ${shown(options.keys)} must be an array.`);
  }
  // A copy: what was checked is what is signed.
  const keys = Array.from<string>(options.keys);
  for (const key of keys) checkKey(key);
  const prepared = prepareGet(presigner, options);
  return keys.map((key) => prepared.sign(key));
}

function prepareGet(presigner: Presigner, options: R2SigningOptions): PreparedPresign {
  const { bucket, expiresIn, roundExpiry } = options;
  return presigner.prepare({ method: 'GET', bucket, expiresIn, roundExpiry, query: overrides(options) });
}

function overrides(options: R2SigningOptions): Record<string, string> {
  const { downloadName, responseContentDisposition, responseContentType, responseCacheControl } = options;
  checkHeaderValue('responseContentDisposition', responseContentDisposition);
  checkHeaderValue('responseContentType', responseContentType);
  checkHeaderValue('responseCacheControl', responseCacheControl);
  const disposition = responseContentDisposition ?? dispositionOf(downloadName);
  return {
    ...(responseCacheControl !== undefined && { 'response-cache-control': responseCacheControl }),
    ...(disposition !== undefined && { 'response-content-disposition': disposition }),
    ...(responseContentType !== undefined && { 'response-content-type': responseContentType }),
    // No server reads it; with it the URL is the SDK's, byte for byte.
    'x-id': 'GetObject',
  };
}

function dispositionOf(downloadName: unknown): string | undefined {
  if (downloadName === undefined) return undefined;
  if (typeof downloadName === 'string') return attachment(downloadName);
  throw new CloudflareClientError('INVALID_OPTION', `downloadName ${shown(downloadName)} must be a string.`);
}
