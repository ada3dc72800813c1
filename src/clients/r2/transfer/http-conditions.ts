/** The version of an object that a request's conditions are held against. */
export interface ObjectVersion {
  /** Without quotes. */
  readonly etag: string;
  readonly lastModified: Date;
}

/** What is read of a request. */
export interface RequestHeaders {
  get(name: string): string | null;
}

/** What a request's conditions come to: go on, 304, 412. */
export type Conclusion = 'met' | 'notModified' | 'failed';

const ENTITY_TAG = /(W\/)?"([^"]*)"/g;
/** One tag that can be passed on as it is: other characters do not survive the signature of a request, and `*` means any. */
const PLAIN_TAG = /^"(?!\*")([!#-~]{1,128})"$/;
/** What HTTP calls a date, all of it in GMT: of today, of RFC 850 and of asctime (RFC 9110, 5.6.7). */
const HTTP_DATE =
  /^(?:\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT|\w{6,9}, \d\d-\w{3}-\d\d [\d:]{8} GMT|\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})$/;
const NEVER_MODIFIED = 0;

/** Evaluates the conditions of a GET or HEAD in the order that RFC 9110, 13.2.2, gives them. */
export function evaluateConditions(headers: RequestHeaders, version: ObjectVersion): Conclusion {
  const ifMatch = headers.get('if-match');
  const unmodifiedSince = ifMatch === null ? httpDate(headers.get('if-unmodified-since')) : null;
  if (ifMatch !== null && !lists(ifMatch, version.etag, false)) return 'failed';
  const modified = seconds(version.lastModified);
  if (unmodifiedSince !== null && modified > unmodifiedSince) return 'failed';
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return lists(ifNoneMatch, version.etag, true) ? 'notModified' : 'met';
  const modifiedSince = httpDate(headers.get('if-modified-since'));
  // A version whose date nobody knows may be a new one.
  if (modifiedSince === null || modified === NEVER_MODIFIED) return 'met';
  return modified <= modifiedSince ? 'notModified' : 'met';
}

/** Tells whether `If-Range` allows a part of this version: a strong tag, or exactly its date (RFC 9110, 13.1.5). */
export function allowsRange(ifRange: string | null, version: ObjectVersion): boolean {
  if (ifRange === null) return true;
  if (ifRange.includes('"')) return ifRange.trim() === `"${version.etag}"`;
  return httpDate(ifRange) === seconds(version.lastModified);
}

/**
 * The one tag of an `If-None-Match` that the store can be asked with; `undefined` for a list, for `*`, for odd characters and for
 * a weak one: only who reads the object's headers knows whether the answer's is weak too.
 */
export function onlyTag(header: string | null): string | undefined {
  return PLAIN_TAG.exec(header?.trim() ?? '')?.[1];
}

/** Milliseconds of an HTTP date; `null` for none and for what is none, which is to be ignored. */
export function httpDate(header: string | null): number | null {
  const text = header?.trim() ?? '';
  if (!HTTP_DATE.test(text)) return null;
  const date = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(date) ? null : date;
}

function lists(header: string, etag: string, weakly: boolean): boolean {
  if (header.trim() === '*') return true;
  const tags = Array.from(header.matchAll(ENTITY_TAG));
  return tags.some(([, weak, tag]) => tag === etag && (weakly || weak === undefined));
}

/** Times in HTTP have whole seconds. */
function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000) * 1000;
}
