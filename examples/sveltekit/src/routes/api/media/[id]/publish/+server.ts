import { requireUser } from '$lib/server/auth/visitor.js';
import { answer, api } from '$lib/server/http/refused.js';
import { MediaService } from '$lib/server/media/media-service.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  return answer(await event.locals.container.resolve(MediaService).publish(user.id, event.params.id));
});
