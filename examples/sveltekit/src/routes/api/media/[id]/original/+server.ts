import { requireUser } from '$lib/server/auth/visitor.js';
import { api } from '$lib/server/http/refused.js';
import { MediaService } from '$lib/server/media/media-service.js';
import { PlaybackService } from '$lib/server/media/playback-service.js';
import type { RequestHandler } from './$types.js';

const serve: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const { container } = event.locals;
  const media = await container.resolve(MediaService).visible(user.id, event.params.id);
  return container.resolve(PlaybackService).serveOriginal(media, event.request);
});

export { serve as GET, serve as HEAD };
