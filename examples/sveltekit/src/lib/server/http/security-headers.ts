import type { Env } from '../env.js';

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'strict-origin-when-cross-origin',
  'x-frame-options': 'DENY',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'cross-origin-opener-policy': 'same-origin',
} as const;
const YEAR_SECONDS = 31_536_000;

/** Adds the headers that every answer has; what a handler has set stays. */
export function addSecurityHeaders(response: Response, url: URL, env: Partial<Env> | undefined): void {
  const { headers } = response;
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
  if (url.protocol === 'https:') headers.set('strict-transport-security', `max-age=${YEAR_SECONDS}`);
  const policy = headers.get('content-security-policy');
  const storage = storageOrigin(env);
  if (policy === null || storage === null || policy === 'sandbox') return;
  headers.set('content-security-policy', policy.replace(/(connect-src|media-src) /g, `$1 ${storage} `));
}

/** Where browsers upload to: the S3 endpoint of the bucket. */
function storageOrigin({ R2_ENDPOINT: endpoint, R2_ACCOUNT_ID: accountId }: Partial<Env> = {}): string | null {
  if (endpoint !== undefined && URL.canParse(endpoint)) return new URL(endpoint).origin;
  return accountId === undefined ? null : `https://${accountId}.r2.cloudflarestorage.com`;
}
