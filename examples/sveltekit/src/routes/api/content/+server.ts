import { answer, api } from '$lib/server/http/refused.js';
import { ContentService } from '$lib/server/media/content-service.js';
import type { RequestHandler } from './$types.js';

export const GET: RequestHandler = api(async ({ locals }) => {
  const list = await locals.container.resolve(ContentService).published();
  return answer(list, { headers: { 'x-cache': list.cache.status } });
});
