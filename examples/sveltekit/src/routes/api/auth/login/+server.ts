import { tooManyRequests } from '@codex/cloudflare-clients';
import { limitRefusal } from '@codex/cloudflare-clients/sveltekit';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { setToken } from '$lib/server/auth/cookie.js';
import { originOf } from '$lib/server/auth/visitor.js';
import { readJsonFields } from '$lib/server/http/fields.js';
import { answer, api } from '$lib/server/http/refused.js';
import type { SessionUser } from '$lib/shapes.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const fields = await readJsonFields(event.request, ['email', 'password']);
  const auth = event.locals.container.resolve(AuthService);
  const result = await auth.login(fields.email, fields.password, originOf(event));
  if (result.status === 'wrong') return answer({ message: 'The address or the password is wrong.' }, { status: 401 });
  if (result.status === 'limited') {
    // `fail` is for form actions: here it would be a 500.
    return tooManyRequests(result.attempt, { detail: limitRefusal(result.attempt).data.message });
  }
  setToken(event.cookies, event.url, result.token);
  const { id, email, name, role } = result.user;
  return answer({ id, email, name, role } satisfies SessionUser);
});
