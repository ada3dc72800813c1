import type { betterAuth as BetterAuth, SecondaryStorage } from 'better-auth';
import type { memoryAdapter as MemoryAdapter, MemoryDB } from 'better-auth/adapters/memory';
import type { magicLink as MagicLink } from 'better-auth/plugins';

/** The parts of Better Auth, wherever they were loaded from. */
export interface BetterAuthParts {
  readonly betterAuth: typeof BetterAuth;
  readonly memoryAdapter: typeof MemoryAdapter;
  readonly magicLink: typeof MagicLink;
}

/** How an app of the tests differs from another. */
export interface AuthVariant {
  /** Whether it limits rates, by Better Auth's own rules: three sign-ins in ten seconds. */
  readonly isLimited?: boolean;
  readonly storesSessionInDatabase?: boolean;
}

/** What an app stands on. */
export interface AuthGround {
  readonly storage: SecondaryStorage;
  readonly db: MemoryDB;
  /** Where the tokens of magic links go that were sent. */
  readonly links: string[];
}

export const BASE_URL = 'http://localhost:3000';

/** An empty database. */
export function emptyDatabase(): MemoryDB {
  return { user: [], session: [], account: [], verification: [], rateLimit: [] };
}

/** An app with Better Auth as it comes, but for a password hash that costs nothing. */
export function makeAuth(parts: BetterAuthParts, ground: AuthGround, variant: AuthVariant = {}) {
  const { betterAuth, memoryAdapter, magicLink } = parts;
  return betterAuth({
    baseURL: BASE_URL,
    secret: 'a secret of the tests, which is long enough',
    database: memoryAdapter(ground.db),
    secondaryStorage: ground.storage,
    session: { storeSessionInDatabase: variant.storesSessionInDatabase ?? false },
    emailAndPassword: {
      enabled: true,
      password: {
        hash: async (password) => `hash of ${password}`,
        verify: async ({ hash, password }) => hash === `hash of ${password}`,
      },
    },
    rateLimit: { enabled: variant.isLimited ?? false },
    advanced: { ipAddress: { ipAddressHeaders: ['cf-connecting-ip'] } },
    plugins: [magicLink({ sendMagicLink: async ({ token }) => void ground.links.push(token) })],
    logger: { disabled: true },
    telemetry: { enabled: false },
  });
}
