import { DEFAULT_CONTENT_TYPE } from '../content-types.js';
import { decodeWords, encodeWords } from '../object-headers.js';
import type { ObjectHeaders, R2StorageClass, StoreInfo } from './object-store.js';
import type { R2ObjectLike, R2StoringOptionsLike } from './r2-bucket.js';

/** The binding has names of its own for the storage classes. */
const CLASSES: Readonly<Record<R2StorageClass, string>> = { STANDARD: 'Standard', STANDARD_IA: 'InfrequentAccess' };

/** Headers as the binding stores them: metadata in UTF-8, because only HTTP needs more than that. */
export function toStoringOptions(headers: ObjectHeaders): R2StoringOptionsLike {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage, storageClass } = headers;
  return {
    httpMetadata: {
      contentType,
      ...(cacheControl !== undefined && { cacheControl }),
      ...(contentDisposition !== undefined && { contentDisposition }),
      ...(contentEncoding !== undefined && { contentEncoding }),
      ...(contentLanguage !== undefined && { contentLanguage }),
    },
    customMetadata: mapped(headers.metadata, stored),
    ...(storageClass !== undefined && { storageClass: CLASSES[storageClass] }),
  };
}

/** What the binding tells of an object, as both stores tell it. */
export function toStoreInfo(object: R2ObjectLike): StoreInfo {
  const { contentType, cacheControl, contentDisposition, contentEncoding, contentLanguage } = object.httpMetadata ?? {};
  return {
    key: object.key,
    size: object.size,
    etag: object.etag,
    lastModified: object.uploaded,
    contentType: contentType ?? DEFAULT_CONTENT_TYPE,
    cacheControl,
    contentDisposition,
    contentEncoding,
    contentLanguage,
    metadata: mapped(object.customMetadata ?? {}, decodeWords),
    storageClass: storageClassOf(object),
  };
}

/** The storage class by S3's name; `undefined` where the runtime does not say. */
export function storageClassOf({ storageClass }: R2ObjectLike): R2StorageClass | undefined {
  const found = Object.entries(CLASSES).find(([, name]) => name === storageClass);
  return found?.[0] as R2StorageClass | undefined;
}

/** What reads like an encoded word comes back decoded, by either path: it is encoded here as it is on the way to S3. */
function stored(value: string): string {
  return value.includes('=?') ? encodeWords(value) : value;
}

function mapped(metadata: Readonly<Record<string, string>>, change: (value: string) => string): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, change(value)]));
}
