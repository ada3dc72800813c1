// apps/web/src/routes/api/content/+server.ts of the seed
import { CacheClient } from '@codex/cloudflare-clients';
import { content as contentTable, db, eq } from '@codex/database';
import { json } from '@sveltejs/kit';
import type { RequestHandler } from '@sveltejs/kit';

export const GET: RequestHandler = async ({ url, platform }) => {
  const categoryId = url.searchParams.get('category');
  const kv = platform?.env?.['CACHE_KV'];

  if (!kv) {
    // No cache: fetch directly from database
    const content = await db.query.content.findMany({
      where: eq(contentTable.categoryId, categoryId),
    });
    return json(content);
  }

  // Use read-through cache pattern
  const cache = new CacheClient(kv);
  const content = await cache.getOrSet(
    `cache:content:published:${categoryId}`,
    300, // 5 min TTL
    async () =>
      db.query.content.findMany({
        where: eq(contentTable.categoryId, categoryId),
      }),
  );

  return json(content);
};
