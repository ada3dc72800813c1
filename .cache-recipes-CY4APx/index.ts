import {
  CacheClient,
  createContainer,
  isCloudflareClientError,
  provideCloudflareClients,
} from '@codex/cloudflare-clients';
import { containerMiddleware, type ContainerVariables } from '@codex/cloudflare-clients/hono';
import { Hono } from 'hono';

const clients = createContainer(provideCloudflareClients());
const app = new Hono<{ Bindings: Env; Variables: ContainerVariables }>();

app.use(containerMiddleware(clients));
app.get('/items/:category', async (c) => {
  const category = c.req.param('category');
  const cache = c.var.container.resolve(CacheClient);
  return c.json(await cache.getOrSet(`cache:items:${category}`, 300, async () => [`the newest of ${category}`]));
});
app.onError((error, c) => {
  const status = isCloudflareClientError(error, 'INVALID_KEY') ? 400 : 500;
  return c.json({ code: isCloudflareClientError(error) ? error.code : 'UNKNOWN' }, status);
});

export default app;

export { RateLimiterObject } from '@codex/cloudflare-clients/durable-objects';
