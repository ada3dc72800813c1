import { isCloudflareClientError, type ErrorCode } from '../errors.js';

/** What the process ends with. Documented in docs/codex-r2.md; scripts rely on it. */
export const EXIT = {
  ok: 0,
  /** Something was found or is not done: findings of a check, keys that could not be deleted, any other failure. */
  findings: 1,
  usage: 2,
  access: 3,
  notFound: 4,
  interrupted: 130,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command line that asks for something that is not there to be done. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Something named on the command line does not exist. */
export class NotFoundError extends Error {
  override readonly name = 'NotFoundError';
}

const EXIT_BY_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  INVALID_CONFIG: EXIT.access,
  MISSING_CREDENTIALS: EXIT.access,
  R2_ACCESS_DENIED: EXIT.access,
  R2_NO_SUCH_BUCKET: EXIT.notFound,
  R2_NO_SUCH_KEY: EXIT.notFound,
  R2_NO_SUCH_UPLOAD: EXIT.notFound,
  INVALID_OPTION: EXIT.usage,
  INVALID_KEY: EXIT.usage,
  INVALID_PREFIX: EXIT.usage,
  INVALID_VALUE: EXIT.usage,
  INVALID_ARGUMENT: EXIT.usage,
};

/** The exit code that an error means. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof NotFoundError) return EXIT.notFound;
  if (!isCloudflareClientError(error)) return EXIT.findings;
  return EXIT_BY_CODE[error.code] ?? EXIT.findings;
}
