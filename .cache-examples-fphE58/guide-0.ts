import { betterAuth } from 'better-auth';
import { betterAuthStorage } from '@codex/cloudflare-clients/adapters/better-auth';

export function createAuth(env: Env) {
  return betterAuth({
    secret: env.AUTH_SECRET,
    secondaryStorage: betterAuthStorage(env.SESSIONS, { pepper: env.AUTH_PEPPER }),
    session: { storeSessionInDatabase: true },
    advanced: { ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] } },
  });
}

export {};
