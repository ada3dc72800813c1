import type { ErrorCode } from '../../errors.js';
import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';

/** What was asked of KV when it failed; the same words that events use. */
export type KVOperation = 'read' | 'write' | 'delete' | 'list';

const CODES: Record<KVOperation, ErrorCode> = {
  read: 'KV_READ_FAILED',
  write: 'KV_WRITE_FAILED',
  delete: 'KV_DELETE_FAILED',
  list: 'KV_LIST_FAILED',
};

/**
 * Puts a code and a sentence on a failure of the platform. An error of ours other than a timeout passes as it is.
 *
 * @param operation what was asked.
 * @param subject what it was asked about, already fit to be shown: a quoted key, or only its prefix where keys are secret.
 * @param cause what was caught.
 */
export function toKVError(operation: KVOperation, subject: string, cause: unknown): CloudflareClientError {
  if (isCloudflareClientError(cause) && cause.code !== 'KV_TIMEOUT') return cause;
  const reason = cause instanceof Error ? cause.message : 'the namespace rejected with something that is not an error';
  return new CloudflareClientError(codeOf(operation, cause), `KV ${operation} of ${subject} failed: ${reason}`, {
    cause,
  });
}

/**
 * The HTTP status inside a platform error; its message is the only place where KV says it (`KV PUT failed: 429 Too Many Requests`).
 *
 * @returns the status, or `0` when the message holds none.
 */
export function kvStatus(error: unknown): number {
  if (!(error instanceof Error)) return 0;
  return Number(/^KV \w+ failed: (\d{3})\b/.exec(error.message)?.[1] ?? 0);
}

function codeOf(operation: KVOperation, cause: unknown): ErrorCode {
  if (isCloudflareClientError(cause)) return 'KV_TIMEOUT';
  return kvStatus(cause) === 429 ? 'KV_RATE_LIMITED' : CODES[operation];
}
