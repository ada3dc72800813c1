import {
  CacheClient,
  createContainer,
  ipKey,
  provideCloudflareClients,
  RateLimiterClient,
  tooManyRequests,
} from '@codex/cloudflare-clients';
import { defineWorker } from '@codex/cloudflare-clients/workers';

const app = createContainer(provideCloudflareClients());

export default defineWorker<Env, { creatorId: string }>(app, {
  async fetch(request, scope) {
    const client = ipKey(request.headers.get('CF-Connecting-IP'));
    const rule = { limit: 20, window: 60, keyPrefix: 'rl:api:' };
    const limit = await scope.resolve(RateLimiterClient).checkLimit(client, rule);
    if (!limit.allowed) return tooManyRequests(limit);
    const items = await scope
      .resolve(CacheClient)
      .getOrSet('cache:front', 300, async () => ['a', 'b'], { tags: ['front'] });
    return Response.json(items);
  },
  async queue(batch, scope) {
    const tags = batch.messages.map(({ body }) => `creator:${body.creatorId}`);
    await scope.resolve(CacheClient).invalidateTags([...new Set(tags)]);
  },
  async scheduled(_controller, scope) {
    await scope.resolve(CacheClient).invalidateTags(['front']);
  },
});

export { RateLimiterObject } from '@codex/cloudflare-clients/durable-objects';
