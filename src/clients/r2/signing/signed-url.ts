import { CloudflareClientError } from '../../../errors.js';
import { checkHeaderValue } from '../object-headers.js';
import { checkBucket, checkKey, shown } from '../object-names.js';
import { integerOption } from '../r2-config.js';
import type { R2Connection } from '../s3/r2-connection.js';

/** What a signed URL grants. */
export interface R2SignedUrlOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Key of the object: 1 to 1,024 UTF-8 bytes. It need not exist. */
  readonly key: string;
  /** Seconds from now until the URL stops working: an integer from 1 to 604,800 (seven days). */
  readonly expiresIn: number;
  /**
   * Name under which a browser saves the file. Servers differ in honouring it: a `contentDisposition` given at upload is sure.
   *
   * @default not sent
   */
  readonly downloadName?: string | undefined;
  /**
   * Content type that the answer shall carry instead of the stored one. Best effort, as `downloadName`.
   *
   * @default not sent
   */
  readonly responseContentType?: string | undefined;
}

/** R2's bound on the life of a signed URL (https://developers.cloudflare.com/r2/api/s3/presigned-urls/). */
const MAX_EXPIRY_SECONDS = 604_800;

/** Signs a GET; computed locally, nothing is sent. */
export async function signedUrl(connection: R2Connection, options: R2SignedUrlOptions): Promise<string> {
  const { bucket, key, downloadName, responseContentType } = options;
  checkBucket(bucket);
  checkKey(key);
  const expiresIn = integerOption('expiresIn', options.expiresIn, MAX_EXPIRY_SECONDS);
  checkHeaderValue('responseContentType', responseContentType);
  if (downloadName !== undefined && typeof downloadName !== 'string') {
    throw new CloudflareClientError('INVALID_OPTION', `downloadName ${shown(downloadName)} must be a string.`);
  }
  const signingDate = signingDateOf(connection.options.now());
  return connection.run({ operation: 'signing', bucket, key }, async ({ sdk, client }) => {
    const command = new sdk.GetObjectCommand({
      Bucket: bucket,
      Key: key,
      ...(downloadName !== undefined && { ResponseContentDisposition: attachment(downloadName) }),
      ...(responseContentType !== undefined && { ResponseContentType: responseContentType }),
    });
    return sdk.getSignedUrl(client, command, { expiresIn, signingDate });
  });
}

function signingDateOf(milliseconds: unknown): Date {
  const date = new Date(typeof milliseconds === 'number' ? milliseconds : NaN);
  if (!Number.isNaN(date.getTime())) return date;
  throw new CloudflareClientError('INVALID_OPTION', `now answered ${shown(milliseconds)}, which is no time.`);
}

/** RFC 6266: a plain name for old readers, and the exact one in UTF-8. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^\u0020-\u007e]|["\\%]/g, '_');
  const exact = encodeURIComponent(name.replaceAll(/\p{Surrogate}/gu, '_')).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`;
}
