import { CloudflareClientError } from '../../../errors.js';
import type { SessionMissEvent } from '../../../events.js';
import type { SessionContext } from './session-context.js';
import type { FoundEntry, SessionFinder } from './session-finder.js';
import type { SessionNames } from './session-keys.js';
import { checkToken, findTokenFault } from './session-keys.js';
import type { GetOrLoadSessionOptions, SessionLoader, SessionLookup, SessionUserOptions } from './session-lookup.js';
import { endedUpTo, readMarks } from './session-marks.js';
import type { SessionEnds, SessionMarks } from './session-marks.js';
import { checkSession } from './session-writer.js';
import type { SessionWriter } from './session-writer.js';
import { pickSession } from './session.js';
import type { RevocationAnswer, StrongRevocations } from './strong-revocations.js';

/** What KV says of a change seldom takes longer to be seen everywhere. https://developers.cloudflare.com/kv/concepts/how-kv-works/ */
const KV_STALENESS_MS = 60_000;

/** What a session reader is made of. */
export interface SessionReaderParts {
  readonly finder: SessionFinder;
  readonly writer: SessionWriter;
  readonly revocations: StrongRevocations | undefined;
}

/** What the marks in KV and the user's object say; `null` of the object when there is none, or it cannot be asked. */
interface Evidence {
  readonly marks: SessionMarks | 'corrupt' | 'error';
  readonly known: RevocationAnswer | null;
}

/** Looks sessions up, and loads them where the cache has none. */
export class SessionReader {
  readonly #context: SessionContext;
  readonly #parts: SessionReaderParts;

  constructor(context: SessionContext, parts: SessionReaderParts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** As `SessionCacheClient.lookup` says. */
  async lookup(token: string, options: SessionUserOptions = {}): Promise<SessionLookup | null> {
    const found = await this.#look(token, options.userId);
    return typeof found === 'string' ? null : found;
  }

  /** As `SessionCacheClient.getOrLoad` says. */
  async getOrLoad(
    token: string,
    loader: SessionLoader,
    { requireFresh = false, userId }: GetOrLoadSessionOptions = {},
  ): Promise<SessionLookup | null> {
    checkTokenType(token);
    const found = requireFresh ? 'forced' : await this.#look(token, userId);
    if (typeof found !== 'string') return found;
    if (requireFresh) this.#context.report({ type: 'session.miss', reason: 'forced' });
    // A KV that hangs would hang a second time for the marks, and a third for the entry.
    return findTokenFault(token) === null ? this.#load(token, loader, found === 'error') : null;
  }

  async #look(token: string, userId: string | undefined): Promise<SessionLookup | SessionMissEvent['reason']> {
    checkTokenType(token);
    const found = findTokenFault(token) === null ? await this.#find(token, userId) : 'absent';
    this.#context.report(typeof found === 'string' ? { type: 'session.miss', reason: found } : { type: 'session.hit' });
    return found;
  }

  async #find(token: string, userId: string | undefined): Promise<SessionLookup | SessionMissEvent['reason']> {
    const names = await this.#context.keys.of(token);
    const found = await this.#parts.finder.find(names, token, userId);
    if (typeof found === 'string') return found;
    const evidence = await this.#evidence(names, found);
    const fault = this.#findFault(found, evidence);
    if (fault !== null) return fault;
    this.#context.memory.users.set(names.ids[0] ?? '', found.value.user.id);
    await this.#parts.writer.noteUse(names, usedAt(found, evidence));
    return { ...found.value, ...this.#reliance(evidence) };
  }

