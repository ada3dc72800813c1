import { toHeaders } from '../clients/rate-limit/rate-limit-headers.js';
import type { RateLimitResult, RateLimitsResult } from '../clients/rate-limit/rate-limit-result.js';

/** A refused attempt, in the parts that SvelteKit's `fail`, `error` and `setHeaders` take. */
export interface LimitRefusal {
  /** 429; 503 where no limit is exceeded, but the store failed and the limiter refuses then. */
  readonly status: 429 | 503;
  /** For `setHeaders`: `Retry-After` and `RateLimit`. */
  readonly headers: Record<string, string>;
  /** For `fail` and `error`. */
  readonly data: {
    /** A sentence for the person who waits: 'Too many attempts. Try again in 15 minutes.' */
    readonly message: string;
    /** Seconds after which another attempt can be allowed. */
    readonly retryAfterSeconds: number;
  };
}

/**
 * What a form action or a `load` says about an attempt that a limit refused. In a `+server.ts`, which returns responses, `tooManyRequests` is simpler.
 *
 * @param result what `checkLimit` decided, or `RateLimitExceeded` holds.
 * @returns the status, the headers and the data.
 * @throws {CloudflareClientError} as `toHeaders`.
 * @example
 * ```ts
 * import { limitRefusal } from '@codex/cloudflare-clients/sveltekit';
 *
 * async function login(limiter: RateLimiterClient, ip: string, setHeaders: (headers: Record<string, string>) => void) {
 *   const limit = await limiter.checkLimit(ip, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
 *   if (limit.allowed) return null;
 *   const { status, headers, data } = limitRefusal(limit);
 *   setHeaders(headers);
 *   return { status, data }; // return fail(status, data)
 * }
 * ```
 */
export function limitRefusal(result: RateLimitResult | RateLimitsResult): LimitRefusal {
  const headers = toHeaders(result);
  const retryAfterSeconds = Number(headers['Retry-After'] ?? 1);
  const again = `Try again in ${waitOf(retryAfterSeconds)}.`;
  const isFailure = result.reason === 'store-error';
  const reason = isFailure ? 'This is not possible at the moment.' : 'Too many attempts.';
  return { status: isFailure ? 503 : 429, headers, data: { message: `${reason} ${again}`, retryAfterSeconds } };
}

const UNITS = [
  { noun: 'hour', seconds: 3600 },
  { noun: 'minute', seconds: 60 },
  { noun: 'second', seconds: 1 },
] as const;

/** From two of a unit on it is said in that unit, rounded up, so that nobody is told to come back too early. */
function waitOf(seconds: number): string {
  const unit = UNITS.find((one) => seconds >= 2 * one.seconds) ?? UNITS[2];
  const count = Math.ceil(seconds / unit.seconds);
  return `${count} ${unit.noun}${count === 1 ? '' : 's'}`;
}
