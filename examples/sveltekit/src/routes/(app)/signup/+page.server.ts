import { fail, redirect } from '@sveltejs/kit';
import { checkAccount } from '$lib/server/auth/account-fields.js';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { setToken } from '$lib/server/auth/cookie.js';
import { originOf } from '$lib/server/auth/visitor.js';
import { readFormFields } from '$lib/server/http/fields.js';
import { action } from '$lib/server/http/refused.js';
import type { SignupForm } from '$lib/shapes.js';
import type { Actions, PageServerLoad } from './$types.js';

export const load: PageServerLoad = ({ locals }) => {
  if (locals.visitor !== null) redirect(303, '/library');
};

export const actions = {
  default: async (event) => {
    const given = { name: '', email: '' };
    const fault = (message: string, status: number): SignupForm => ({
      ...given,
      message,
      // The address has an account.
      ...(status === 409 && { field: 'email' as const }),
    });
    return action(
      event,
      async () => {
        const fields = await readFormFields(event.request, ['name', 'email', 'password']);
        Object.assign(given, { name: fields.name, email: fields.email });
        const account = checkAccount(fields);
        if ('field' in account) return fail(400, { ...given, ...account } satisfies SignupForm as SignupForm);
        const { token } = await event.locals.container.resolve(AuthService).signUp(account, originOf(event));
        setToken(event.cookies, event.url, token);
        redirect(303, '/library');
      },
      fault,
    );
  },
} satisfies Actions;
