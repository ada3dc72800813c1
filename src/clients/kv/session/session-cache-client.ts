import type { KVNamespaceLike } from '../kv-namespace.js';
import { SessionContext } from './session-context.js';
import { SessionEnder } from './session-ender.js';
import { SessionFinder } from './session-finder.js';
import { checkToken } from './session-keys.js';
import { SessionLister } from './session-lister.js';
import type {
  GetOrLoadSessionOptions,
  SessionLoader,
  SessionLookup,
  SessionSummary,
  SessionUserOptions,
} from './session-lookup.js';
import { resolveSessionOptions } from './session-options.js';
import type { SessionCacheClientOptions } from './session-options.js';
import { SessionReader } from './session-reader.js';
import { checkLoadedAt, checkSession, SessionWriter } from './session-writer.js';
import type { SetSessionOptions } from './session-writer.js';
import type { CachedSession } from './session.js';
import { pickSession } from './session.js';
import { StrongRevocations } from './strong-revocations.js';

/**
 * Sessions in Workers KV, in front of the database that owns them. Whatever is doubtful is a miss, never a login: an entry
 * that is corrupt, of another shape, for another token, expired or ended, and a KV that fails or does not answer.
 *
 * KV is eventually consistent: until an end is seen everywhere, other locations can serve the session for 60 seconds and more
 * (https://developers.cloudflare.com/kv/concepts/how-kv-works/). With `revocations`, the Durable Objects of `SessionObject`, an end counts everywhere
 * at once. `lookup` says how far a session can be relied on. End a session in the database first, then here.
 *
 * What ends a session is a mark under a key of its own, which no later write of an entry undoes, and every read reads marks along.
 *
 * @example
 * ```ts
 * const sessions = new SessionCacheClient(env.AUTH_SESSION_KV, { hashKeys: true, revocations: env.SESSIONS });
 * const found = await sessions.getOrLoad(token, loadSession);
 * const status = found === null ? 401 : 200;
 * ```
 */
export class SessionCacheClient {
  readonly #context: SessionContext;
  readonly #reader: SessionReader;
  readonly #writer: SessionWriter;
  readonly #ender: SessionEnder;
  readonly #lister: SessionLister;

  /**
   * Makes a client.
   *
   * @param namespace the KV namespace of sessions.
   * @param options see `SessionCacheClientOptions`.
   * @throws {CloudflareClientError} `INVALID_BINDING`, `INVALID_OPTION`.
   */
  constructor(namespace: KVNamespaceLike, options: SessionCacheClientOptions = {}) {
    const context = new SessionContext(namespace, resolveSessionOptions(options));
    const revocations =
      options.revocations === undefined ? undefined : new StrongRevocations(context, options.revocations);
    const finder = new SessionFinder(context);
    this.#context = context;
    this.#writer = new SessionWriter(context);
    this.#reader = new SessionReader(context, { finder, writer: this.#writer, revocations });
    this.#ender = new SessionEnder(context, { finder, revocations });
    this.#lister = new SessionLister(context, revocations);
  }

