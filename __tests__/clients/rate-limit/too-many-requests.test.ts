import { toHeaders } from '../../../src/clients/rate-limit/rate-limit-headers.js';
import type { RateLimitResult, RateLimitsResult } from '../../../src/clients/rate-limit/rate-limit-result.js';
import { tooManyRequests } from '../../../src/clients/rate-limit/too-many-requests.js';

const NOW = 1_800_000_000_000;
const now = () => NOW;

const REFUSED: RateLimitResult = {
  name: 'default',
  limit: 5,
  window: 900,
  remaining: 0,
  resetAt: NOW + 12_000,
  retryAfterMs: 12_000,
  allowed: false,
  approximate: false,
  reason: 'limit-exceeded',
  decidedBy: 'object',
};

describe('tooManyRequests', () => {
  it('is a 429 with the headers and a problem of the type quota-exceeded', async () => {
    const response = tooManyRequests(REFUSED, { now });
    expect(response.status).toBe(429);
    expect(Object.fromEntries(response.headers)).toEqual({
      'ratelimit-policy': '"default";q=5;w=900',
      ratelimit: '"default";r=0;t=12',
      'retry-after': '12',
      'content-type': 'application/problem+json',
    });
    expect(await response.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Quota Exceeded',
      status: 429,
      detail: 'Try again in 12 seconds.',
      'violated-policies': ['default'],
    });
  });

  it('names the policies that refused and no others', async () => {
    const rules = [
      { ...REFUSED, name: 'burst' },
      { ...REFUSED, name: 'daily', remaining: 3, retryAfterMs: 0 },
    ];
    const result: RateLimitsResult = { ...REFUSED, rules };
    expect(await tooManyRequests(result, { now }).json()).toMatchObject({ 'violated-policies': ['burst'] });
  });

  it('takes the options of the headers and what a person should read', async () => {
    const response = tooManyRequests(REFUSED, { now, draft: 'legacy', detail: 'Too many attempts to sign in.' });
    for (const [name, value] of Object.entries(toHeaders(REFUSED, { now, draft: 'legacy' }))) {
      expect(response.headers.get(name)).toBe(value);
    }
    expect(await response.json()).toMatchObject({ detail: 'Too many attempts to sign in.' });
  });

  it('says one second without a plural', async () => {
    const soon = tooManyRequests({ ...REFUSED, resetAt: NOW, retryAfterMs: 1 }, { now });
    expect(await soon.json()).toMatchObject({ detail: 'Try again in 1 second.' });
  });

  it('is a 503 where the store failed: no quota is exceeded', async () => {
    const response = tooManyRequests({ ...REFUSED, reason: 'store-error', approximate: true }, { now });
    expect(response.status).toBe(503);
    expect(response.headers.get('RateLimit')).toBeNull();
    expect(await response.json()).toMatchObject({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      'violated-policies': [],
    });
  });

  it('can be added to', () => {
    const response = tooManyRequests(REFUSED, { now });
    response.headers.set('Access-Control-Expose-Headers', 'RateLimit, Retry-After');
    expect(response.headers.get('Access-Control-Expose-Headers')).toBe('RateLimit, Retry-After');
  });

  it('refuses a result that is allowed', () => {
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;
    expect(() => tooManyRequests({ ...REFUSED, allowed: true, reason: 'shadow' })).toThrow(refused);
  });
});
