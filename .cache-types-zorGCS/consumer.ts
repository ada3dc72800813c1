
import { CacheClient, RateLimiterClient, SessionCacheClient, KVClient, R2Client, createRequestContainer, CACHE_CLIENT } from '@codex/cloudflare-clients';
import { MemoryKVNamespace } from '@codex/cloudflare-clients/testing';
import type { KVNamespace, R2Bucket } from 'workers-types-v5';
interface Env { CACHE_KV: KVNamespace; AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; MEDIA: R2Bucket }
export async function handler(env: Env): Promise<number | null> {
  new SessionCacheClient(env.AUTH_SESSION_KV);
  new RateLimiterClient(env.RATE_LIMIT_KV);
  new KVClient(env.CACHE_KV);
  new CacheClient(new MemoryKVNamespace());
  new R2Client({ accountId: 'a', accessKeyId: 'b', secretAccessKey: 'c' });
  new R2Client({ bindings: { media: env.MEDIA } });
  const container = createRequestContainer(env);
  const cache: CacheClient = container.resolve(CACHE_CLIENT);
  return new CacheClient(env.CACHE_KV).get<number>(await cache.getOrSet('cache:a:b', 60, async () => 'k'));
}
