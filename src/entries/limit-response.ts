import type { RateLimitResult, RateLimitsResult } from '../clients/rate-limit/rate-limit-result.js';
import { tooManyRequests } from '../clients/rate-limit/too-many-requests.js';
import { isCloudflareClientError } from '../errors.js';

/** What a limiter decided, where `error` is a `RateLimitExceeded`, also one of another copy of the package. */
export function refusalIn(error: unknown): RateLimitResult | RateLimitsResult | undefined {
  if (!isCloudflareClientError(error, 'RATE_LIMITED')) return undefined;
  return (error as { result?: RateLimitResult | RateLimitsResult }).result;
}

/** The response to a call that a limit refused; `undefined` for any other error. */
export function limitResponse(error: unknown): Response | undefined {
  const refusal = refusalIn(error);
  return refusal && tooManyRequests(refusal);
}
