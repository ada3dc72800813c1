/**
 * Every code that an error of this package can carry. The set is closed: a `switch` over it can be exhaustive.
 *
 * - `INVALID_*`: the caller's input was refused before anything was read, written or deleted.
 * - `MISSING_*`, `UNKNOWN_TOKEN`, `CIRCULAR_DEPENDENCY`, `RESOLUTION_FAILED`, `SCOPE_DISPOSED`: a container could not resolve.
 * - `MISSING_SCOPE`: code that runs in no request scope asked for the current one.
 * - `CACHE_NOT_FOUND`, `INVALID_DECORATION`: a decorator is not wired, or sits where it cannot work.
 * - `LOADER_TIMEOUT`: a loader did not answer within its hard timeout.
 * - `KV_BUDGET_SPENT`: the operation budget of the scope is used up; the platform was not asked.
 * - `INVALID_PLAYLIST`, `INVALID_EVENT`: what came from storage or from a queue is not what it should be.
 * - `MISSING_CREDENTIALS`: an `R2Client` that has only bindings was asked for what needs an API token.
 * - `R2_ABORTED`: the caller's own signal ended the work. `R2_OBJECT_CHANGED`: it was replaced while it was read.
 * - `OBJECT_*`: a Durable Object failed, is overloaded, or did not answer in time; of the last it is not known whether it was done.
 * - `LOCK_TIMEOUT`, `LOCK_ABORTED`: a lock was not had; `LOCK_LOST`: it is held no longer; `FENCE_STALE`: a later holder was here.
 * - `RATE_LIMITED`: a limit refused the call. `COUNTER_OUT_OF_BOUNDS`: the sum is no safe integer.
 * - `IDEMPOTENCY_CONFLICT`: a key was used before for something else. `ONCE_IN_PROGRESS`: another caller still does it.
 * - `REVOCATION_FAILED`: a session could not be revoked, or whether it is could not be found out.
 * - `LIMITER_NOT_FOUND`, `LOCKS_NOT_FOUND`: as `CACHE_NOT_FOUND`, of other decorators.
 * - `KV_*`, `R2_*`: the platform refused or failed, or did not answer in time.
 */
export type ErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_KEY'
  | 'INVALID_PREFIX'
  | 'INVALID_VALUE'
  | 'INVALID_TTL'
  | 'INVALID_CONFIG'
  | 'INVALID_ARGUMENT'
  | 'INVALID_BINDING'
  | 'INVALID_DECORATION'
  | 'INVALID_PLAYLIST'
  | 'INVALID_EVENT'
  | 'MISSING_CREDENTIALS'
  | 'MISSING_BINDING'
  | 'MISSING_VARIABLE'
  | 'MISSING_SCOPE'
  | 'MISSING_SCOPE_VALUE'
  | 'UNKNOWN_TOKEN'
  | 'CIRCULAR_DEPENDENCY'
  | 'RESOLUTION_FAILED'
  | 'SCOPE_DISPOSED'
  | 'DISPOSE_FAILED'
  | 'CACHE_NOT_FOUND'
  | 'LOADER_TIMEOUT'
  | 'KV_READ_FAILED'
  | 'KV_WRITE_FAILED'
  | 'KV_DELETE_FAILED'
  | 'KV_LIST_FAILED'
  | 'KV_RATE_LIMITED'
  | 'KV_TIMEOUT'
  | 'KV_CORRUPT_VALUE'
  | 'KV_BUDGET_SPENT'
  | 'OBJECT_FAILED'
  | 'OBJECT_OVERLOADED'
  | 'OBJECT_TIMEOUT'
  | 'LOCK_TIMEOUT'
  | 'LOCK_ABORTED'
  | 'LOCK_LOST'
  | 'LOCKS_NOT_FOUND'
  | 'FENCE_STALE'
  | 'RATE_LIMITED'
  | 'LIMITER_NOT_FOUND'
  | 'COUNTER_OUT_OF_BOUNDS'
  | 'IDEMPOTENCY_CONFLICT'
  | 'ONCE_IN_PROGRESS'
  | 'REVOCATION_FAILED'
  | 'R2_ACCESS_DENIED'
  | 'R2_NO_SUCH_BUCKET'
  | 'R2_NO_SUCH_KEY'
  | 'R2_NO_SUCH_UPLOAD'
  | 'R2_PRECONDITION_FAILED'
  | 'R2_RANGE_NOT_SATISFIABLE'
  | 'R2_CHECKSUM_MISMATCH'
  | 'R2_OBJECT_CHANGED'
  | 'R2_ABORTED'
  | 'R2_RATE_LIMITED'
  | 'R2_NOT_SUPPORTED'
  | 'R2_TIMEOUT'
  | 'R2_FAILED';

/**
 * The one error class of this package. Its message is a sentence that names the operation, the value and the bound, and
 * never a secret; `code` is what a program tests; `cause` keeps the platform's own error where there was one.
 *
 * @example
 * ```ts
 * try {
 *   await cache.set('cache:content:featured', items, 0);
 * } catch (error) {
 *   if (isCloudflareClientError(error, 'INVALID_TTL')) console.warn(error.message);
 * }
 * ```
 */
export class CloudflareClientError extends Error {
  // A literal: minifiers rename classes, and logs are searched by this name.
  override readonly name = 'CloudflareClientError';
  /** What went wrong, for programs. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Tells whether `error` comes from this package, also when two copies of the package are loaded.
 *
 * @param error anything that was caught.
 * @param code when given, the code that the error must carry.
 * @returns `true` when it is ours and, if a code was given, carries it.
 */
export function isCloudflareClientError(error: unknown, code?: ErrorCode): error is CloudflareClientError {
  if (!(error instanceof Error) || error.name !== 'CloudflareClientError') return false;
  return code === undefined || (error as { code?: unknown }).code === code;
}
