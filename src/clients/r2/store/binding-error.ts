import { isCloudflareClientError } from '../../../errors.js';
import { failureStatus } from '../r2-error.js';

/** S3's own code and HTTP status, by the number that ends a message of the binding (https://developers.cloudflare.com/r2/api/error-codes/). */
const FAILURES: Readonly<Record<number, readonly [name: string, status: number]>> = {
  // What the runtime says when an answer has no number.
  0: ['InternalError', 500],
  10001: ['InternalError', 500],
  10002: ['Unauthorized', 401],
  10003: ['AccessDenied', 403],
  10006: ['NoSuchBucket', 404],
  10007: ['NoSuchKey', 404],
  10011: ['EntityTooSmall', 400],
  10012: ['MetadataTooLarge', 400],
  10013: ['IncompleteBody', 400],
  10014: ['InvalidDigest', 400],
  10020: ['InvalidObjectName', 400],
  10022: ['InvalidArgument', 400],
  10024: ['NoSuchUpload', 404],
  10025: ['InvalidPart', 400],
  10029: ['InvalidArgument', 400],
  10031: ['PreconditionFailed', 412],
  10033: ['MissingContentLength', 411],
  10037: ['BadDigest', 400],
  10039: ['InvalidRange', 416],
  10042: ['NotEntitled', 403],
  10043: ['ServiceUnavailable', 503],
  10048: ['InvalidPart', 400],
  10054: ['ClientDisconnect', 400],
  10058: ['TooManyRequests', 429],
  10069: ['ObjectLockedByBucketPolicy', 403],
  100100: ['EntityTooLarge', 400],
};

/** Names of what may succeed a moment later. */
const MOMENTARY: readonly string[] = ['InternalError', 'ServiceUnavailable', 'TooManyRequests'];
const NUMBER_AT_END = /\((\d+)\)\s*$/;

/**
 * What the binding threw, as the S3 API would have answered: its message is `get: The specified key does not exist. (10007)`,
 * and the number is the only part for programs. So one mapping to our codes, and one shape of message, serves both.
 *
 * @returns an error named as in S3, with the status; what has no such number, and what is ours, comes back as it is.
 */
export function toS3Failure(error: unknown): unknown {
  if (!(error instanceof Error) || isCloudflareClientError(error) || failureStatus(error) !== undefined) return error;
  const number = NUMBER_AT_END.exec(error.message)?.[1];
  const known = number === undefined ? undefined : FAILURES[Number(number)];
  return known === undefined ? error : s3Failure(known[0], known[1], error);
}

/** An error as the S3 API names it. */
export function s3Failure(name: string, status: number, cause?: unknown): Error {
  const options = cause === undefined ? undefined : { cause };
  const message = cause instanceof Error ? cause.message : name;
  return Object.assign(new Error(message, options), { name, $metadata: { httpStatusCode: status } });
}

/** Tells whether the same request may succeed a moment later. */
export function isMomentary(error: unknown): boolean {
  return error instanceof Error && MOMENTARY.includes(error.name);
}
