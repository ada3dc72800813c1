import { requireUser } from '$lib/server/auth/visitor.js';
import { readJsonFields } from '$lib/server/http/fields.js';
import { answer, api } from '$lib/server/http/refused.js';
import { ContentService } from '$lib/server/media/content-service.js';
import { MediaService } from '$lib/server/media/media-service.js';
import type { RequestHandler } from './$types.js';

export const GET: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const list = await event.locals.container.resolve(ContentService).own(user.id);
  return answer(list, { headers: { 'x-cache': list.cache.status } });
});

export const POST: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const { title } = await readJsonFields(event.request, ['title']);
  return answer(await event.locals.container.resolve(MediaService).create(user.id, title), { status: 201 });
});
