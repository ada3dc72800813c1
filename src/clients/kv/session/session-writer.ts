import { CloudflareClientError, isCloudflareClientError } from '../../../errors.js';
import { nativeTtl } from '../ttl.js';
import type { SessionContext } from './session-context.js';
import { makeEntry } from './session-entry.js';
import type { NewSessionEntry } from './session-entry.js';
import { indexEntryOf } from './session-index.js';
import type { SessionNames } from './session-keys.js';
import { seenKey } from './session-keys.js';
import type { CachedSession } from './session.js';
import { findSessionFault } from './session.js';

const NOTE_SLACK_SECONDS = 60;
/** How soon a note is made again that could not be written: a session in use must not become idle by that, nor a KV that is down be pressed. */
const NOTE_RETRY_SECONDS = 10;

/** Options of `set`. */
export interface SetSessionOptions {
  /**
   * When reading the session from the database began, in milliseconds since the epoch: what ended it since then holds. A time in the future counts
   * as now.
   *
   * @default now: an end between the read and `set` then goes unnoticed unless the session has a `createdAt`
   */
  readonly loadedAt?: number | undefined;
}

/** Fills in, and refuses what is no time. */
export function checkLoadedAt(loadedAt: unknown, now: number): number {
  if (loadedAt === undefined) return now;
  if (typeof loadedAt === 'number' && loadedAt >= 0) return Math.min(loadedAt, now);
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `loadedAt ${shown(loadedAt)} is refused: give milliseconds since the epoch.`,
  );
}

/** Refuses what is no session for `token`. */
export function checkSession(value: unknown, token: string): asserts value is CachedSession {
  const fault = findSessionFault(value, token);
  if (fault !== null) throw new CloudflareClientError('INVALID_VALUE', `${fault}: the session was not cached.`);
}

/** Writes entries, the lists of users, and notes of use. What KV refuses is reported and not thrown: the database still has the session. */
export class SessionWriter {
  readonly #context: SessionContext;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** The entry of a session that was read from the database at `loadedAt`. */
  entryOf(value: CachedSession, loadedAt: number): NewSessionEntry {
    return makeEntry(value, loadedAt, this.#context.keys.isHashed);
  }

  /**
   * Writes an entry that has not ended.
   *
   * @throws {CloudflareClientError} `INVALID_VALUE` when it cannot be listed though it is to be.
   */
  async write(names: SessionNames, value: CachedSession, entry: NewSessionEntry): Promise<void> {
    const [key = ''] = names.entryKeys;
    const [id = ''] = names.ids;
    const listed = this.#context.options.index ? indexEntryOf(value, id, entry) : null;
    const expirationTtl = nativeTtl((entry.endsAt - this.#context.now()) / 1000);
    await Promise.all([
      this.#put(key, entry.text, { expirationTtl, metadata: entry.metadata }),
      listed !== null && this.#put(listed.key, '1', { expirationTtl, metadata: listed.metadata }),
    ]);
  }

  /** As `write`, for what is served in any case: what cannot be listed is reported and not thrown. It is not kept then. */
  async writeIfPossible(names: SessionNames, value: CachedSession, entry: NewSessionEntry): Promise<void> {
    try {
      await this.write(names, value, entry);
    } catch (error) {
      this.#context.access.reportFailure('write', 'session:', error);
    }
  }

  /**
   * Notes that a session is in use, unless that was noted lately. The note has a key of its own: to write the entry again could put an old one
   * in place of one that was just changed.
   */
  async noteUse(names: SessionNames, usedAt: number): Promise<void> {
    const { options, memory, access } = this.#context;
    if (options.sliding === undefined) return;
    const { idleSeconds, refreshAfterSeconds } = options.sliding;
    const [id = ''] = names.ids;
    const now = this.#context.now();
    const lastSeenAt = Math.max(usedAt, memory.seen.get(id) ?? 0);
    // A note from later than now was made by a clock that was put back: it must not keep others from being made.
    if (lastSeenAt <= now && now < lastSeenAt + refreshAfterSeconds * 1000) return;
    if (!access.allowsAutomaticWrites) return;
    memory.seen.set(id, now);
    // KV counts in whole seconds: without more than is needed the note could be gone before the session is idle.
    const expirationTtl = nativeTtl(idleSeconds + NOTE_SLACK_SECONDS);
    const written = this.#put(seenKey(id), String(now), { expirationTtl }).then((failure) => {
      // What KV has just taken from another isolate is as good.
      const isMissing = failure !== null && !isCloudflareClientError(failure, 'KV_RATE_LIMITED');
      if (isMissing) memory.seen.set(id, now - (refreshAfterSeconds - NOTE_RETRY_SECONDS) * 1000);
    });
    await this.#context.afterwards(written);
  }

  /** Writes, and reports and answers what KV said against it; `null` for nothing. */
  async #put(key: string, text: string, options: { expirationTtl: number; metadata?: object }): Promise<unknown> {
    try {
      await this.#context.access.write(key, text, options);
      return null;
    } catch (error) {
      this.#context.access.reportFailure('write', key, error);
      return error;
    }
  }
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : `of type ${typeof value}`;
}
