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

/** Evaluates the conditions of a GET or HEAD in the order that RFC 9110, 13.2.2, gives them. */
export function evaluateConditions(headers: RequestHeaders, version: ObjectVersion): Conclusion {
  const ifMatch = headers.get('if-match');
  const unmodifiedSince = ifMatch === null ? httpDate(headers.get('if-unmodified-since')) : null;
  if (ifMatch !== null && !lists(ifMatch, version.etag, false)) return 'failed';
  if (unmodifiedSince !== null && seconds(version.lastModified) > unmodifiedSince) return 'failed';
  const ifNoneMatch = headers.get('if-none-match');
  if (ifNoneMatch !== null) return lists(ifNoneMatch, version.etag, true) ? 'notModified' : 'met';
  const modifiedSince = httpDate(headers.get('if-modified-since'));
  return modifiedSince !== null && seconds(version.lastModified) <= modifiedSince ? 'notModified' : 'met';
}

/** Tells whether `If-Range` allows a part of this version: a strong tag, or exactly its date (RFC 9110, 13.1.5). */
export function allowsRange(ifRange: string | null, version: ObjectVersion): boolean {
  if (ifRange === null) return true;
  if (ifRange.includes('"')) return ifRange.trim() === `"${version.etag}"`;
  return httpDate(ifRange) === seconds(version.lastModified);
}

/** The one tag of an `If-None-Match` that the store can be asked with; `undefined` for a list and for `*`. */
export function onlyTag(header: string | null): string | undefined {
  const tags = Array.from((header ?? '').matchAll(ENTITY_TAG), ([, , tag]) => tag);
  return tags.length === 1 && tags[0] !== '' ? tags[0] : undefined;
}

/** Milliseconds of an HTTP date; `null` for none and for what is none, which is to be ignored. */
export function httpDate(header: string | null): number | null {
  const date = header === null ? NaN : Date.parse(header);
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
