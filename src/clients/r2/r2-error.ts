import { CloudflareClientError, type ErrorCode } from '../../errors.js';

/** What was asked of R2, for messages. */
export interface R2Call {
  /** The verb that the caller used: `upload`, `download`, `list`. */
  readonly operation: string;
  readonly bucket: string;
  /** The key or prefix. */
  readonly key?: string | undefined;
}

/** What the SDK puts on its errors, as far as it is read here. */
interface ServiceFailure {
  readonly name?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

const CODE_BY_NAME: Readonly<Record<string, ErrorCode>> = {
  AbortError: 'R2_ABORTED',
  AccessDenied: 'R2_ACCESS_DENIED',
  BadDigest: 'R2_CHECKSUM_MISMATCH',
  ExpiredRequest: 'R2_ACCESS_DENIED',
  ExpiredToken: 'R2_ACCESS_DENIED',
  InvalidAccessKeyId: 'R2_ACCESS_DENIED',
  InvalidDigest: 'R2_CHECKSUM_MISMATCH',
  InvalidRange: 'R2_RANGE_NOT_SATISFIABLE',
  InvalidToken: 'R2_ACCESS_DENIED',
  RequestTimeTooSkewed: 'R2_ACCESS_DENIED',
  SignatureDoesNotMatch: 'R2_ACCESS_DENIED',
  NoSuchBucket: 'R2_NO_SUCH_BUCKET',
  NoSuchKey: 'R2_NO_SUCH_KEY',
  NoSuchUpload: 'R2_NO_SUCH_UPLOAD',
  NotImplemented: 'R2_NOT_SUPPORTED',
  PreconditionFailed: 'R2_PRECONDITION_FAILED',
  RequestTimeout: 'R2_TIMEOUT',
  SlowDown: 'R2_RATE_LIMITED',
  TimeoutError: 'R2_TIMEOUT',
  TooManyRequests: 'R2_RATE_LIMITED',
  Unauthorized: 'R2_ACCESS_DENIED',
  XAmzContentSHA256Mismatch: 'R2_CHECKSUM_MISMATCH',
};

const CODE_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  401: 'R2_ACCESS_DENIED',
  403: 'R2_ACCESS_DENIED',
  412: 'R2_PRECONDITION_FAILED',
  416: 'R2_RANGE_NOT_SATISFIABLE',
  429: 'R2_RATE_LIMITED',
  501: 'R2_NOT_SUPPORTED',
};

/** Names that say nothing about what the server answered. */
const GENERIC_NAMES: readonly string[] = [
  'Error',
  'TypeError',
  'SyntaxError',
  'Unknown',
  'UnknownError',
  'ReferenceError',
];

/**
 * The one mapping from the SDK's errors to ours. The message names operation, object, the server's own code and the HTTP
 * status; the server's text stays in `cause`, because it may quote a request.
 */
export function toR2Error(error: unknown, call: R2Call): CloudflareClientError {
  if (error instanceof CloudflareClientError) return error;
  const name = failureName(error);
  const status = failureStatus(error);
  const code = CODE_BY_NAME[name] ?? CODE_BY_STATUS[status ?? 0] ?? 'R2_FAILED';
  const answer = [GENERIC_NAMES.includes(name) ? '' : name, status === undefined ? '' : `HTTP ${status}`];
  const reason = answer.filter((part) => part !== '').join(', ') || 'no answer';
  return new CloudflareClientError(code, `R2 ${call.operation} of ${target(call)} failed: ${reason}.`, {
    // Of an abort the cause is what the caller gave as its reason.
    cause: code === 'R2_ABORTED' ? (error as Error).cause : error,
  });
}

/**
 * Tells whether the server said that there is no such object; `false` when it is the bucket that is missing.
 *
 * @param error what the SDK threw.
 * @param bare whether a 404 alone says so, as it must for a HEAD, which has no body. Elsewhere a 404 without S3's own error is
 * not the word of S3, but of something before it.
 */
export function isMissingObject(error: unknown, bare: boolean): boolean {
  const name = failureName(error);
  return name === 'NoSuchKey' || (bare && name !== 'NoSuchBucket' && failureStatus(error) === 404);
}

/** What a call is about, for messages. */
export function target(call: R2Call): string {
  return call.key === undefined ? call.bucket : `${call.bucket}/${call.key}`;
}

/** The server's own code, or the name of the error. */
export function failureName(error: unknown): string {
  const name = (error as ServiceFailure | null)?.name;
  return typeof name === 'string' ? name : '';
}

/** The HTTP status; `undefined` when there was no answer. */
export function failureStatus(error: unknown): number | undefined {
  return (error as ServiceFailure | null)?.$metadata?.httpStatusCode;
}

/** How often the request was sent. */
export function failureAttempts(error: unknown): number {
  return (error as ServiceFailure | null)?.$metadata?.attempts ?? 1;
}

/** A header of the answer; `undefined` when there was none. */
export function failureHeader(error: unknown, name: string): string | undefined {
  return (error as ServiceFailure | null)?.$response?.headers?.[name];
}