  /**
   * Keeps a session until it expires, at most 24 hours from when it was read from the database. One that has expired is not written; an entry that
   * it has is deleted. A session that was ended after it was issued (`session.createdAt`, else `loadedAt`) is not served, whenever it is written.
   *
   * A write that KV refuses or does not answer is a `client.error` event and no failure: the database still has the session,
   * and requests that fill one key at the same time make KV refuse all but the first (one write per second per key). To take
   * something away from a user, a role for example, `delete` the session: a delete that fails is thrown.
   *
   * @param token a string that is not empty; with `session:` before it at most 512 UTF-8 bytes.
   * @param value the session and its user; `session.token` is `token`, `session.userId` is `user.id`. Only known fields are kept.
   * @param options when the session was read from the database.
   * @throws {CloudflareClientError} `INVALID_KEY`, `INVALID_VALUE` (naming the field), `INVALID_ARGUMENT` before anything is written; for a session
   *   that has expired `KV_DELETE_FAILED`, `KV_RATE_LIMITED`, `KV_TIMEOUT`. No message holds the token or the user's data.
   */
  async set(token: string, value: CachedSession, options: SetSessionOptions = {}): Promise<void> {
    checkToken(token);
    checkSession(value, token);
    const now = this.#context.now();
    const entry = this.#writer.entryOf(value, checkLoadedAt(options.loadedAt, now));
    const names = await this.#context.keys.of(token);
    if (entry.endsAt > now) await this.#writer.write(names, value, entry);
    else await Promise.all(names.entryKeys.map((key) => this.#context.access.remove(key)));
  }

  /**
   * Reads a session. One KV operation where its user is known, by `userId` or because this isolate served it before; two the first time, and one
   * for a miss. With `revocations` one object call more for what KV has.
   *
   * @param token what the visitor sent. A string that no session can have (empty, too long for KV) is a miss without a read:
   *   a visitor's cookie must not decide between an answer and an error.
   * @param options whose session it is, where that is known.
   * @returns the session as it was stored, or `null`: absent, expired, ended, corrupt, or KV failing. Never throws for what
   *   is stored or for KV, nor for an object that fails.
   * @throws {CloudflareClientError} `INVALID_KEY` when `token` is not a string.
   */
  async get(token: string, options?: SessionUserOptions): Promise<CachedSession | null> {
    const found = await this.#reader.lookup(token, options);
    return found === null ? null : pickSession(found);
  }

  /**
   * As `get`, and says how far the session can be relied on.
   *
   * @param token what the visitor sent.
   * @param options whose session it is, where that is known.
   * @returns the session, where it comes from, and for how long its end can have gone unnoticed; `null` as `get`.
   * @throws {CloudflareClientError} `INVALID_KEY` when `token` is not a string.
   */
  async lookup(token: string, options?: SessionUserOptions): Promise<SessionLookup | null> {
    return this.#reader.lookup(token, options);
  }

  /**
   * As `lookup`, and reads from the database what the cache does not have. A session that is ended while it is read is not served and not kept:
   * marks are read again after the load, unless KV failed before it: then what was loaded is served and not kept. Requests that miss at the same time load each for itself.
   *
   * @param token what the visitor sent.
   * @param loader reads the session from the database; what it throws is thrown. Not asked about a string that no session can have.
   * @param options whose session it is, and whether the database is asked in any case.
   * @returns the session; `null` when the loader has none, or one that has expired, or it was ended meanwhile.
   * @throws {CloudflareClientError} `INVALID_KEY` when `token` is not a string; `INVALID_VALUE` for what the loader answers and is no session for
   *   this token; `REVOCATION_FAILED` when it was loaded, its user's object cannot be asked, and `onRevocationError` is `closed`.
   */
  async getOrLoad(
    token: string,
    loader: SessionLoader,
    options?: GetOrLoadSessionOptions,
  ): Promise<SessionLookup | null> {
    return this.#reader.getOrLoad(token, loader, options);
  }

  /**
   * Ends one session, on logout. A missing one is no failure. What was issued up to now under this token is not served any more, even if it is
   * written later.
   *
   * @param token the token of the session.
   * @param options whose session it is: with `revocations` needed where KV has no entry that says so.
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_WRITE_FAILED`, `KV_RATE_LIMITED` (it was done less than a second ago), `KV_TIMEOUT`: then it
   *   can still be served. With `revocations` `REVOCATION_FAILED`, also when it is not known whose session it is: then KV was told alone. What KV says
   *   is reported.
   */
  async delete(token: string, options?: SessionUserOptions): Promise<void> {
    await this.#ender.delete(token, options);
  }

  /**
   * Ends every session of a user: those issued up to now are not served any more, later ones are. One write, however
   * many sessions there are; it is kept for two days, longer than any of them is cached.
   *
   * @param userId a string that is not empty; with `session-revoked:` before it at most 512 UTF-8 bytes.
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_WRITE_FAILED`, `KV_TIMEOUT`; `KV_RATE_LIMITED` when this was done less than
   *   a second ago. With `revocations` `REVOCATION_FAILED`; what KV says is reported alone.
   */
  async deleteAllForUser(userId: string): Promise<void> {
    await this.#ender.deleteAllForUser(userId);
  }

  /**
   * Lists the sessions of a user that were cached with the option `index` and have not ended, the newest first. KV lists what is a minute old, and
   * sessions that were not used for 24 hours are not in it: the database has the full list.
   *
   * @param userId the user.
   * @returns what is known of them; never a token.
   * @throws {CloudflareClientError} `INVALID_KEY`; `KV_LIST_FAILED`, `KV_READ_FAILED`, `KV_TIMEOUT`; `REVOCATION_FAILED` when the user's object cannot
   *   be asked and `onRevocationError` is `closed`.
   */
  async listForUser(userId: string): Promise<SessionSummary[]> {
    return this.#lister.listForUser(userId);
  }

  /**
   * Ends one session of a user by its id, so that they can end another of theirs. Needs the option `index`.
   *
   * @param userId the user who asks: a session of somebody else is not found.
   * @param sessionId the `id` that `listForUser` showed.
   * @returns whether it was found and ended. A session that began within the last minute may not be found yet.
   * @throws {CloudflareClientError} as `delete`, and `KV_LIST_FAILED`.
   */
  async deleteSession(userId: string, sessionId: string): Promise<boolean> {
    return this.#ender.deleteSession(userId, sessionId);
  }
}
