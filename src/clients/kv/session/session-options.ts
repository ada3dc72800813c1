import type { EventSink } from '../../../events.js';
import type { ExecutionContextLike } from '../../../internal/execution-context.js';
import type { ObjectNamespaceLike } from '../../durable/object-namespace.js';
import { checkInteger, refusal } from '../../check-option.js';
import type { CryptoKeyLike } from '../codecs/encrypted-codec.js';
import { quote } from '../key.js';
import type { OperationBudget } from '../operation-budget.js';
import { MAX_ENTRY_MS } from './session-entry.js';

const DEFAULT_TIMEOUT_MS = 2_000;
const MIN_REFRESH_SECONDS = 60;
/** How much later than in one place a use is seen in another. */
const KV_LAG_SECONDS = 60;
const MAX_VERIFIED_MS = 60_000;
const MAX_SKEW_MS = 60_000;

/** A secret of at least 16 bytes: text (taken as UTF-8), bytes, or a `CryptoKey` for HMAC with SHA-256 that may sign. */
export type SessionPepper = string | Uint8Array | CryptoKeyLike;

/** Keys by HMAC: who can read the namespace can then not even test a guess. */
export interface SessionPeppers {
  /**
   * One to four secrets, the newest first: entries are written under the first and found under all of them. To change it, put the new one
   * before the old, deploy, and drop the old one after 24 hours. What ends a session is written and read under all.
   */
  readonly peppers: readonly SessionPepper[];
}

/** How sessions end when they are not used. */
export interface SlidingExpiry {
  /**
   * Seconds without use after which a session is served no more, an integer from `refreshAfterSeconds` + 60 to 86,400. Uses are noted only so
   * often, so it can end up to `refreshAfterSeconds` before that.
   */
  readonly idleSeconds: number;
  /** Seconds between two notes of use, an integer from 60: each is a KV write, and KV takes one per second and key. */
  readonly refreshAfterSeconds: number;
}

/** Options of `SessionCacheClient`. */
export interface SessionCacheClientOptions {
  /**
   * Milliseconds after which an unanswered KV operation, or a call of a Durable Object, is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000
   */
  readonly timeoutMs?: number;
  /** Where hits, misses, ends and failures are reported; no event holds a token. Without it nothing is built or sent. */
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
   * Whether entries are kept under a hash of the token, and without it inside, so that who can read the namespace cannot
   * take over sessions: `true` for SHA-256, `{ peppers: [newest, ...older] }` for HMAC-SHA-256. Entries of different ways do not see one another.
   *
   * @default false
   */
  readonly hashKeys?: boolean | SessionPeppers;
  /**
   * Whether each session is also written into a list of its user, for `listForUser` and `deleteSession`: one more KV write per `set`.
   *
   * @default false
   */
  readonly index?: boolean;
  /**
   * When sessions end that are not used; reading them then notes that they are. They never live longer than without it.
   *
   * @default none: they end when the session does, or 24 hours after they were read from the database
   */
  readonly sliding?: SlidingExpiry | undefined;
  /** `ctx.waitUntil`, bound: `getOrLoad` and notes of use then write after the response. */
  readonly waitUntil?: ExecutionContextLike['waitUntil'] | undefined;
  /**
   * The Durable Objects of `SessionObject`, one per user, which make sessions strong: what ends a session is written there first, and every
   * session that KV has is checked there before it is served, one object call each. In development: `memorySessions()`.
   *
   * @default none: KV alone, which can serve an ended session for 60 seconds and more
   */
  readonly revocations?: ObjectNamespaceLike | undefined;
  /**
   * Whether what KV says of ends is read as well where there are `revocations`. With `false` a hit reads one key and not three. It is right only
   * when everything that ends sessions has had `revocations` for two days: an end by a client without them is not seen any more. Marks are
   * written in any case, and are read without `revocations`, and when an object cannot be asked and `onRevocationError` is `open`.
   *
   * @default true
   */
  readonly readMarks?: boolean;
  /**
   * What becomes of a session when its object cannot be asked. `closed`: it is a miss, and `getOrLoad` throws. `open`: KV alone decides, and the
   * result says so.
   *
   * @default 'closed'
   */
  readonly onRevocationError?: 'closed' | 'open';
  /**
   * Milliseconds for which an isolate may rely on what an object said, 0 to 60,000; `maxStalenessMs` then says so.
   *
   * @default 0
   */
  readonly verifiedForMs?: number;
  /**
   * Milliseconds by which the clocks that stamp sessions may be ahead of those that stamp their end, 0 to 60,000: what was issued up to so long
   * after an end counts as ended too, and is not served from the cache.
   *
   * @default 0
   */
  readonly clockSkewMs?: number;
  /**
   * Waits for so many milliseconds between two attempts to call an object; for tests.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
}

/** Options with nothing left open. */
export type ResolvedSessionOptions = Required<
  Omit<SessionCacheClientOptions, 'events' | 'budget' | 'sliding' | 'waitUntil' | 'revocations' | 'delay'>
> &
  Pick<SessionCacheClientOptions, 'events' | 'budget' | 'sliding' | 'waitUntil' | 'revocations' | 'delay'>;

/**
 * Fills in what was left out, and refuses what cannot be. `timeoutMs`, `hashKeys` and `revocations` are checked where they are used.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming option, value and bounds.
 */
export function resolveSessionOptions(options: SessionCacheClientOptions): ResolvedSessionOptions {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, now = Date.now, hashKeys = false, index = false, readMarks = true } = options;
  const { onRevocationError = 'closed', verifiedForMs = 0, clockSkewMs = 0 } = options;
  checkInteger('verifiedForMs', verifiedForMs, 0, MAX_VERIFIED_MS);
  checkInteger('clockSkewMs', clockSkewMs, 0, MAX_SKEW_MS);
  checkChoices(onRevocationError, readMarks);
  if (options.sliding !== undefined) checkSliding(options.sliding);
  const { events, budget, sliding, waitUntil, revocations, delay } = options;
  const given = { events, budget, sliding, waitUntil, revocations, delay };
  // Field by field: a spread of what was given takes thirty times as long, and this runs once a request.
  return Object.assign(given, {
    timeoutMs,
    now,
    hashKeys,
    index,
    readMarks,
    onRevocationError,
    verifiedForMs,
    clockSkewMs,
  });
}

function checkChoices(mode: unknown, readMarks: unknown): void {
  if (mode !== 'closed' && mode !== 'open') {
    throw refusal('onRevocationError', quote(mode), "give 'closed' or 'open'");
  }
  // Not left to what counts as true: what is not read ends nothing.
  if (typeof readMarks !== 'boolean') throw refusal('readMarks', quote(readMarks), 'give true or false');
}

function checkSliding({ idleSeconds, refreshAfterSeconds }: SlidingExpiry): void {
  const maxIdle = MAX_ENTRY_MS / 1000;
  checkInteger('sliding.refreshAfterSeconds', refreshAfterSeconds, MIN_REFRESH_SECONDS, maxIdle - KV_LAG_SECONDS);
  checkInteger('sliding.idleSeconds', idleSeconds, refreshAfterSeconds + KV_LAG_SECONDS, maxIdle);
}
