import { requireUser } from '$lib/server/auth/visitor.js';
import { api } from '$lib/server/http/refused.js';
import { UploadService } from '$lib/server/media/upload-service.js';
import type { RequestHandler } from './$types.js';

const handle: RequestHandler = api(async (event) => {
  const { user } = requireUser(event);
  return event.locals.container.resolve(UploadService).sign(user.id, event.params.id, event.request);
});

export { handle as DELETE, handle as GET, handle as POST };
