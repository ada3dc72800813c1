import { AuthService } from '$lib/server/auth/auth-service.js';
import { removeToken } from '$lib/server/auth/cookie.js';
import { requireUser } from '$lib/server/auth/visitor.js';
import { answer, api } from '$lib/server/http/refused.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const ended = await event.locals.container.resolve(AuthService).logoutEverywhere(user.id);
  removeToken(event.cookies, event.url);
  return answer({ ended });
});
