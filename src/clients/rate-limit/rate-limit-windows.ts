const MAX_WINDOWS = 10_000;
// Dropped together when all are live, so that a flood of new keys does not pay for a sweep each.
const DROPPED_AT_ONCE = 1_000;

/** What an isolate knows of one key. Plain data: a promise of one request would hang another that awaits it. */
export interface Window {
  count: number;
  /** When the window ends, in milliseconds since the epoch; 0 before the first attempt. */
  resetAt: number;
  /** Whether `count` is more than what was last written. */
  isDirty: boolean;
  /** When a write was last begun. */
  writtenAt: number;
  /** Until when a delayed write is expected, so that there is one at a time; a time and not a flag, as its request can die. */
  delayedUntil: number;
  /** Records written at or before this time are from before a reset. */
  ignoredUntil: number;
  /** When KV was last asked. */
  readAt: number;
  /** Until when everything is refused, in milliseconds since the epoch; 0 when nothing is. */
  blockedUntil: number;
}

/** What is kept in KV. */
export interface WindowRecord {
  readonly count: number;
  readonly resetAt: number;
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number;
  /** Until when everything is refused, where it is. */
  readonly blockedUntil?: number;
}

const windowsOf = new WeakMap<object, Windows>();

/** The windows that this isolate keeps for a namespace, the same for every client over it. */
export function windowsFor(namespace: object): Windows {
  let windows = windowsOf.get(namespace);
  if (windows === undefined) windowsOf.set(namespace, (windows = new Windows()));
  return windows;
}

/** The windows of one namespace, at most 10,000: the expired go first, then those that were not used for longest. */
export class Windows {
  readonly #byKey = new Map<string, Window>();

  /** The window of `key`, or `undefined` when none is known. It may have ended. */
  find(key: string): Window | undefined {
    return this.#byKey.get(key);
  }

  /** Keeps `window`, as the one that was used last. */
  keep(key: string, window: Window, now: number): void {
    if (!this.#byKey.delete(key) && this.#byKey.size >= MAX_WINDOWS) this.#makeRoom(now);
    this.#byKey.set(key, window);
  }

  #makeRoom(now: number): void {
    for (const [key, window] of this.#byKey) if (isOver(window, now)) this.#byKey.delete(key);
    if (this.#byKey.size < MAX_WINDOWS) return;
    const oldest = this.#byKey.keys();
    for (let dropped = 0; dropped < DROPPED_AT_ONCE; dropped += 1) this.#byKey.delete(oldest.next().value ?? '');
  }
}

// A record from before a reset can be read for as long as KV is stale elsewhere: 60 seconds "or more".
const RESET_REMEMBERED_MS = 300_000;
// Twice the 60 seconds that KV usually needs, as it may need more.
const STALE_MS = 120_000;

/** The state of a key that is reset at `now`. Its deletion counts as a write: the next one comes a second later. */
export function resetWindow(now: number): Window {
  return { ...newWindow(), writtenAt: now, ignoredUntil: now, readAt: now };
}

/** The state of a key of which nothing is known. */
export function newWindow(): Window {
  return { count: 0, resetAt: 0, isDirty: false, blockedUntil: 0, ...UNKNOWN };
}

/** When a window and its block have no say any longer. */
export function endOf({ resetAt, blockedUntil }: Window): number {
  return Math.max(resetAt, blockedUntil);
}

/** What is kept in KV of a window. */
export function recordOf({ count, resetAt, blockedUntil }: Window, now: number): WindowRecord {
  const record = { count, resetAt, at: now };
  return blockedUntil > now ? { ...record, blockedUntil } : record;
}

/**
 * Joins what this isolate counted with what KV says, by the larger count. A live window keeps its end; a dead one is
 * followed by that of the record, if it is live, or by a new one that starts now.
 */
export function mergeWindow(
  window: Window | undefined,
  record: WindowRecord | 'absent' | undefined,
  now: number,
  windowMs: number,
): Window {
  const { writtenAt, delayedUntil, ignoredUntil, readAt } = window ?? UNKNOWN;
  // No window of this rule ends later than that: what says so was counted under a longer rule, or by a clock that went back.
  const latestEnd = now + windowMs;
  const { count, end } = readCount(record, ignoredUntil, now, windowMs);
  const known = window !== undefined && !wasResetElsewhere(window, record, now) ? window : undefined;
  const blockedUntil = Math.max(known?.blockedUntil ?? 0, readBlock(record, ignoredUntil));
  if (known !== undefined && known.resetAt > now) {
    known.count = Math.max(known.count, count);
    known.resetAt = Math.min(known.resetAt, latestEnd);
    known.blockedUntil = blockedUntil;
    return known;
  }
  const resetAt = count === 0 ? latestEnd : Math.min(end, latestEnd);
  return { count, resetAt, isDirty: false, writtenAt, delayedUntil, ignoredUntil, readAt, blockedUntil };
}

/** Until when a record says that everything is refused. */
function readBlock(record: WindowRecord | 'absent' | undefined, ignoredUntil: number): number {
  if (record === undefined || record === 'absent' || record.at <= ignoredUntil) return 0;
  return record.blockedUntil ?? 0;
}

/** What a record counts for now: nothing when it is over, or from before a reset. */
function readCount(
  record: WindowRecord | 'absent' | undefined,
  ignoredUntil: number,
  now: number,
  windowMs: number,
): { readonly count: number; readonly end: number } {
  if (record === undefined || record === 'absent' || record.at <= ignoredUntil) return { count: 0, end: 0 };
  const end = Math.min(record.resetAt, record.at + windowMs);
  return end > now ? { count: record.count, end } : { count: 0, end: 0 };
}

/**
 * A record lives as long as its window. One that this isolate wrote, longer ago than KV stays stale, and that is gone was
 * deleted by a reset in another isolate.
 */
function wasResetElsewhere(window: Window, record: WindowRecord | 'absent' | undefined, now: number): boolean {
  return record === 'absent' && !window.isDirty && window.writtenAt + STALE_MS < now;
}

/**
 * Reads a record.
 *
 * @returns the record, `'absent'` when there is none, or `undefined` for anything that is not one.
 */
export function parseRecord(text: string | null): WindowRecord | 'absent' | undefined {
  if (text === null) return 'absent';
  try {
    const value = JSON.parse(text) as Record<string, unknown> | null;
    const { count, resetAt, at, blockedUntil } = value ?? {};
    if (blockedUntil !== undefined && !Number.isFinite(blockedUntil)) return undefined;
    if (!Number.isSafeInteger(count) || (count as number) < (blockedUntil === undefined ? 1 : 0)) return undefined;
    return Number.isFinite(resetAt) && Number.isFinite(at) ? (value as unknown as WindowRecord) : undefined;
  } catch {
    return undefined;
  }
}

const UNKNOWN = { writtenAt: -Infinity, delayedUntil: 0, ignoredUntil: -Infinity, readAt: -Infinity };

function isOver(window: Window, now: number): boolean {
  return endOf(window) <= now && window.ignoredUntil + RESET_REMEMBERED_MS <= now;
}
