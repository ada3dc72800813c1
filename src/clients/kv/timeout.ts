import { CloudflareClientError } from '../../errors.js';

/** Longest delay of a timer, in milliseconds. */
export const MAX_TIMEOUT_MS = 2_147_483_647;

/**
 * Refuses what is not a timeout.
 *
 * @param timeoutMs milliseconds, more than 0 and at most 2,147,483,647.
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the value and the bounds.
 */
export function checkTimeout(timeoutMs: unknown): asserts timeoutMs is number {
  if (typeof timeoutMs === 'number' && timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS) return;
  const shown = typeof timeoutMs === 'number' ? String(timeoutMs) : `of type ${typeof timeoutMs}`;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `Option timeoutMs ${shown} is refused: give milliseconds above 0 and at most ${MAX_TIMEOUT_MS}.`,
  );
}

/**
 * Waits for `promise`, but not for ever. Every call has a timer of its own: in Workers neither a timer nor a promise that
 * another request started can be relied on. An answer that is there at once, from a tier in memory, needs no timer, which
 * is the largest part of what a hit costs. What `promise` does after the cut is ignored.
 *
 * @param promise what the platform answers; this call takes care of its rejection, early or late.
 * @param timeoutMs milliseconds, as `checkTimeout` takes them.
 * @param operation what is waited for, to name it in the error.
 * @throws {CloudflareClientError} `KV_TIMEOUT` when nothing came in time.
 */
export function withTimeout<T>(promise: Promise<T>, timeoutMs: number, operation: string): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isSettled = false;
    promise.then(
      (value) => {
        isSettled = true;
        if (timer !== undefined) clearTimeout(timer);
        resolve(value);
      },
      (error: unknown) => {
        isSettled = true;
        if (timer !== undefined) clearTimeout(timer);
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the platform's own error is passed on as it is.
        reject(error);
      },
    );
    // Runs after the callbacks above where the promise was settled already.
    void Promise.resolve().then(() => {
      if (!isSettled) timer = setTimeout(() => reject(timeoutError(timeoutMs, operation)), timeoutMs);
    });
  });
}

function timeoutError(timeoutMs: number, operation: string): CloudflareClientError {
  return new CloudflareClientError('KV_TIMEOUT', `KV did not answer a ${operation} within ${timeoutMs} ms.`);
}

/**
 * Waits for a promise at most `timeoutMs`, with a timer of this request's own.
 *
 * @returns its value, or `'late'`. Rejects as the promise does.
 */
export async function settleWithin<T>(promise: Promise<T>, timeoutMs: number): Promise<{ value: T } | 'late'> {
  let onTime: (late: 'late') => void = () => undefined;
  const late = new Promise<'late'>((resolve) => (onTime = resolve));
  const timer = setTimeout(() => onTime('late'), timeoutMs);
  try {
    return await Promise.race([promise.then((value) => ({ value })), late]);
  } finally {
    clearTimeout(timer);
  }
}
