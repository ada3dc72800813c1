import { encryptedCodec } from '@codex/cloudflare-clients';
import { betterAuthStorage } from '@codex/cloudflare-clients/adapters/better-auth';

export function storageOf(env: Env) {
  const codec = encryptedCodec({ keys: { '2026a': env.AUTH_KEY }, current: '2026a' });
  return betterAuthStorage(env.SESSIONS, { codec });
}

export {};
