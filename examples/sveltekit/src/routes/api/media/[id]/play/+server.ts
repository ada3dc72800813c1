import { hashToken } from '$lib/server/auth/password.js';
import { requireUser } from '$lib/server/auth/visitor.js';
import { answer, api } from '$lib/server/http/refused.js';
import { MediaService } from '$lib/server/media/media-service.js';
import { PlaybackService } from '$lib/server/media/playback-service.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const { user, session } = requireUser(event);
  const { container } = event.locals;
  const media = await container.resolve(MediaService).visible(user.id, event.params.id);
  const isRenewal = event.url.searchParams.has('again');
  return answer(await container.resolve(PlaybackService).start(media, await hashToken(session.token), { isRenewal }));
});
