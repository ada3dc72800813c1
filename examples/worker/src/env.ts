import type {
  CounterObject,
  LockObject,
  RateLimiterObject,
  SessionObject,
} from '@codex/cloudflare-clients/durable-objects';
import type { CatalogObject } from './catalog-object.js';
import type { TranscodingMessage } from './transcoding-service.js';

/** The bindings and variables of this Worker, as wrangler.jsonc and .dev.vars name them. */
export interface Env {
  readonly AUTH_SESSION_KV: KVNamespace;
  readonly CACHE_KV: KVNamespace;
  readonly CATALOG: DurableObjectNamespace<CatalogObject>;
  readonly RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>;
  readonly LOCKS: DurableObjectNamespace<LockObject>;
  readonly COUNTERS: DurableObjectNamespace<CounterObject>;
  readonly SESSIONS: DurableObjectNamespace<SessionObject>;
  readonly TRANSCODING_QUEUE: Queue<TranscodingMessage>;
  readonly MEDIA: R2Bucket;
  readonly MEDIA_BUCKET: string;
  readonly HLS_SECRET: string;
  readonly R2_ACCOUNT_ID: string;
  readonly R2_ACCESS_KEY_ID: string;
  readonly R2_SECRET_ACCESS_KEY: string;
  readonly R2_ENDPOINT?: string;
}
