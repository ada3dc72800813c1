import { hashToken } from '$lib/server/auth/password.js';
import { requireVisitor } from '$lib/server/auth/visitor.js';
import { toCard } from '$lib/server/data/media-table.js';
import { page } from '$lib/server/http/refused.js';
import { MediaService } from '$lib/server/media/media-service.js';
import { PlaybackService } from '$lib/server/media/playback-service.js';
import type { WatchData } from '$lib/shapes.js';
import type { PageServerLoad } from './$types.js';

export const load: PageServerLoad = async (event): Promise<WatchData> => {
  const { user, session } = requireVisitor(event);
  const { container } = event.locals;
  return page(async () => {
    const media = await container.resolve(MediaService).visible(user.id, event.params.id);
    const playback = await container.resolve(PlaybackService).prepare(media, await hashToken(session.token));
    return { media: toCard(media), playback, isOwn: media.creatorId === user.id };
  });
};
