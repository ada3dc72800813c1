import { fail, redirect } from '@sveltejs/kit';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { removeToken } from '$lib/server/auth/cookie.js';
import { deviceOf } from '$lib/server/auth/device.js';
import { requireVisitor } from '$lib/server/auth/visitor.js';
import { SessionTable } from '$lib/server/data/session-table.js';
import { readFormFields } from '$lib/server/http/fields.js';
import { action, page } from '$lib/server/http/refused.js';
import type { AccountData, AccountForm } from '$lib/shapes.js';
import type { Actions, PageServerLoad } from './$types.js';

const fault = (message: string): AccountForm => ({ ok: false, message });

export const load: PageServerLoad = async (event): Promise<AccountData> => {
  const { session, source } = requireVisitor(event);
  const rows = await page(() => event.locals.container.resolve(SessionTable).listFor(session.userId));
  const sessions = rows.map(({ id, userAgent, createdAt, expiresAt }) => ({
    id,
    device: deviceOf(userAgent),
    userAgent,
    createdAt,
    expiresAt,
    isCurrent: id === session.id,
  }));
  return { sessions, sessionSource: source };
};

export const actions = {
  logout: async (event) => {
    const visitor = requireVisitor(event);
    return action(
      event,
      async (): Promise<AccountForm> => {
        await event.locals.container.resolve(AuthService).logout(visitor);
        removeToken(event.cookies, event.url);
        redirect(303, '/login');
      },
      fault,
    );
  },
  logoutEverywhere: async (event) => {
    const { user } = requireVisitor(event);
    return action(
      event,
      async (): Promise<AccountForm> => {
        await event.locals.container.resolve(AuthService).logoutEverywhere(user.id);
        removeToken(event.cookies, event.url);
        redirect(303, '/login');
      },
      fault,
    );
  },
  endSession: async (event) => {
    const { user, session } = requireVisitor(event);
    return action(
      event,
      async () => {
        const { id } = await readFormFields(event.request, ['id']);
        if (id === session.id) return fail(400, fault('This is the device that you are on: log out instead.'));
        const ended = await event.locals.container.resolve(AuthService).endSession(user.id, id);
        if (ended === 'none') return fail(404, fault('That device was signed out already.'));
        // What was signed in less than a minute ago may only be ended with all others.
        if (ended === 'all') {
          removeToken(event.cookies, event.url);
          redirect(303, '/login?ended=all');
        }
        return { ok: true, message: 'That device is signed out.' } satisfies AccountForm as AccountForm;
      },
      fault,
    );
  },
} satisfies Actions;
