/** The bindings and variables of this app, as wrangler.jsonc and .dev.vars name them. */
export interface Env {
  readonly AUTH_SESSION_KV: KVNamespace;
  readonly CACHE_KV: KVNamespace;
  readonly DB: D1Database;
  readonly MEDIA: R2Bucket;
  readonly RATE_LIMITER: DurableObjectNamespace;
  readonly LOCKS: DurableObjectNamespace;
  readonly COUNTERS: DurableObjectNamespace;
  readonly SESSIONS: DurableObjectNamespace;
  readonly TRANSCODING_QUEUE: Queue;
  readonly MEDIA_BUCKET: string;
  readonly HLS_SECRET: string;
  readonly R2_ACCOUNT_ID: string;
  readonly R2_ACCESS_KEY_ID: string;
  readonly R2_SECRET_ACCESS_KEY: string;
  readonly R2_ENDPOINT?: string;
  /** Whoever signs up with this address becomes the owner; nobody does when it is empty. */
  readonly ADMIN_EMAIL?: string;
}
