import type { CheckReply, RevocationApi } from '../../../durable-objects/session/revocation-api.js';
import { CloudflareClientError } from '../../../errors.js';
import { ObjectCaller } from '../../durable/object-caller.js';
import type { ObjectNamespaceLike } from '../../durable/object-namespace.js';
import type { SessionContext } from './session-context.js';
import { MARK_TTL_SECONDS } from './session-marks.js';
import type { SessionEnds } from './session-marks.js';
import type { KnownRevocations } from './session-memory.js';

const KEEP_MS = MARK_TTL_SECONDS * 1000;

/** What an object said about a session. */
export interface RevocationAnswer extends SessionEnds {
  /** Whether it said so before, to another call. */
  readonly isRemembered: boolean;
}

/** The objects that know which sessions were ended: the strong side of a session client. */
export class StrongRevocations {
  readonly #context: SessionContext;
  readonly #caller: ObjectCaller<RevocationApi>;

  constructor(context: SessionContext, namespace: ObjectNamespaceLike) {
    const { timeoutMs, delay } = context.options;
    this.#context = context;
    this.#caller = new ObjectCaller<RevocationApi>(namespace, { className: 'SessionObject', timeoutMs, delay });
  }

  /** What is known about the session of a user that goes by `ids`; `null` when the object cannot be asked, which is reported. */
  async check(userId: string, ids: readonly string[], mayRemember: boolean): Promise<RevocationAnswer | null> {
    const { memory, options } = this.#context;
    const askedAt = this.#context.now();
    const { ends: endsBefore } = memory;
    const [first = ''] = ids;
    const known = memory.revocations.get(first);
    if (mayRemember && known?.userId === userId && this.#isRecent(known, askedAt))
      return { ...known, isRemembered: true };
    try {
      const { revokedBefore, endedAt } = await this.checkAll(userId, ids);
      const ends = { revokedBefore, endedAt: Math.max(0, ...endedAt) };
      const isNewest = memory.ends === endsBefore;
      if (options.verifiedForMs > 0 && isNewest) memory.revocations.set(first, { ...ends, userId, askedAt });
      return { ...ends, isRemembered: false };
    } catch (error) {
      this.#context.reportError('call', error, 'OBJECT_FAILED');
      return null;
    }
  }

  /**
   * What is known about sessions of a user.
   *
   * @throws {CloudflareClientError} as `ObjectCaller.call`, and `OBJECT_FAILED` for an answer that is none.
   */
  async checkAll(userId: string, ids: readonly string[]): Promise<CheckReply> {
    const reply: unknown = await this.#caller.call(nameOf(userId), 'check', { ids });
    if (isReply(reply, ids.length)) return reply;
    throw new CloudflareClientError('OBJECT_FAILED', 'The object session:… answered check with what is no answer.');
  }

  /**
   * Ends a session.
   *
   * @throws {CloudflareClientError} `REVOCATION_FAILED`.
   */
  async endSession(userId: string, ids: readonly string[]): Promise<void> {
    const request = { ids, at: this.#context.now(), keepMs: KEEP_MS };
    await this.#end(this.#caller.call(nameOf(userId), 'endSession', request), (_, id) => ids.includes(id));
  }

  /**
   * Ends all sessions of a user.
   *
   * @throws {CloudflareClientError} `REVOCATION_FAILED`.
   */
  async endAll(userId: string): Promise<void> {
    const request = { at: this.#context.now(), keepMs: KEEP_MS };
    await this.#end(this.#caller.call(nameOf(userId), 'endAll', request), (known) => known.userId === userId);
  }

  async #end(call: Promise<unknown>, isOver: (known: KnownRevocations, id: string) => boolean): Promise<void> {
    const { memory } = this.#context;
    try {
      await call;
    } catch (cause) {
      throw new CloudflareClientError(
        'REVOCATION_FAILED',
        `A session was not ended: ${cause instanceof Error ? cause.message : 'its object failed.'}`,
        { cause },
      );
    } finally {
      // Whether it failed or not: it may have been done.
      memory.ends += 1;
      memory.revocations.deleteWhere(isOver);
    }
  }

  #isRecent({ askedAt }: KnownRevocations, now: number): boolean {
    return askedAt <= now && now < askedAt + this.#context.options.verifiedForMs;
  }
}

function nameOf(userId: string): string {
  return `session:${userId}`;
}

function isReply(reply: unknown, count: number): reply is CheckReply {
  const { revokedBefore, endedAt } = (reply ?? {}) as { revokedBefore?: unknown; endedAt?: unknown };
  const isList = Array.isArray(endedAt) && endedAt.length === count && endedAt.every((at) => Number.isFinite(at));
  return Number.isFinite(revokedBefore) && isList;
}
