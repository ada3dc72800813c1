import { readToken } from '$lib/server/auth/cookie.js';
import { hashToken } from '$lib/server/auth/password.js';
import { PlaybackService } from '$lib/server/media/playback-service.js';
import type { RequestHandler } from './$types.js';

const serve: RequestHandler = async ({ locals, request, cookies, url }) => {
  const token = readToken(cookies, url);
  return locals.container.resolve(PlaybackService).serveHls(request, token === null ? null : await hashToken(token));
};

export { serve as GET, serve as HEAD };
