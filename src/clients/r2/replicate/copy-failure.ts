import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { failureName, failureStatus } from '../r2-error.js';

/** The server's codes for credentials that are wrong as such: no key would fare better. */
const CREDENTIAL_CODES: readonly string[] = [
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'Unauthorized',
];
const FATAL_CODES: readonly string[] = ['R2_NO_SUCH_BUCKET', 'R2_ABORTED', 'MISSING_CREDENTIALS', 'INVALID_CONFIG'];
const TRANSIENT_CODES: readonly string[] = ['R2_TIMEOUT', 'R2_RATE_LIMITED', 'R2_CHECKSUM_MISMATCH'];
const FIRST_DELAY_MS = 200;

/** Tells whether a failure concerns more than the one key: the bucket, the credentials, the caller's own abort. */
export function isFatal(error: unknown): boolean {
  if (!isCloudflareClientError(error)) return true;
  return FATAL_CODES.includes(error.code) || CREDENTIAL_CODES.includes(failureName(error.cause));
}

/** Tells whether the same again may succeed. */
export function isTransient(error: unknown): boolean {
  if (!isCloudflareClientError(error)) return false;
  if (TRANSIENT_CODES.includes(error.code)) return true;
  const status = failureStatus(error.cause);
  return error.code === 'R2_FAILED' && (status === undefined || status >= 500);
}

/** How often, and the wait between. */
export interface RetryOptions {
  readonly maxAttempts: number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** Does `work` again, with a growing delay, while it fails for the moment only. */
export async function withRetries<T>(options: RetryOptions, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt >= options.maxAttempts || !isTransient(error) || options.signal?.aborted === true) throw error;
    }
    await options.wait(FIRST_DELAY_MS * 2 ** (attempt - 1));
  }
}

/**
 * Refuses to go on once the caller gave up.
 *
 * @throws {CloudflareClientError} `R2_ABORTED`
 */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted !== true) return;
  throw new CloudflareClientError('R2_ABORTED', `R2 ${what} was aborted by its caller.`, { cause: signal.reason });
}
