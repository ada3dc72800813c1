import { Injectable, RATE_LIMITER_CLIENT, RateLimited, SESSION_CACHE_CLIENT } from '@codex/cloudflare-clients';
import type {
  CachedSession,
  RateLimitConfig,
  RateLimiterClient,
  RateLimitResult,
  SessionCacheClient,
} from '@codex/cloudflare-clients';
import { SessionTable } from '../data/session-table.js';
import { UserTable } from '../data/user-table.js';
import { logFailure } from '../log.js';
import { Refusal } from '../refusal.js';
import { hashPassword, hashToken, isPassword, newToken, NO_HASH } from './password.js';
import type { SignedIn } from './signed-in.js';
import { ADMIN_EMAIL } from './tokens.js';

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

/** What one address may try on all accounts together: a common password tried on each of many is at the first limit of none. */
const ADDRESS_RULE: RateLimitConfig = { limit: 50, window: 900, keyPrefix: 'rl:login-address:', name: 'login-address' };

/** Where a visitor comes from. */
export interface Origin {
  /** As `ipKey` gives it. */
  readonly ip: string;
  readonly userAgent: string;
}

/** A new account, checked. */
export interface NewAccount {
  readonly name: string;
  readonly email: string;
  readonly password: string;
}

/** How a login went. */
export type LoginResult =
  | { readonly status: 'welcome'; readonly token: string; readonly user: CachedSession['user'] }
  | { readonly status: 'wrong' }
  | { readonly status: 'limited'; readonly attempt: RateLimitResult };

/** Accounts and sessions. The database owns the sessions; the cache in front of it answers for it on most requests. */
@Injectable(UserTable, SessionTable, SESSION_CACHE_CLIENT, RATE_LIMITER_CLIENT, ADMIN_EMAIL)
export class AuthService {
  constructor(
    private readonly users: UserTable,
    private readonly table: SessionTable,
    private readonly sessions: SessionCacheClient,
    readonly limiter: RateLimiterClient,
    private readonly adminEmail: string,
  ) {}

  /**
   * Opens an account, and a session with it.
   *
   * @throws {Refusal} 409 when the address is taken.
   * @throws {RateLimitExceeded} after 30 accounts an hour from one address.
   */
  @RateLimited({ limit: 30, window: 3600, keyPrefix: 'rl:signup:', name: 'signup', key: (_account, { ip }) => ip })
  async signUp(
    { name, email, password }: NewAccount,
    origin: Origin,
  ): Promise<Extract<LoginResult, { status: 'welcome' }>> {
    const address = normalize(email);
    const role = this.adminEmail !== '' && address === normalize(this.adminEmail) ? 'owner' : 'creator';
    const user = { id: crypto.randomUUID(), email: address, name, role, emailVerified: false } as const;
    const isNew = await this.users.add({ ...user, passwordHash: await hashPassword(password) });
    if (!isNew) throw new Refusal(409, 'There is an account with this address already.');
    return { status: 'welcome', token: await this.#open(user, origin), user };
  }

  /** Counts every attempt from an address, on an account and on all together, before it looks at the password. */
  async login(email: string, password: string, origin: Origin): Promise<LoginResult> {
    const address = normalize(email);
    const identifier = `${origin.ip}:${await hashToken(address)}`;
    const attempt = await this.limiter.checkLimit(identifier, LOGIN_RULE);
    if (!attempt.allowed) return { status: 'limited', attempt };
    const ofAddress = await this.limiter.checkLimit(origin.ip, ADDRESS_RULE);
    if (!ofAddress.allowed) return { status: 'limited', attempt: ofAddress };

    const row = await this.users.findByEmail(address);
    const isRight = await isPassword(password, row?.passwordHash ?? NO_HASH);
    if (row === null || !isRight) return { status: 'wrong' };

    // The visitor is let in all the same.
    await this.limiter
      .reset(identifier, LOGIN_RULE.keyPrefix)
      .catch((error: unknown) => logFailure('login attempts not reset', error));
    const { id, name, role } = row;
    const user = { id, email: address, name, role, emailVerified: false };
    return { status: 'welcome', token: await this.#open(user, origin), user };
  }

  /** The session of a token: from the cache, else from the database, which then fills the cache. */
  async find(token: string): Promise<SignedIn | null> {
    const found = await this.sessions.getOrLoad(token, async () => this.table.find(await hashToken(token), token));
    if (found === null) return null;
    return { user: found.user, session: found.session, source: found.freshness === 'loaded' ? 'database' : 'cache' };
  }

  /** Ends a session: in the database first, so that nothing can fill the cache again. A cache that fails is an error here. */
  async logout({ session }: SignedIn): Promise<void> {
    await this.table.removeByToken(await hashToken(session.token));
    await this.sessions.delete(session.token, { userId: session.userId });
  }

  /** Ends every session of a user, on all devices: from the next request on, wherever it comes from. Says how many there were. */
  async logoutEverywhere(userId: string): Promise<number> {
    const ended = await this.table.removeAllOf(userId);
    await this.sessions.deleteAllForUser(userId);
    return ended;
  }

  /**
   * Ends one session of a user by its id, on another device. The cache knows sessions by their tokens, which nobody else has: it looks in its list,
   * which in KV can be a minute old. What is not in it yet is ended with all others, as it must not go on.
   *
   * @returns what was ended; `none` when the user has no such session.
   */
  async endSession(userId: string, sessionId: string): Promise<'one' | 'all' | 'none'> {
    if (!(await this.table.remove(userId, sessionId))) return 'none';
    if (await this.sessions.deleteSession(userId, sessionId)) return 'one';
    await this.logoutEverywhere(userId);
    return 'all';
  }

  async #open(user: CachedSession['user'], { userAgent }: Origin): Promise<string> {
    const token = newToken();
    const now = Date.now();
    const session = {
      id: crypto.randomUUID(),
      userId: user.id,
      userAgent: userAgent.slice(0, 256),
      createdAt: new Date(now).toISOString(),
      expiresAt: new Date(now + SESSION_SECONDS * 1000).toISOString(),
    };
    await this.table.add({ ...session, tokenHash: await hashToken(token) });
    await this.sessions.set(token, { session: { ...session, token }, user });
    return token;
  }
}

function normalize(email: string): string {
  return email.trim().toLowerCase();
}
