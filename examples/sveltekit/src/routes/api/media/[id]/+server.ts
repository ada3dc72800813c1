import { requireUser } from '$lib/server/auth/visitor.js';
import { toCard } from '$lib/server/data/media-table.js';
import { readJsonFields } from '$lib/server/http/fields.js';
import { answer, api } from '$lib/server/http/refused.js';
import { MediaService } from '$lib/server/media/media-service.js';
import type { RequestHandler } from './$types.js';

export const GET: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  return answer(toCard(await event.locals.container.resolve(MediaService).visible(user.id, event.params.id)));
});

export const PATCH: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const { title } = await readJsonFields(event.request, ['title']);
  return answer(await event.locals.container.resolve(MediaService).rename(user.id, event.params.id, title));
});

export const DELETE: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  return answer({ deleted: await event.locals.container.resolve(MediaService).remove(user.id, event.params.id) });
});
