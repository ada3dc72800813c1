import { requireUser } from '$lib/server/auth/visitor.js';
import { readJsonFields } from '$lib/server/http/fields.js';
import { answer, api } from '$lib/server/http/refused.js';
import { UploadService } from '$lib/server/media/upload-service.js';
import type { RequestHandler } from './$types.js';

export const POST: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  const { key } = await readJsonFields(event.request, ['key']);
  return answer(await event.locals.container.resolve(UploadService).complete(user.id, event.params.id, key));
});
