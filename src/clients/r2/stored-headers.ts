import { CloudflareClientError } from '../../errors.js';
import { contentTypeForKey } from './content-types.js';
import { checkHeaderValue, encodeMetadata } from './object-headers.js';
import { shown } from './object-names.js';
import type { ObjectHeaders, R2StorageClass } from './store/object-store.js';

/** What an object shall be stored with, whoever sends it. */
export interface R2StoredHeaderOptions {
  /**
   * `Content-Type` of the object.
   *
   * @default what the extension of the key says, else `application/octet-stream`
   */
  readonly contentType?: string | undefined;
  /** `Cache-Control` of the object. @default not sent */
  readonly cacheControl?: string | undefined;
  /** `Content-Disposition` of the object. @default not sent */
  readonly contentDisposition?: string | undefined;
  /** `Content-Encoding` of the object, when its content is compressed already. @default not sent */
  readonly contentEncoding?: string | undefined;
  /** `Content-Language` of the object. @default not sent */
  readonly contentLanguage?: string | undefined;
  /** Names and values of the caller's own, 8,192 bytes in all; names are stored in lower case. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The same, where the storage class can be chosen too. */
export interface R2ObjectHeaderOptions extends R2StoredHeaderOptions {
  /** `STANDARD` or `STANDARD_IA` (Infrequent Access). @default that of the bucket */
  readonly storageClass?: R2StorageClass | undefined;
}

const STORAGE_CLASSES: readonly unknown[] = [undefined, 'STANDARD', 'STANDARD_IA'];

/**
 * Checks the headers that an object is to be stored with, and fills in its type.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_VALUE` (metadata)
 */
export function objectHeaders(key: string, options: R2ObjectHeaderOptions): ObjectHeaders {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, storageClass } = options;
  const texts = { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage };
  for (const [name, value] of Object.entries(texts)) checkHeaderValue(name, value);
  if (!STORAGE_CLASSES.includes(storageClass)) {
    throw new CloudflareClientError(
      'INVALID_OPTION',
      `storageClass ${shown(storageClass)} must be STANDARD or STANDARD_IA.`,
    );
  }
  // Only checked here: the store encodes it, where it needs that.
  encodeMetadata(options.metadata);
  return {
    ...texts,
    contentType: contentType ?? contentTypeForKey(key),
    storageClass,
    metadata: Object.fromEntries(
      Object.entries(options.metadata ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
  };
}
