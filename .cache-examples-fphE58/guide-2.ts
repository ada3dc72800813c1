import { memorySessions } from '@codex/cloudflare-clients';
import { betterAuthStorage } from '@codex/cloudflare-clients/adapters/better-auth';

const secondaryStorage = betterAuthStorage(memorySessions());

export {};
