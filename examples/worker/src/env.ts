import type {
  CounterObject,
  LockObject,
  RateLimiterObject,
  SessionObject,
} from '@codex/cloudflare-clients/durable-objects';
import type { TranscodingJob } from './transcoding-service.js';

/** The bindings and variables of this Worker, as wrangler.jsonc and .dev.vars name them. */
export interface Env {
  readonly DB: D1Database;
  readonly AUTH_SESSION_KV: KVNamespace;
  readonly CACHE_KV: KVNamespace;
  readonly RATE_LIMITER: DurableObjectNamespace<RateLimiterObject>;
  readonly LOCKS: DurableObjectNamespace<LockObject>;
  readonly COUNTERS: DurableObjectNamespace<CounterObject>;
  readonly SESSIONS: DurableObjectNamespace<SessionObject>;
  readonly TRANSCODING_QUEUE: Queue<TranscodingJob>;
  /** The transcoder: `POST /` with `{ bucket, key }`, answered with lines of JSON. */
  readonly TRANSCODER: Fetcher;
  readonly MEDIA: R2Bucket;
  readonly MEDIA_BUCKET: string;
  /** Where the hourly run copies everything. */
  readonly BACKUP_BUCKET: string;
  /** Origins of the pages that upload straight into the bucket, separated by commas. */
  readonly PUBLIC_ORIGINS: string;
  readonly HLS_SECRET: string;
  /** What the account service signs its webhooks with. */
  readonly ACCOUNTS_WEBHOOK_SECRET: string;
  readonly R2_ACCOUNT_ID: string;
  readonly R2_ACCESS_KEY_ID: string;
  readonly R2_SECRET_ACCESS_KEY: string;
  readonly R2_ENDPOINT?: string;
}
