import { contentTypeForKey } from '../content-types.js';
import { checkHeaderValue, encodeMetadata } from '../object-headers.js';
import type { ObjectHeaders } from '../store/object-store.js';

/** What an object that a browser uploads shall be stored with. */
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
  /** `Content-Encoding` of the object. @default not sent */
  readonly contentEncoding?: string | undefined;
  /** `Content-Language` of the object. @default not sent */
  readonly contentLanguage?: string | undefined;
  /** Names and values of the caller's own, 8,192 bytes in all; names are stored in lower case. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/**
 * Checks the options, and fills in the content type.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, `INVALID_VALUE` for metadata
 */
export function storedHeaders(key: string, options: R2StoredHeaderOptions): ObjectHeaders {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, metadata } = options;
  for (const [name, value] of Object.entries({
    contentType,
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
  })) {
    checkHeaderValue(name, value);
  }
  // Only for its checks: a store writes them anew.
  encodeMetadata(metadata);
  return {
    contentType: contentType ?? contentTypeForKey(key),
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
    metadata: metadata ?? {},
  };
}

/** The headers as a request carries them, names in lower case. */
export function headerFields(headers: ObjectHeaders): Record<string, string> {
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
