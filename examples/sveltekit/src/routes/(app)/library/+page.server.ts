import type { RequestEvent } from '@sveltejs/kit';
import { requireVisitor } from '$lib/server/auth/visitor.js';
import { readFormFields } from '$lib/server/http/fields.js';
import { action, page } from '$lib/server/http/refused.js';
import { ContentService } from '$lib/server/media/content-service.js';
import { MediaService } from '$lib/server/media/media-service.js';
import type { LibraryData, LibraryForm } from '$lib/shapes.js';
import type { Actions, PageServerLoad } from './$types.js';

export const load: PageServerLoad = async (event): Promise<LibraryData> => {
  const { user } = requireVisitor(event);
  const content = event.locals.container.resolve(ContentService);
  const [own, published] = await page(() => Promise.all([content.own(user.id), content.published()]));
  return { own, published };
};

type Work = (media: MediaService, creatorId: string, fields: Record<'id' | 'title', string>) => Promise<LibraryForm>;

/** An action on the visitor's own media: the names of its fields, and what it does with them. */
function mediaAction(names: readonly ('id' | 'title')[], work: Work) {
  return async (event: RequestEvent) => {
    const { user } = requireVisitor(event);
    let id: string | undefined;
    return action(
      event,
      async () => {
        const none: Record<'id' | 'title', string> = { id: '', title: '' };
        const fields = Object.assign(none, await readFormFields(event.request, names));
        id = fields.id === '' ? undefined : fields.id;
        return work(event.locals.container.resolve(MediaService), user.id, fields);
      },
      (message): LibraryForm => ({ ok: false, message, ...(id !== undefined && { id }) }),
    );
  };
}

export const actions = {
  create: mediaAction(['title'], async (media, creatorId, { title }) => {
    const card = await media.create(creatorId, title);
    return { ok: true, message: `“${card.title}” was made. Now upload its film.`, id: card.id };
  }),
  publish: mediaAction(['id'], async (media, creatorId, { id }) => {
    const { title } = await media.publish(creatorId, id);
    return { ok: true, message: `“${title}” is published.`, id };
  }),
  unpublish: mediaAction(['id'], async (media, creatorId, { id }) => {
    const { title } = await media.unpublish(creatorId, id);
    return { ok: true, message: `“${title}” is yours alone again.`, id };
  }),
  rename: mediaAction(['id', 'title'], async (media, creatorId, { id, title }) => {
    const card = await media.rename(creatorId, id, title);
    return { ok: true, message: `It is called “${card.title}” now.`, id };
  }),
  remove: mediaAction(['id'], async (media, creatorId, { id }) => {
    await media.remove(creatorId, id);
    return { ok: true, message: 'It was deleted, with all of its files.', id };
  }),
} satisfies Actions;
