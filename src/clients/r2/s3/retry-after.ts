/** The longest wait that a server's `Retry-After` is obeyed for, in seconds. */
export const MAX_RETRY_AFTER_SECONDS = 5;

const SECONDS = /^\d+(?:\.\d+)?$/;

/** Bounds what the SDK would wait for without bound: an answer of 3600 would hold its caller for an hour. */
export function boundRetryAfter(headers: Record<string, string>): Record<string, string> {
  const { 'retry-after': after, 'x-amz-retry-after': afterMs, ...bounded } = headers;
  if (after !== undefined) {
    const seconds = SECONDS.test(after) ? Number(after) : (Date.parse(after) - Date.now()) / 1000;
    // Neither a number nor a date: the SDK's own delay is as good.
    if (!Number.isNaN(seconds)) bounded['retry-after'] = String(clamp(seconds, MAX_RETRY_AFTER_SECONDS));
  }
  if (afterMs !== undefined && SECONDS.test(afterMs)) {
    bounded['x-amz-retry-after'] = String(clamp(Number(afterMs), MAX_RETRY_AFTER_SECONDS * 1000));
  }
  return bounded;
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
