import { error } from '@sveltejs/kit';
import { MetricsService } from '$lib/server/admin/metrics-service.js';
import { StorageService } from '$lib/server/admin/storage-service.js';
import { requireVisitor } from '$lib/server/auth/visitor.js';
import { page } from '$lib/server/http/refused.js';
import type { AdminData } from '$lib/shapes.js';
import type { PageServerLoad } from './$types.js';

const DEFAULT_MINUTES = 60;
const MIN_MINUTES = 15;
const MAX_MINUTES = 1440;

export const load: PageServerLoad = async (event): Promise<AdminData> => {
  const { user } = requireVisitor(event);
  if (user.role !== 'owner') error(403, 'This page is for the owner of Codex.');
  const { container } = event.locals;
  return page(async () => {
    const [metrics, { storage, cache }] = await Promise.all([
      container.resolve(MetricsService).lastMinutes(minutesOf(event.url)),
      container.resolve(StorageService).byCreator(),
    ]);
    return { ...metrics, storage, storageCache: cache };
  });
};

function minutesOf(url: URL): number {
  const asked = Math.trunc(Number(url.searchParams.get('minutes') ?? DEFAULT_MINUTES));
  return Number.isNaN(asked) ? DEFAULT_MINUTES : Math.min(MAX_MINUTES, Math.max(MIN_MINUTES, asked));
}
