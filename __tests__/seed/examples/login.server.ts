// apps/web/src/routes/api/auth/login/+server.ts of the seed
import { RateLimiterClient } from '@codex/cloudflare-clients';
import { fail } from '@sveltejs/kit';
import type { RequestHandler } from '@sveltejs/kit';

export const POST: RequestHandler = async ({ platform, getClientAddress }) => {
  const kv = platform?.env?.['RATE_LIMIT_KV'];

  if (kv) {
    const rateLimiter = new RateLimiterClient(kv);
    const result = await rateLimiter.checkLimit(getClientAddress(), {
      limit: 5,
      window: 900,
      keyPrefix: 'rl:login:',
    });

    if (!result.allowed) {
      return fail(429, { error: 'Too many login attempts' });
    }
  }

  return new Response('logged in');
};
