import { checkAccount } from '$lib/server/auth/account-fields.js';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { setToken } from '$lib/server/auth/cookie.js';
import { originOf } from '$lib/server/auth/visitor.js';
import { readJsonFields } from '$lib/server/http/fields.js';
import { answer, api } from '$lib/server/http/refused.js';
import { Refusal } from '$lib/server/refusal.js';
import type { SessionUser } from '$lib/shapes.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const account = checkAccount(await readJsonFields(event.request, ['name', 'email', 'password']));
  if ('field' in account) throw new Refusal(400, account.message);
  const { token, user } = await event.locals.container.resolve(AuthService).signUp(account, originOf(event));
  setToken(event.cookies, event.url, token);
  const { id, email, name, role } = user;
  return answer({ id, email, name, role } satisfies SessionUser, { status: 201 });
});
