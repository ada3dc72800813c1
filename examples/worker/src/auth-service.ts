import { Injectable, RATE_LIMITER_CLIENT, SESSION_CACHE_CLIENT } from '@codex/cloudflare-clients';
import type {
  CachedSession,
  RateLimitConfig,
  RateLimiterClient,
  RateLimitResult,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import type { Database, StoredSession } from './database.js';
import { logFailure } from './log.js';
import { hashPassword, hashToken, isPassword, newToken, NO_HASH } from './password.js';
import { DATABASE } from './tokens.js';

/** Sessions last as long as the session cache keeps them: 24 hours. */
export const SESSION_SECONDS = 86_400;
/** The log is exact to the millisecond and small, as the limit is. */
const LOGIN_RULE: RateLimitConfig = {
  limit: 5,
  window: 900,
  keyPrefix: 'rl:login:',
  name: 'login',
  algorithm: 'sliding-log',
};

/** Who tries to log in, and from where. */
export interface Credentials {
  readonly email: string;
  readonly password: string;
  readonly ip: string;
}

/** How a login went. */
export type LoginResult =
  | { readonly status: 'welcome'; readonly token: string }
  | { readonly status: 'wrong' }
  | { readonly status: 'limited'; readonly attempt: RateLimitResult };

/** Accounts and sessions. The database owns the sessions; the cache in front of it answers for it on most requests. */
@Injectable(DATABASE, SESSION_CACHE_CLIENT, RATE_LIMITER_CLIENT)
export class AuthService {
  constructor(
    private readonly database: Database,
    private readonly sessions: SessionCacheClient,
    private readonly limiter: RateLimiterClient,
  ) {}

  /** The id of the new user; `null` when the address is taken. */
  async signUp(email: string, name: string, password: string): Promise<string | null> {
    const id = crypto.randomUUID();
    const user = { id, email: normalize(email), name, passwordHash: await hashPassword(password) };
    return (await this.database.addUser(user)) ? id : null;
  }

  /** Counts every attempt on an account from an address before it looks at the password. */
  async login({ email, password, ip }: Credentials): Promise<LoginResult> {
    const identifier = `${ip}:${await hashToken(normalize(email))}`;
    const attempt = await this.limiter.checkLimit(identifier, LOGIN_RULE);
    if (!attempt.allowed) return { status: 'limited', attempt };

    const user = await this.database.findUser(normalize(email));
    const isRight = await isPassword(password, user?.passwordHash ?? NO_HASH);
    if (user === null || !isRight) return { status: 'wrong' };

    await withoutFailing('login attempts not reset', this.limiter.reset(identifier, LOGIN_RULE.keyPrefix));
    return { status: 'welcome', token: await this.open(user.id) };
  }

  /** The session of a token: from the cache, else from the database, which then fills the cache. */
  async find(token: string): Promise<CachedSession | null> {
    const cached = await this.sessions.get(token);
    if (cached !== null) return cached;
    return this.fill(token, await this.database.findSession(await hashToken(token)));
  }

  /** Ends a session: in the database first, so that nothing can fill the cache again. A cache that fails is an error here. */
  async logout(token: string): Promise<void> {
    const userId = await this.database.deleteSession(await hashToken(token));
    // The objects are by user; a cookie that the database does not know belongs to nobody.
    if (userId !== null) await this.sessions.delete(token, { userId });
  }

  /** Ends every session of a user, on all devices: from the next request on, wherever it comes from. */
  async logoutEverywhere(userId: string): Promise<number> {
    const ended = await this.database.deleteSessionsOf(userId);
    await this.sessions.deleteAllForUser(userId);
    return ended;
  }

  private async open(userId: string): Promise<string> {
    const token = newToken();
    const expiresAt = new Date(Date.now() + SESSION_SECONDS * 1000).toISOString();
    const session = { id: crypto.randomUUID(), userId, tokenHash: await hashToken(token), expiresAt };
    await this.fill(token, await this.database.addSession(session));
    return token;
  }

  private async fill(token: string, stored: StoredSession | null): Promise<CachedSession | null> {
    if (stored === null) return null;
    const session: CachedSession = { session: { ...stored.session, token }, user: stored.user };
    await this.sessions.set(token, session);
    return session;
  }
}

function normalize(email: string): string {
  return email.trim().toLowerCase();
}

/** The visitor is let in all the same. */
async function withoutFailing(what: string, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    logFailure(what, error);
  }
}
