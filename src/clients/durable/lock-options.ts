import { MAX_LEASE_MS, MAX_PERMITS, MIN_LEASE_MS } from '../../durable-objects/lock/lock-api.js';
import { CloudflareClientError } from '../../errors.js';
import { refusal } from '../check-option.js';
import { isWellFormed, utf8Bytes } from '../kv/key.js';

/** Longest name of a lock, in UTF-8 bytes. */
const MAX_NAME_BYTES = 512;
const MAX_WAIT_MS = 86_400_000;
/** How long `acquire` and `run` wait unless told, in milliseconds. */
export const DEFAULT_WAIT_MS = 10_000;

/** How a lock is held. */
export interface LockOptions {
  /**
   * Milliseconds until the lock is lost unless it is renewed or given back, 1,000 to 86,400,000 (24 hours). How long others
   * wait when the holder dies; with `autoRenew` the work may take longer.
   */
  readonly ttlMs: number;
  /**
   * How many may hold the lock at a time, 1 to 1,000. All who use a name should say the same; otherwise the smallest number counts.
   *
   * @default 1
   */
  readonly permits?: number | undefined;
  /**
   * Whether the lease is renewed every third of `ttlMs` until the lock is given back.
   *
   * @default false; true for `run`
   */
  readonly autoRenew?: boolean | undefined;
}

/** How a lock is waited for and held. */
export interface AcquireLockOptions extends LockOptions {
  /**
   * Milliseconds to wait for the lock, 0 to 86,400,000. 0: do not wait.
   *
   * @default 10_000
   */
  readonly timeoutMs?: number | undefined;
  /** Ends the wait. It has no effect on a lock that was had. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a lock, with nothing left open. */
export interface ResolvedLockOptions {
  readonly ttlMs: number;
  readonly permits: number;
  readonly autoRenew: boolean;
}

/**
 * Checks and completes the options of a lock.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function resolveLockOptions(options: LockOptions, autoRenewDefault: boolean): ResolvedLockOptions {
  // Callers without a compiler may give nothing.
  const { ttlMs, permits = 1, autoRenew = autoRenewDefault } = (options as LockOptions | undefined) ?? {};
  checkTtl(ttlMs);
  if (!isBetween(permits, 1, MAX_PERMITS) || !Number.isInteger(permits)) {
    refuse('permits', permits, `a whole number from 1 to ${MAX_PERMITS}`);
  }
  return { ttlMs, permits, autoRenew };
}

/**
 * Checks how long to wait.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function resolveWaitMs(timeoutMs: unknown = DEFAULT_WAIT_MS): number {
  if (isBetween(timeoutMs, 0, MAX_WAIT_MS)) return timeoutMs;
  return refuse('timeoutMs', timeoutMs, `milliseconds from 0 to ${MAX_WAIT_MS}`);
}

/**
 * Refuses what is not the time of a lease.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function checkTtl(ttlMs: unknown): asserts ttlMs is number {
  if (isBetween(ttlMs, MIN_LEASE_MS, MAX_LEASE_MS)) return;
  refuse('ttlMs', ttlMs, `milliseconds from ${MIN_LEASE_MS} to ${MAX_LEASE_MS}`);
}

/**
 * Refuses what cannot name a lock.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`; the message does not show the name.
 */
export function checkLockName(name: unknown): asserts name is string {
  const bounds = `a lock's name is a string of 1 to ${MAX_NAME_BYTES} bytes in UTF-8`;
  if (typeof name !== 'string') throw invalid(`A name of type ${typeof name} is refused: ${bounds}.`);
  const bytes = utf8Bytes(name);
  if (bytes < 1 || bytes > MAX_NAME_BYTES) throw invalid(`A name of ${bytes} bytes is refused: ${bounds}.`);
  if (!isWellFormed(name)) throw invalid(`A name with half of a surrogate pair is refused: ${bounds}.`);
}

function isBetween(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && value >= min && value <= max;
}

function refuse(option: string, value: unknown, wanted: string): never {
  const shown = typeof value === 'number' ? String(value) : `of type ${typeof value}`;
  throw refusal(option, shown, `give ${wanted}`);
}

function invalid(message: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', message);
}
