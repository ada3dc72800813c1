import { fail, redirect } from '@sveltejs/kit';
import { limitRefusal } from '@codex/cloudflare-clients/sveltekit';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { setToken } from '$lib/server/auth/cookie.js';
import { originOf, safeNext } from '$lib/server/auth/visitor.js';
import { readFormFields } from '$lib/server/http/fields.js';
import { action } from '$lib/server/http/refused.js';
import type { LoginData, LoginForm } from '$lib/shapes.js';
import type { Actions, PageServerLoad } from './$types.js';

export const load: PageServerLoad = ({ locals, url }): LoginData => {
  const next = safeNext(url.searchParams.get('next'));
  if (locals.visitor !== null) redirect(303, next);
  return { next, hasEndedAll: url.searchParams.get('ended') === 'all' };
};

export const actions = {
  default: async (event) => {
    let email = '';
    const fault = (message: string): LoginForm => ({ message, email });
    return action(
      event,
      async () => {
        const fields = await readFormFields(event.request, ['email', 'password']);
        email = fields.email;
        const result = await event.locals.container.resolve(AuthService).login(email, fields.password, originOf(event));
        if (result.status === 'wrong') return fail(400, fault('The address or the password is wrong.'));
        if (result.status === 'limited') {
          const { status, headers, data } = limitRefusal(result.attempt);
          event.setHeaders(headers);
          return fail(status, { ...data, email } satisfies LoginForm as LoginForm);
        }
        setToken(event.cookies, event.url, result.token);
        redirect(303, safeNext(event.url.searchParams.get('next')));
      },
      fault,
    );
  },
} satisfies Actions;
