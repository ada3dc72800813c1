import type { ObjectConditions } from './object-store.js';
import type { R2ConditionalLike, R2ObjectLike } from './r2-bucket.js';

const SECOND_MS = 1000;

/** Conditions as the binding takes them; `undefined` when there is none. */
export function toOnlyIf(conditions: ObjectConditions = {}): R2ConditionalLike | undefined {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = conditions;
  const onlyIf: R2ConditionalLike = {
    ...(ifMatch !== undefined && { etagMatches: ifMatch }),
    ...(ifNoneMatch !== undefined && { etagDoesNotMatch: ifNoneMatch }),
    ...(ifModifiedSince !== undefined && { uploadedAfter: ifModifiedSince }),
    // The binding asks for "before"; HTTP's If-Unmodified-Since takes the same second, too.
    ...(ifUnmodifiedSince !== undefined && { uploadedBefore: new Date(ifUnmodifiedSince.getTime() + SECOND_MS) }),
  };
  return Object.keys(onlyIf).length === 0 ? undefined : { ...onlyIf, secondsGranularity: true };
}

/**
 * What HTTP says to a read of an object under conditions, in HTTP's order (RFC 9110, 13.2.2). The binding only says that one
 * of them did not hold, and a HEAD takes none.
 */
export function judgeRead(
  { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince }: ObjectConditions,
  { etag, uploaded }: Pick<R2ObjectLike, 'etag' | 'uploaded'>,
): 'met' | 'failed' | 'notModified' {
  if (ifMatch !== undefined) {
    if (!isSame(ifMatch, etag)) return 'failed';
  } else if (ifUnmodifiedSince !== undefined && seconds(uploaded) > seconds(ifUnmodifiedSince)) {
    return 'failed';
  }
  if (ifNoneMatch !== undefined) return isSame(ifNoneMatch, etag) ? 'notModified' : 'met';
  if (ifModifiedSince === undefined) return 'met';
  return seconds(uploaded) > seconds(ifModifiedSince) ? 'met' : 'notModified';
}

function isSame(condition: string, etag: string): boolean {
  return condition === '*' || condition === etag;
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / SECOND_MS);
}
