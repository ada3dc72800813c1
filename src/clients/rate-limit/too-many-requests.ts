import { CloudflareClientError } from '../../errors.js';
import { toHeaders, violatedRules } from './rate-limit-headers.js';
import type { RateLimitHeaderOptions } from './rate-limit-headers.js';
import type { RateLimitResult, RateLimitsResult } from './rate-limit-result.js';

const TYPES = 'https://iana.org/assignments/http-problem-types#';

/** Options of {@link tooManyRequests}. */
export interface TooManyRequestsOptions extends RateLimitHeaderOptions {
  /**
   * What a person should read.
   *
   * @default 'Try again in 12 seconds.', with the seconds of Retry-After
   */
  readonly detail?: string;
}

/**
 * The response to a refused attempt: status 429, the headers of {@link toHeaders}, and a body of type `application/problem+json` (RFC 9457) which says
 * that a quota is exceeded, and by `violated-policies` which.
 *
 * Where the store failed and the limiter refuses then (`onStoreError: 'closed'`), no quota is exceeded: the status is 503 and the problem a
 * temporarily reduced capacity.
 *
 * @param result what `checkLimit` or `checkLimits` gave, or `RateLimitExceeded` holds.
 * @param options as for `toHeaders`, and what a person should read.
 * @returns the response; its headers can be added to.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` for a result that is allowed; as `toHeaders`.
 */
export function tooManyRequests(
  result: RateLimitResult | RateLimitsResult,
  options: TooManyRequestsOptions = {},
): Response {
  if (result.allowed) {
    throw new CloudflareClientError('INVALID_ARGUMENT', 'tooManyRequests takes a refused result: this one is allowed.');
  }
  const headers = toHeaders(result, options);
  const seconds = headers['Retry-After'] ?? '1';
  const detail = options.detail ?? `Try again in ${seconds} ${seconds === '1' ? 'second' : 'seconds'}.`;
  const problem =
    result.reason === 'store-error'
      ? { type: `${TYPES}temporary-reduced-capacity`, title: 'Temporary Reduced Capacity', status: 503 }
      : { type: `${TYPES}quota-exceeded`, title: 'Quota Exceeded', status: 429 };
  const names = violatedRules(result).map(({ name }) => name);
  return new Response(JSON.stringify({ ...problem, detail, 'violated-policies': names }), {
    status: problem.status,
    headers: { ...headers, 'Content-Type': 'application/problem+json' },
  });
}
