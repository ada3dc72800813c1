import { CloudflareClientError } from '../../../errors.js';
import { sha256, toHex } from '../../../internal/sha256.js';
import { findKeyFault } from '../key.js';
import type { HmacSlot } from './peppers.js';
import { makeHmacSlots, hmacKeyOf } from './peppers.js';
import type { SessionPeppers } from './session-options.js';

/** The names of one session in KV. */
export interface SessionNames {
  /** Where its entry is: written under the first, read under all. */
  readonly entryKeys: readonly string[];
  /** Hashes of its token, one per entry key: what marks, index and objects know it by. */
  readonly ids: readonly string[];
}

/** Turns tokens into keys. */
export class SessionKeys {
  readonly #scheme: 'plain' | 'sha256' | readonly HmacSlot[];

  /**
   * Takes the option `hashKeys`.
   *
   * @throws {CloudflareClientError} `INVALID_OPTION`.
   */
  constructor(hashKeys: boolean | SessionPeppers) {
    if (typeof hashKeys === 'object') this.#scheme = makeHmacSlots(hashKeys);
    else this.#scheme = hashKeys ? 'sha256' : 'plain';
  }

  /** Whether keys and values hold no token. */
  get isHashed(): boolean {
    return this.#scheme !== 'plain';
  }

  /** The names of the session with this token, which was checked. */
  async of(token: string): Promise<SessionNames> {
    const scheme = this.#scheme;
    if (scheme === 'plain') return { entryKeys: [plainKey(token)], ids: [await sha256(token)] };
    if (scheme === 'sha256') {
      const id = await sha256(token);
      return { entryKeys: [`session:sha256:${id}`], ids: [id] };
    }
    const ids: string[] = [];
    for (const slot of scheme) ids.push(await hmac(slot, token));
    return { entryKeys: ids.map((id) => `session:hmac:${id}`), ids };
  }

  /** The key of the entry that goes by `id`; `null` where only the token leads there. */
  entryKeyOf(id: string): string | null {
    if (this.#scheme === 'plain') return null;
    return this.#scheme === 'sha256' ? `session:sha256:${id}` : `session:hmac:${id}`;
  }
}

/** The key of the time before which a user's cached sessions count as ended. */
export function revokedKey(userId: string): string {
  return `session-revoked:${userId}`;
}

/** The key that says that a session was ended. */
export function endedKey(id: string): string {
  return `session-ended:${id}`;
}

/** The key that says when a session was last used. */
export function seenKey(id: string): string {
  return `session-seen:${id}`;
}

/** What the keys of a user's list of sessions begin with. They end with the id of a session. */
export function indexPrefix(userId: string): string {
  return `session-index:${userId}:`;
}

/** Says why no session can have this token, in words that do not repeat it; `null` when one can. */
export function findTokenFault(token: unknown): string | null {
  return findKeyFault(token === '' || typeof token !== 'string' ? token : plainKey(token));
}

/** Refuses what is no token. */
export function checkToken(token: unknown): asserts token is string {
  const fault = findTokenFault(token);
  if (fault !== null) throw new CloudflareClientError('INVALID_KEY', `The key of this session token ${fault}`);
}

function plainKey(token: string): string {
  return `session:${token}`;
}

async function hmac(slot: HmacSlot, token: string): Promise<string> {
  return toHex(await crypto.subtle.sign('HMAC', await hmacKeyOf(slot), new TextEncoder().encode(token)));
}
