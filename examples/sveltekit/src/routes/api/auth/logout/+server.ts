import { AuthService } from '$lib/server/auth/auth-service.js';
import { removeToken } from '$lib/server/auth/cookie.js';
import { answer, api } from '$lib/server/http/refused.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async ({ locals, cookies, url }) => {
  const { visitor, container } = locals;
  if (visitor !== null) await container.resolve(AuthService).logout(visitor);
  removeToken(cookies, url);
  return answer({ ended: visitor === null ? 0 : 1 });
});
