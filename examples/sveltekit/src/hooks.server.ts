import { building } from '$app/environment';
import { error } from '@sveltejs/kit';
import type { Handle, RequestEvent } from '@sveltejs/kit';
import { sequence } from '@sveltejs/kit/hooks';
import { isCloudflareClientError } from '@codex/cloudflare-clients';
import { handleContainer } from '@codex/cloudflare-clients/sveltekit';
import { AuthService } from '$lib/server/auth/auth-service.js';
import { readToken } from '$lib/server/auth/cookie.js';
import { app } from '$lib/server/container.js';
import { addSecurityHeaders } from '$lib/server/http/security-headers.js';
import { logFailure } from '$lib/server/log.js';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Refuses what pages of other sites send, to whatever path (it can be written in many ways): SvelteKit's own check is for forms alone. */
const refuseOtherOrigins: Handle = async ({ event, resolve }) => {
  const origin = event.request.headers.get('origin');
  const isForeign = origin !== null && origin !== event.url.origin && !SAFE_METHODS.has(event.request.method);
  if (isForeign) error(403, 'Pages of other sites cannot do this.');
  return resolve(event);
};

/** Routes that ask who is there. `/` is prerendered: in development, too, nothing may be read of `platform.env` there. Segments show a right of their own. */
const isPersonal = ({ route }: Pick<RequestEvent, 'route'>): boolean => /^\/(?:\(app\)|api)\//.test(route.id ?? '');

/** Finds who is signed in: not while building, nor without a platform. */
const findVisitor: Handle = async ({ event, resolve }) => {
  event.locals.visitor = null;
  const hasSession = !building && event.platform !== undefined && isPersonal(event);
  const token = hasSession ? readToken(event.cookies, event.url) : null;
  if (token !== null) event.locals.visitor = await findSession(event.locals, token);
  return resolve(event);
};

async function findSession({ container }: App.Locals, token: string): Promise<App.Locals['visitor']> {
  try {
    return await container.resolve(AuthService).find(token);
  } catch (thrown) {
    if (!isCloudflareClientError(thrown, 'REVOCATION_FAILED')) throw thrown;
    // Nobody is signed out by it, and nobody is let in.
    logFailure('a session could not be checked', thrown);
    error(503, 'Your session cannot be checked at the moment. Please try again.');
  }
}

const secureResponse: Handle = async ({ event, resolve }) => {
  const response = await resolve(event);
  if (!building) addSecurityHeaders(response, event.url, isPersonal(event) ? event.platform?.env : undefined);
  return response;
};

export const handle = sequence(handleContainer(app), secureResponse, refuseOtherOrigins, findVisitor);
