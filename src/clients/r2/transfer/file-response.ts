import type { StoreInfo } from '../store/object-store.js';
import { withLength } from '../s3/request-body.js';
import { attachment } from './content-disposition.js';
import type { ObjectVersion } from './http-conditions.js';
import type { ResolvedRange } from './http-range.js';

/** What the caller changes of the headers that an object is served with. */
export interface ResponseExtras {
  readonly cacheControl?: string | undefined;
  readonly downloadName?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An object, or a part of it, on its way out. */
export interface ServedFile {
  readonly info: Omit<StoreInfo, 'key'>;
  /** `null` for the whole object. */
  readonly range: ResolvedRange | null;
  /** `null` for a HEAD. */
  readonly body: ReadableStream<Uint8Array> | null;
}

const NEVER_MODIFIED = 0;

/** 200, or 206 for a range. */
export function fileResponse({ info, range, body }: ServedFile, extras: ResponseExtras): Response {
  const headers = fileHeaders(info, extras);
  // What is stored encoded arrives decoded, so its length is not known.
  const length = range?.length ?? (isEncoded(info) ? null : info.size);
  if (length !== null) headers.set('content-length', String(length));
  if (range !== null) {
    const last = range.offset + range.length - 1;
    headers.set('content-range', `bytes ${range.offset}-${last}/${info.size ?? '*'}`);
  }
  addExtras(headers, extras);
  const sized = body === null || length === null ? body : withLength(body, length);
  return new Response(sized, { status: range === null ? 200 : 206, headers });
}

/** 304. */
export function notModifiedResponse(version: ObjectVersion, extras: ResponseExtras): Response {
  const headers = versionHeaders(version, extras.cacheControl);
  addExtras(headers, extras);
  return new Response(null, { status: 304, headers });
}

/** 412. */
export function failedResponse(version: ObjectVersion): Response {
  return new Response(null, { status: 412, headers: versionHeaders(version, undefined) });
}

/** 416, which says how large the object is. */
export function rangeResponse(size: number | null): Response {
  const headers = { 'content-range': `bytes */${size ?? '*'}`, 'accept-ranges': 'bytes' };
  return new Response(null, { status: 416, headers });
}

/** Tells whether an object is stored compressed: `fetch` decodes what it reads of it, so no byte of a range is where it was. */
export function isEncoded({ contentEncoding }: Pick<StoreInfo, 'contentEncoding'>): boolean {
  return contentEncoding !== undefined && contentEncoding !== '' && contentEncoding !== 'identity';
}

function fileHeaders(info: ServedFile['info'], { cacheControl, downloadName }: ResponseExtras): Headers {
  const headers = versionHeaders(info, cacheControl ?? info.cacheControl);
  const disposition = downloadName === undefined ? info.contentDisposition : attachment(downloadName);
  headers.set('content-type', info.contentType);
  headers.set('accept-ranges', isEncoded(info) ? 'none' : 'bytes');
  setIfGiven(headers, 'content-language', info.contentLanguage);
  setIfGiven(headers, 'content-disposition', disposition);
  // Objects that others have uploaded must not become pages by a guess of the browser.
  headers.set('x-content-type-options', 'nosniff');
  return headers;
}

function versionHeaders(
  version: ObjectVersion & Partial<Pick<StoreInfo, 'contentEncoding'>>,
  cacheControl: string | undefined,
): Headers {
  const headers = new Headers();
  if (version.etag !== '') headers.set('etag', `${isEncoded(version) ? 'W/' : ''}"${version.etag}"`);
  if (version.lastModified.getTime() !== NEVER_MODIFIED) {
    headers.set('last-modified', version.lastModified.toUTCString());
  }
  setIfGiven(headers, 'cache-control', cacheControl);
  return headers;
}

function addExtras(headers: Headers, { headers: extra = {} }: ResponseExtras): void {
  for (const [name, value] of Object.entries(extra)) headers.set(name, value);
}

function setIfGiven(headers: Headers, name: string, value: string | undefined): void {
  if (value !== undefined && value !== '') headers.set(name, value);
}
