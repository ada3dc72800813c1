
import type { KVNamespace, R2Bucket } from '@cloudflare/workers-types';
declare global {
  interface Env {
    AUTH_SESSION_KV: KVNamespace; RATE_LIMIT_KV: KVNamespace; CACHE_KV: KVNamespace;
    R2_ACCOUNT_ID: string; R2_ACCESS_KEY_ID: string; R2_SECRET_ACCESS_KEY: string;
  }
  interface Env { ANALYTICS: AnalyticsEngineDataset; MEDIA: R2Bucket }
  interface Env { HLS_SECRET: string; HLS_OLD_SECRET: string }
  interface Env { RATE_LIMITER: DurableObjectNamespace; FLOOD_FILTER: RateLimit; LOCKS: DurableObjectNamespace }
  interface Env { COUNTERS: DurableObjectNamespace; SESSIONS: DurableObjectNamespace }
  interface Env { AUTH_SECRET: string; AUTH_PEPPER: string; AUTH_KEY: string }
  function verifyPassword(email: string, password: string): Promise<boolean>;
  function fetchFront(signal: AbortSignal): Promise<string[]>;
  function openDatabase(env: object): { titles(): Promise<string[]> };
}
export {};

export {};
