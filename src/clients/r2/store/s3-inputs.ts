import { DEFAULT_CONTENT_TYPE } from '../content-types.js';
import { normalizeEtag } from '../etag.js';
import { decodeMetadata, encodeMetadata } from '../object-headers.js';
import type { ByteRange, ObjectConditions, ObjectHeaders, R2StorageClass, StoreInfo } from './object-store.js';

/** What the SDK calls the headers of an object. */
export interface ObjectInput {
  readonly ContentType: string;
  readonly CacheControl: string | undefined;
  readonly ContentDisposition: string | undefined;
  readonly ContentEncoding: string | undefined;
  readonly ContentLanguage: string | undefined;
  readonly Metadata: Record<string, string> | undefined;
  readonly StorageClass: R2StorageClass | undefined;
}

/** What the SDK calls conditions. */
export interface ConditionInput {
  readonly IfMatch: string | undefined;
  readonly IfNoneMatch: string | undefined;
  readonly IfModifiedSince: Date | undefined;
  readonly IfUnmodifiedSince: Date | undefined;
}

/** What the SDK answers a GET and a HEAD with, as far as it is read here. */
export interface ObjectAnswer {
  readonly ContentType?: string | undefined;
  readonly CacheControl?: string | undefined;
  readonly ContentDisposition?: string | undefined;
  readonly ContentEncoding?: string | undefined;
  readonly ContentLanguage?: string | undefined;
  readonly ContentLength?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
  readonly Metadata?: Record<string, string> | undefined;
  readonly StorageClass?: string | undefined;
}

/** Headers of an object as the SDK takes them. */
export function objectInput(headers: ObjectHeaders): ObjectInput {
  return {
    ContentType: headers.contentType,
    CacheControl: headers.cacheControl,
    ContentDisposition: headers.contentDisposition,
    ContentEncoding: headers.contentEncoding,
    ContentLanguage: headers.contentLanguage,
    Metadata: encodeMetadata(headers.metadata),
    StorageClass: headers.storageClass,
  };
}

/** Conditions as the SDK takes them: tags in quotes. */
export function conditionInput(conditions: ObjectConditions = {}): ConditionInput {
  return {
    IfMatch: quotedEtag(conditions.ifMatch),
    IfNoneMatch: quotedEtag(conditions.ifNoneMatch),
    IfModifiedSince: conditions.ifModifiedSince,
    IfUnmodifiedSince: conditions.ifUnmodifiedSince,
  };
}

/** A tag as a header carries it. */
export function quotedEtag(etag: string | undefined): string | undefined {
  return etag === undefined || etag === '*' ? etag : `"${etag}"`;
}

/** A range as a header carries it. */
export function rangeHeader(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${range.suffix}`;
  const end = range.length === undefined ? '' : range.offset + range.length - 1;
  return `bytes=${range.offset}-${end}`;
}

/** What a server says of an object, in the words of the port. */
export function storeInfo(key: string, answer: ObjectAnswer, size: number | null): StoreInfo {
  return {
    key,
    contentType: answer.ContentType ?? DEFAULT_CONTENT_TYPE,
    cacheControl: answer.CacheControl,
    contentDisposition: answer.ContentDisposition,
    contentEncoding: answer.ContentEncoding,
    contentLanguage: answer.ContentLanguage,
    metadata: decodeMetadata(answer.Metadata),
    storageClass: storageClassOf(answer.StorageClass),
    size,
    etag: normalizeEtag(answer.ETag),
    lastModified: answer.LastModified ?? new Date(0),
  };
}

/** One of R2's storage classes; `undefined` for what other servers have, and for nothing. */
export function storageClassOf(name: string | undefined): R2StorageClass | undefined {
  return name === 'STANDARD' || name === 'STANDARD_IA' ? name : undefined;
}
