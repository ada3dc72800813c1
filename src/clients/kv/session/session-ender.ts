import { CloudflareClientError } from '../../../errors.js';
import { checkKey } from '../key.js';
import type { SessionContext } from './session-context.js';
import type { SessionFinder } from './session-finder.js';
import { indexPrefix, revokedKey, endedKey, checkToken } from './session-keys.js';
import type { SessionNames } from './session-keys.js';
import type { SessionUserOptions } from './session-lookup.js';
import { readIndex } from './session-index.js';
import { MARK_TTL_SECONDS } from './session-marks.js';
import type { StrongRevocations } from './strong-revocations.js';

/** What ends sessions is made of. */
export interface SessionEnderParts {
  readonly finder: SessionFinder;
  readonly revocations: StrongRevocations | undefined;
}

/** Ends sessions: in the user's object first, where there is one, and in KV by marks that no later entry can undo. */
export class SessionEnder {
  readonly #context: SessionContext;
  readonly #parts: SessionEnderParts;

  constructor(context: SessionContext, parts: SessionEnderParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** As `SessionCacheClient.delete` says. */
  async delete(token: string, { userId }: SessionUserOptions = {}): Promise<void> {
    checkToken(token);
    if (userId !== undefined) checkUserId(userId);
    const names = await this.#context.keys.of(token);
    await this.#end(
      async (revocations) => revocations.endSession(userId ?? (await this.#userOf(names, token)), names.ids),
      () => this.#mark(names.ids, names.entryKeys),
    );
    this.#context.report({ type: 'session.revoked', scope: 'session' });
  }

  /** As `SessionCacheClient.deleteAllForUser` says. */
  async deleteAllForUser(userId: string): Promise<void> {
    checkUserId(userId);
    await this.#end(
      (revocations) => revocations.endAll(userId),
      () => this.#writeMark(revokedKey(userId)),
    );
    this.#context.report({ type: 'session.revoked', scope: 'user' });
  }

  /** As `SessionCacheClient.deleteSession` says. */
  async deleteSession(userId: string, sessionId: string): Promise<boolean> {
    checkUserId(userId);
    const { access, keys } = this.#context;
    const prefix = indexPrefix(userId);
    const entries = await readIndex(this.#context, userId).catch((cause: unknown) => {
      throw access.failure('list', prefix, cause);
    });
    const ids = entries.filter(({ record }) => record.id === sessionId).map(({ id }) => id);
    if (ids.length === 0) return false;
    const entryKeys = ids.map((id) => keys.entryKeyOf(id)).filter((key) => key !== null);
    await this.#end(
      (revocations) => revocations.endSession(userId, ids),
      () => this.#mark(ids, [...entryKeys, ...ids.map((id) => prefix + id)]),
    );
    this.#context.report({ type: 'session.revoked', scope: 'session' });
    return true;
  }

  /**
   * Ends something in the object, then in KV. When the object fails, or it is not known which one it is, KV is told all the same, for what it is
   * worth, and the failure is thrown. When KV fails after the object was told nothing is served any more, unless KV may decide alone.
   */
  async #end(inObject: (revocations: StrongRevocations) => Promise<void>, inKV: () => Promise<void>): Promise<void> {
    const { revocations } = this.#parts;
    try {
      if (revocations !== undefined) await inObject(revocations);
    } catch (failure) {
      await inKV().catch(() => undefined);
      throw failure;
    }
    try {
      await inKV();
    } catch (error) {
      if (revocations === undefined || this.#context.options.onRevocationError === 'open') throw error;
      this.#context.reportError('write', error, 'KV_WRITE_FAILED');
    }
  }

  /**
   * Marks a session as ended, and drops what is stored of it: dropped alone, a load that is under way would bring it back. What is marked is
   * served no more whether it is dropped or not.
   */
  async #mark(ids: readonly string[], keys: readonly string[]): Promise<void> {
    const { access } = this.#context;
    const [marked, ...dropped] = await Promise.allSettled([
      Promise.all(ids.map((id) => this.#writeMark(endedKey(id)))),
      ...keys.map((key) => access.remove(key)),
    ]);
    const failures = dropped.flatMap((result, index) =>
      result.status === 'rejected' ? [{ key: keys[index] ?? '', error: result.reason as unknown }] : [],
    );
    for (const { key, error } of failures) access.reportFailure('delete', key, error);
    if (marked.status === 'rejected') throw marked.reason;
  }

  async #writeMark(key: string): Promise<void> {
    await this.#context.access.write(key, String(this.#context.now()), { expirationTtl: MARK_TTL_SECONDS });
  }

  /** Whose session it is, by its entry. */
  async #userOf(names: SessionNames, token: string): Promise<string> {
    const found = await this.#parts.finder.find(names, token, undefined);
    if (typeof found !== 'string') return found.value.user.id;
    const message = `A session was not ended: it is not known whose it is, as its entry in KV is ${found === 'error' ? 'not to be read' : found}. Pass { userId }.`;
    throw new CloudflareClientError('REVOCATION_FAILED', message);
  }
}

function checkUserId(userId: unknown): asserts userId is string {
  checkKey(userId);
  checkKey(revokedKey(userId));
}
