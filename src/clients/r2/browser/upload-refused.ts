import { CloudflareClientError, type ErrorCode } from '../../../errors.js';

/**
 * Why an upload from a browser is refused.
 *
 * - `BAD_REQUEST`: a field is missing or malformed. `SIZE_REQUIRED`: a limit is set, and the request does not tell the size.
 * - `NOT_ALLOWED`, `ORIGIN_NOT_ALLOWED`: the caller, or the page that it comes from, may not upload.
 * - `KEY_NOT_ALLOWED`, `TYPE_NOT_ALLOWED`, `TOO_LARGE`, `DELETE_NOT_ALLOWED`: outside of what the caller was granted.
 * - `NOT_FOUND`, `METHOD_NOT_ALLOWED`, `JSON_REQUIRED`: no such route, or not so. `NO_SUCH_UPLOAD`: unknown, finished, aborted, or of another key.
 * - `ALREADY_STORED`: there is an object of that key, and it is not to be replaced (`writeOnce`).
 * - `RATE_LIMITED`, `STORAGE_FAILED`: R2's answer; worth another try later.
 */
export type UploadRefusalReason =
  | 'BAD_REQUEST'
  | 'SIZE_REQUIRED'
  | 'NOT_ALLOWED'
  | 'ORIGIN_NOT_ALLOWED'
  | 'KEY_NOT_ALLOWED'
  | 'TYPE_NOT_ALLOWED'
  | 'TOO_LARGE'
  | 'DELETE_NOT_ALLOWED'
  | 'NOT_FOUND'
  | 'METHOD_NOT_ALLOWED'
  | 'JSON_REQUIRED'
  | 'NO_SUCH_UPLOAD'
  | 'ALREADY_STORED'
  | 'RATE_LIMITED'
  | 'STORAGE_FAILED';

const STATUS: Readonly<Record<UploadRefusalReason, number>> = {
  BAD_REQUEST: 400,
  SIZE_REQUIRED: 400,
  NOT_ALLOWED: 403,
  ORIGIN_NOT_ALLOWED: 403,
  KEY_NOT_ALLOWED: 403,
  TYPE_NOT_ALLOWED: 415,
  TOO_LARGE: 413,
  DELETE_NOT_ALLOWED: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  JSON_REQUIRED: 415,
  NO_SUCH_UPLOAD: 404,
  ALREADY_STORED: 409,
  RATE_LIMITED: 429,
  STORAGE_FAILED: 502,
};

/** What a client asked for is outside of what it was granted, or makes no sense. The message may be shown to it. */
export class UploadRefused extends CloudflareClientError {
  readonly reason: UploadRefusalReason;
  /** The HTTP status that says the same. */
  readonly status: number;

  constructor(reason: UploadRefusalReason, message: string, code: ErrorCode = 'INVALID_VALUE') {
    super(code, message);
    this.reason = reason;
    this.status = STATUS[reason];
  }
}