  async #evidence(names: SessionNames, found: FoundEntry): Promise<Evidence> {
    const { finder, revocations } = this.#parts;
    const [marks, known] = await Promise.all([
      finder.marksOf(names, found),
      revocations?.check(found.value.user.id, names.ids, true) ?? null,
    ]);
    const isLeftToKV = this.#context.skipsMarks && this.#isLeftToKV(known);
    return { marks: isLeftToKV ? await readMarks(this.#context, names, found.value.user.id) : marks, known };
  }

  #findFault(found: FoundEntry, evidence: Evidence): SessionMissEvent['reason'] | null {
    const { marks, known } = evidence;
    if (typeof marks === 'string') return marks;
    if (found.issuedAt <= this.#endedUpTo(marks, known)) return 'revoked';
    if (this.#isUnanswered(known) && this.#context.options.onRevocationError === 'closed') return 'error';
    const { sliding } = this.#context.options;
    if (sliding === undefined) return null;
    return this.#context.now() >= usedAt(found, evidence) + sliding.idleSeconds * 1000 ? 'expired' : null;
  }

  #endedUpTo(...known: readonly (SessionEnds | null)[]): number {
    return endedUpTo(known, this.#context.options.clockSkewMs);
  }

  #isUnanswered(known: RevocationAnswer | null): boolean {
    return this.#parts.revocations !== undefined && known === null;
  }

  #isLeftToKV(known: RevocationAnswer | null): boolean {
    return this.#isUnanswered(known) && this.#context.options.onRevocationError === 'open';
  }

  #reliance({ known }: Evidence): Pick<SessionLookup, 'freshness' | 'maxStalenessMs' | 'staleness'> {
    const { verifiedForMs } = this.#context.options;
    if (known === null) {
      const staleness = this.#isUnanswered(known) ? 'unverified' : 'kv-cache';
      return { freshness: 'cache', maxStalenessMs: KV_STALENESS_MS, staleness };
    }
    if (known.isRemembered) return { freshness: 'verified', maxStalenessMs: verifiedForMs, staleness: 'memory' };
    return { freshness: 'verified', maxStalenessMs: 0, staleness: 'none' };
  }

  async #load(token: string, loader: SessionLoader, isFailing: boolean): Promise<SessionLookup | null> {
    const loadedAt = this.#context.now();
    const value = await loader(token);
    if (value == null) return null;
    checkSession(value, token);
    const entry = this.#parts.writer.entryOf(value, loadedAt);
    if (Date.parse(value.session.expiresAt) <= this.#context.now()) return null;
    const names = await this.#context.keys.of(token);
    const marks = await this.#marksAfterLoad(names, value.user.id, isFailing);
    // Ended while it was being read from the database: it may have been read just before. By the times as they are: who logs in soon after an end
    // is not to be turned away, and a call that an end comes in between of may answer either.
    if (marks !== null && loadedAt <= marks.endedAt) {
      this.#context.report({ type: 'session.miss', reason: 'revoked' });
      return null;
    }
    const isKept = marks !== null && !isFailing && entry.issuedAt > marks.endedUpTo;
    if (isKept && this.#context.access.allowsAutomaticWrites) {
      await this.#context.afterwards(this.#parts.writer.writeIfPossible(names, value, entry));
    }
    return { ...pickSession(value), freshness: 'loaded', maxStalenessMs: 0, staleness: 'none' };
  }

  /** When the session was ended at last, and what counts as ended by that; `null` when KV does not say, and it is not to be stored. */
  async #marksAfterLoad(
    names: SessionNames,
    userId: string,
    isFailing: boolean,
  ): Promise<{ readonly endedAt: number; readonly endedUpTo: number } | null> {
    const readNow = (): ReturnType<typeof readMarks> => readMarks(this.#context, names, userId);
    const [read, known] = await Promise.all([
      isFailing ? 'error' : this.#context.skipsMarks ? null : readNow(),
      this.#parts.revocations?.check(userId, names.ids, false) ?? null,
    ]);
    if (this.#isUnanswered(known) && this.#context.options.onRevocationError === 'closed') {
      const message = 'It could not be found out whether the session was ended while it was loaded.';
      throw new CloudflareClientError('REVOCATION_FAILED', message);
    }
    const marks = read ?? (known === null ? await readNow() : null);
    if (typeof marks === 'string' && known === null) return null;
    const ends = [typeof marks === 'string' ? null : marks, known];
    return { endedAt: endedUpTo(ends, 0), endedUpTo: this.#endedUpTo(...ends) };
  }
}

/** When a session was used at last, as far as was noted. */
function usedAt({ loadedAt }: FoundEntry, { marks }: Evidence): number {
  return typeof marks === 'string' ? loadedAt : Math.max(loadedAt, marks.seenAt);
}

function checkTokenType(token: unknown): asserts token is string {
  if (typeof token !== 'string') checkToken(token);
}
