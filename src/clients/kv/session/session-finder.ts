import type { SessionMissEvent } from '../../../events.js';
import { findKeyFault } from '../key.js';
import type { KVEntryLike } from '../kv-namespace.js';
import type { SessionContext } from './session-context.js';
import { openSessionEntry } from './session-entry.js';
import type { SessionEntry } from './session-entry.js';
import type { SessionNames } from './session-keys.js';
import { revokedKey, seenKey } from './session-keys.js';
import { markKeys, openMarks, readAll, readMarks, textOfEntry } from './session-marks.js';
import type { SessionMarks } from './session-marks.js';

type Stored = KVEntryLike | string | null;

/** An entry, and what was read along with it. */
export interface FoundEntry extends SessionEntry {
  /** `null` when they are still to be read, as it was not known whose session it is. */
  readonly marks: SessionMarks | 'corrupt' | null;
}

/**
 * Finds entries in KV. Where the user is known beforehand, by the caller or because this isolate served the session before, entry and marks are
 * read in one operation; else the entry, which names the user, and then the marks.
 */
export class SessionFinder {
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** The entry of `token`, or why there is none. */
  async find(
    names: SessionNames,
    token: string,
    userId: string | undefined,
  ): Promise<FoundEntry | SessionMissEvent['reason']> {
    const user = this.#likelyUser(names, userId);
    const stored = await this.#read(names, user);
    if (stored === null) return 'error';
    const entry = this.#open(names, token, stored);
    if (typeof entry === 'string') return entry;
    // Read for somebody else, marks say nothing about this session.
    const userOfEntry = entry.value.user.id;
    if (user !== userOfEntry && !this.#context.skipsMarks) return { ...entry, marks: null };
    return { ...entry, marks: openMarks(names, userOfEntry, (key) => textOfEntry(stored.get(key))) };
  }

  /** The marks of an entry. */
  async marksOf(names: SessionNames, found: FoundEntry): Promise<SessionMarks | 'corrupt' | 'error'> {
    return found.marks ?? readMarks(this.#context, names, found.value.user.id);
  }

  #likelyUser({ ids }: SessionNames, userId: string | undefined): string | undefined {
    const user = userId ?? this.#context.memory.users.get(ids[0] ?? '');
    return user === undefined || user === '' || findKeyFault(revokedKey(user)) !== null ? undefined : user;
  }

  async #read(names: SessionNames, user: string | undefined): Promise<Map<string, Stored> | null> {
    const { access } = this.#context;
    const [first = '', ...others] = [...names.entryKeys, ...this.#keysBeside(names, user)];
    const source = {
      many: (keys: string[]): Promise<Map<string, Stored>> => access.readEntries(keys),
      one: (key: string): Promise<Stored> => access.readEntry(key),
    };
    if (others.length > 0) return readAll(this.#context, [first, ...others], source);
    try {
      return new Map([[first, await access.readEntry(first)]]);
    } catch (cause) {
      access.reportFailure('read', first, cause);
      return null;
    }
  }

  /** What is read along with the entry. */
  #keysBeside(names: SessionNames, user: string | undefined): string[] {
    const { options, skipsMarks } = this.#context;
    const isSliding = options.sliding !== undefined;
    if (skipsMarks) return isSliding ? names.ids.map(seenKey) : [];
    return user === undefined ? [] : markKeys(names, user, isSliding);
  }

  #open(names: SessionNames, token: string, stored: Map<string, Stored>): ReturnType<typeof openSessionEntry> {
    const options = { isHashed: this.#context.keys.isHashed, now: this.#context.now() };
    let found: ReturnType<typeof openSessionEntry> = 'absent';
    for (const key of names.entryKeys) {
      const entry = openSessionEntry(stored.get(key), token, options);
      if (typeof entry !== 'string') return entry;
      if (found === 'absent') found = entry;
    }
    return found;
  }
}
