import { CloudflareClientError } from '../../../errors.js';
import type { EventSink, SessionMissEvent } from '../../../events.js';
import { report } from '../../../internal/report.js';
import { sha256 } from '../../../internal/sha256.js';
import { readMetadata } from '../cache/cache-entry.js';
import { checkKey, findKeyFault } from '../key.js';
import { KVAccess } from '../kv-access.js';
import type { KVEntryLike, KVNamespaceLike } from '../kv-namespace.js';
import type { OperationBudget } from '../operation-budget.js';
import type { CachedSession } from './session.js';
import { findSessionFault, pickSession, revokedKey } from './session.js';
import { nativeTtl } from '../ttl.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const MAX_TTL_MS = 86_400_000;
// Longer than any entry that it has to outlive.
const REVOKED_TTL_SECONDS = MAX_TTL_MS / 1000 + 60;

/** Options of `SessionCacheClient`. */
export interface SessionCacheClientOptions {
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** Where hits, misses and failures are reported; no event holds a token. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /**
   * How many KV operations may be made, shared with the other clients of the request.
   *
   * @default none with `new`; 1,000 per request scope
   */
  readonly budget?: OperationBudget | undefined;
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Whether entries are kept under the SHA-256 of the token, and without it inside, so that who can read the namespace cannot
   * take over sessions. Entries of the two ways do not see one another.
   *
   * @default false
   */
  readonly hashKeys?: boolean;
}

/**
 * Sessions in Workers KV, in front of the database that owns them. Whatever is doubtful is a miss, never a login: an entry
 * that is corrupt, of another shape, for another token, expired or revoked, and a KV that fails or does not answer.
 *
 * KV is eventually consistent: until a `delete` or `deleteAllForUser` is seen everywhere, other locations can serve the session
 * for 60 seconds and more. https://developers.cloudflare.com/kv/concepts/how-kv-works/ Where that is too long, ask the
 * database. End a session in the database first, then here: a request that still reads it there can cache it again.
 *
 * @example
 * ```ts
 * const sessions = new SessionCacheClient(env.AUTH_SESSION_KV, { hashKeys: true });
 * const cached = await sessions.get(token);
 * if (cached === null) await sessions.set(token, await loadSession(token));
 * ```
 */
export class SessionCacheClient {
  readonly #access: KVAccess;
  readonly #events: EventSink | undefined;
  readonly #now: () => number;
  readonly #hashKeys: boolean;

