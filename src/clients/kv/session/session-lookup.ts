import type { CachedSession } from './session.js';

/**
 * Why a session may have been ended without its lookup knowing.
 *
 * - `none`: it cannot: it was checked with its user's object, or read from the database, for this very call.
 * - `memory`: its user's object was asked by this isolate within the last `verifiedForMs`.
 * - `kv-cache`: KV alone was asked, whose locations cache what they read, absent marks too, for 60 seconds. Cloudflare says "60 seconds or more":
 *   https://developers.cloudflare.com/kv/concepts/how-kv-works/
 * - `unverified`: its user's object could not be asked, and `onRevocationError` is `open`; then as `kv-cache`.
 */
export type SessionStaleness = 'none' | 'memory' | 'kv-cache' | 'unverified';

/** A session, and how far it can be relied on. */
export interface SessionLookup extends CachedSession {
  /** `cache`: from KV; `verified`: from KV, and its user's object knows of no end; `loaded`: from the database. */
  readonly freshness: 'cache' | 'verified' | 'loaded';
  /** The longest that an end of this session can have gone unnoticed, in milliseconds. What it says about the user can be older, up to 24 hours. */
  readonly maxStalenessMs: number;
  /** What `maxStalenessMs` comes from. */
  readonly staleness: SessionStaleness;
}

/** Options of `lookup`, `get` and `delete`. */
export interface SessionUserOptions {
  /**
   * Whose session it is, where that is known: entry and marks are then read in one operation, also the first time. A read with a wrong one costs
   * a second operation and answers the same; `delete` believes it, and with `revocations` ends the session in KV alone when it is wrong.
   */
  readonly userId?: string | undefined;
}

/** Options of `getOrLoad`. */
export interface GetOrLoadSessionOptions extends SessionUserOptions {
  /**
   * Whether the database is asked in any case: for a change of password, a payout, a deletion.
   *
   * @default false
   */
  readonly requireFresh?: boolean;
}

/**
 * Reads a session from the database that owns it.
 *
 * @param token what the visitor sent.
 * @returns the session and its user; `null` or `undefined` for none.
 */
export type SessionLoader = (token: string) => Promise<CachedSession | null | undefined>;

/** A session of a user, without its token. */
export interface SessionSummary {
  /** The id of the session, for `deleteSession`. */
  readonly id: string;
  /** When it was issued, as an ISO 8601 date: `session.createdAt`, or else when it was read from the database. */
  readonly createdAt: string;
  /** When it ends in the cache, as an ISO 8601 date. */
  readonly expiresAt: string;
  readonly ipAddress?: string;
  /** Up to 256 characters. */
  readonly userAgent?: string;
}
