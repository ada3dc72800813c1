import { requireVisitor } from '$lib/server/auth/visitor.js';
import { page } from '$lib/server/http/refused.js';
import { ContentService } from '$lib/server/media/content-service.js';
import { MAX_UPLOAD_BYTES, UPLOAD_TYPES } from '$lib/server/media/upload-service.js';
import type { UploadData } from '$lib/shapes.js';
import type { PageServerLoad } from './$types.js';

export const load: PageServerLoad = async (event): Promise<UploadData> => {
  const { user } = requireVisitor(event);
  const { items } = await page(() => event.locals.container.resolve(ContentService).own(user.id));
  return {
    maxBytes: MAX_UPLOAD_BYTES,
    allowedTypes: UPLOAD_TYPES,
    drafts: items.filter(({ status }) => status === 'draft'),
  };
};
