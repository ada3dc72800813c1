import { CloudflareClientError } from '../../../errors.js';
import { checkHeaderValue } from '../object-headers.js';
import { checkKey, shown } from '../object-names.js';
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
  checkKey(options.key);
  return prepareGet(presigner, options).sign(options.key);
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
  const disposition = responseContentDisposition ?? attachment(downloadName);
  return {
    ...(responseCacheControl !== undefined && { 'response-cache-control': responseCacheControl }),
    ...(disposition !== undefined && { 'response-content-disposition': disposition }),
    ...(responseContentType !== undefined && { 'response-content-type': responseContentType }),
    // No server reads it; with it the URL is the SDK's, byte for byte.
    'x-id': 'GetObject',
  };
}

/** RFC 6266: a plain name for old readers, and the exact one in UTF-8. */
function attachment(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name !== 'string') {
    throw new CloudflareClientError('INVALID_OPTION', `downloadName ${shown(name)} must be a string.`);
  }
  const plain = name.replaceAll(/[^\u0020-\u007e]|["\\%]/g, '_');
  const exact = encodeURIComponent(name.replaceAll(/\p{Surrogate}/gu, '_')).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
