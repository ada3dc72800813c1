// apps/web/src/hooks.server.ts of the seed
import { SessionCacheClient } from '@codex/cloudflare-clients';
import { fetchSessionFromDB } from '@codex/database';
import type { Handle } from '@sveltejs/kit';

export const handle: Handle = async ({ event, resolve }) => {
  const sessionToken = event.cookies.get('codex-session');

  if (!sessionToken) {
    event.locals.user = null;
    return resolve(event);
  }

  // Try cache first
  const kv = event.platform?.env?.['AUTH_SESSION_KV'];
  if (kv) {
    const sessionCache = new SessionCacheClient(kv);
    const cached = await sessionCache.get(sessionToken);

    if (cached) {
      event.locals.user = cached.user;
      event.locals.session = cached.session;
      return resolve(event);
    }
  }

  // Cache miss: fetch from database and populate cache
  const session = await fetchSessionFromDB(sessionToken);
  if (session && kv) {
    const sessionCache = new SessionCacheClient(kv);
    await sessionCache.set(sessionToken, session);
  }

  event.locals.user = session?.user ?? null;
  return resolve(event);
};