  constructor(namespace: KVNamespaceLike, options: SessionCacheClientOptions = {}) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS, events, budget, now = Date.now, hashKeys = false } = options;
    this.#access = new KVAccess(namespace, { source: 'session', timeoutMs, events, budget, secretKeys: true });
    this.#events = events;
    this.#now = now;
    this.#hashKeys = hashKeys;
  }

  /**
   * Keeps a session until it expires, at most 24 hours. One that has expired is not written; an entry that it has is deleted.
   *
   * A write that KV refuses or does not answer is a `client.error` event and no failure: the database still has the session,
   * and requests that fill one key at the same time make KV refuse all but the first (one write per second per key). To take
   * something away from a user, a role for example, `delete` the session: a delete that fails is thrown.
   *
   * @param token a string that is not empty; with `session:` before it at most 512 UTF-8 bytes.
   * @param value the session and its user; `session.token` is `token`, `session.userId` is `user.id`. Only known fields are kept.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_VALUE` (naming the field) before anything is written; for a session
   *   that has expired `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`. No message holds the token or the user's data.
   */
  async set(token: string, value: CachedSession): Promise<void> {
    checkToken(token);
    const fault = findSessionFault(value, token);
    if (fault !== null) throw new CloudflareClientError('INVALID_VALUE', `${fault}: the session was not cached.`);
    const now = this.#now();
    const ttlMs = Math.min(Date.parse(value.session.expiresAt) - now, MAX_TTL_MS);
    const key = await this.#keyOf(token);
    if (ttlMs <= 0) {
      await this.#access.remove(key);
      return;
    }
    try {
      await this.#access.write(key, this.#encode(pickSession(value)), {
        expirationTtl: nativeTtl(ttlMs / 1000),
        metadata: { v: 1, c: now, e: now + ttlMs },
      });
    } catch (error) {
      this.#access.reportFailure('write', key, error);
    }
  }

  /**
   * Reads a session.
   *
   * @param token what the visitor sent. A string that no session can have (empty, too long for KV) is a miss without a read:
   *   a visitor's cookie must not decide between an answer and an error.
   * @returns the session as it was stored, or `null`: absent, expired, revoked, corrupt, or KV failing. Never throws for what
   *   is stored or for KV.
   * @throws {CloudflareClientError} `INVALID_KEY` when `token` is not a string.
   */
  async get(token: string): Promise<CachedSession | null> {
    if (typeof token !== 'string') checkToken(token);
    const found = findTokenFault(token) === null ? await this.#find(await this.#keyOf(token), token) : 'absent';
    if (typeof found !== 'string') {
      if (this.#events !== undefined) report(this.#events, { type: 'session.hit' });
      return found;
    }
    if (this.#events !== undefined) report(this.#events, { type: 'session.miss', reason: found });
    return null;
  }

  /**
   * Forgets one session, on logout. A missing one is no failure.
   *
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`: then it can still be served.
   */
  async delete(token: string): Promise<void> {
    checkToken(token);
    await this.#access.remove(await this.#keyOf(token));
  }

  /**
   * Ends every cached session of a user: those cached up to now are not served any more, later ones are. One write, however
   * many sessions there are; it is kept for 24 hours and a minute, longer than any of them.
   *
   * @param userId a string that is not empty; with `session-revoked:` before it at most 512 UTF-8 bytes.
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_WRITE_FAILED`, `KV_TIMEOUT`; `KV_RATE_LIMITED` when this was done less than
   *   a second ago.
   */
  async deleteAllForUser(userId: string): Promise<void> {
    checkKey(userId);
    const key = revokedKey(userId);
    checkKey(key);
    await this.#access.write(key, String(this.#now()), { expirationTtl: REVOKED_TTL_SECONDS });
  }

  async #find(key: string, token: string): Promise<CachedSession | SessionMissEvent['reason']> {
    let entry: KVEntryLike | null | undefined;
    try {
      entry = await this.#access.readEntry(key);
    } catch (cause) {
      this.#access.reportFailure('read', key, cause);
      return 'error';
    }
    // Some doubles answer nothing at all for an absent key.
    const text = (entry as Partial<KVEntryLike> | null | undefined)?.value ?? null;
    if (text === null) return 'absent';
    const record = readMetadata(entry.metadata);
    const value = this.#decode(text, token);
    if (record === 'corrupt' || value === null) return 'corrupt';
    // An entry without our metadata was written by something else, and counts as older than any revocation.
    const { c: cachedAt, e: expiresAt } = record ?? { c: 0, e: Infinity };
    const now = this.#now();
    if (now >= expiresAt || now >= Date.parse(value.session.expiresAt)) return 'expired';
    return (await this.#findRevocation(value.user.id, cachedAt)) ?? value;
  }

  async #findRevocation(userId: string, cachedAt: number): Promise<'revoked' | 'corrupt' | 'error' | null> {
    const key = revokedKey(userId);
    let revokedAt: string | null;
    try {
      revokedAt = await this.#access.read(key);
    } catch (cause) {
      this.#access.reportFailure('read', key, cause);
      return 'error';
    }
    if (revokedAt === null) return null;
    if (!/^\d+(\.\d+)?$/.test(revokedAt)) return 'corrupt';
    return cachedAt <= Number(revokedAt) ? 'revoked' : null;
  }

  async #keyOf(token: string): Promise<string> {
    return this.#hashKeys ? `session:sha256:${await sha256(token)}` : plainKey(token);
  }

  #encode(value: CachedSession): string {
    if (!this.#hashKeys) return JSON.stringify(value);
    const { token: _token, ...session } = value.session;
    return JSON.stringify({ session, user: value.user });
  }

  #decode(text: string, token: string): CachedSession | null {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return null;
    }
    if (this.#hashKeys && !restoreToken(value, token)) return null;
    return findSessionFault(value, token) === null ? pickSession(value as CachedSession) : null;
  }
}

function plainKey(token: string): string {
  return `session:${token}`;
}

function findTokenFault(token: unknown): string | null {
  return findKeyFault(token === '' || typeof token !== 'string' ? token : plainKey(token));
}

function checkToken(token: unknown): asserts token is string {
  const fault = findTokenFault(token);
  if (fault !== null) throw new CloudflareClientError('INVALID_KEY', `The key of this session token ${fault}`);
}

/** An entry under a hash holds no token: one that does was not written under it. */
function restoreToken(value: unknown, token: string): boolean {
  const session = (value as { session?: Record<string, unknown> | null } | null)?.session;
  if (typeof session !== 'object' || session === null || 'token' in session) return false;
  session['token'] = token;
  return true;
}
