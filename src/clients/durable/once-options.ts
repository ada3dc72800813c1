import { isWellFormed, quote, utf8Bytes } from '../kv/key.js';
import { MAX_TIMEOUT_MS } from '../kv/timeout.js';
import { checkInteger, refusal, shownValue } from '../check-option.js';
import { MAX_TTL_SECONDS } from './counter-operations.js';
import type { OnceOptions } from './counter-types.js';

const DEFAULT_TTL_SECONDS = 86_400;
const DEFAULT_LEASE_MS = 30_000;
const MIN_LEASE_MS = 1_000;
const MAX_LEASE_MS = 3_600_000;
const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_FINGERPRINT_BYTES = 1_024;

/** Options of `once` behind the door. */
export interface ResolvedOnceOptions {
  readonly ttlMs: number;
  readonly leaseMs: number;
  readonly timeoutMs: number;
  /** `''`: none. */
  readonly fingerprint: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Resolves the options of `once`.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function resolveOnceOptions(options: OnceOptions): ResolvedOnceOptions {
  const { ttlSeconds = DEFAULT_TTL_SECONDS, leaseMs = DEFAULT_LEASE_MS, timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const { fingerprint = '', signal } = options;
  checkInteger('ttlSeconds', ttlSeconds, 1, MAX_TTL_SECONDS);
  checkInteger('leaseMs', leaseMs, MIN_LEASE_MS, MAX_LEASE_MS);
  if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw refusal('timeoutMs', shownValue(timeoutMs), `give milliseconds from 0 to ${MAX_TIMEOUT_MS}`);
  }
  checkFingerprint(fingerprint);
  return { ttlMs: ttlSeconds * 1000, leaseMs, timeoutMs, fingerprint, signal };
}

function checkFingerprint(fingerprint: unknown): asserts fingerprint is string {
  const isText = typeof fingerprint === 'string' && isWellFormed(fingerprint);
  if (isText && utf8Bytes(fingerprint) <= MAX_FINGERPRINT_BYTES) return;
  // It may be made of what nobody else should see.
  const shown = typeof fingerprint === 'string' ? `of ${utf8Bytes(fingerprint)} bytes` : quote(fingerprint);
  const remedy = `give a well-formed string of at most ${MAX_FINGERPRINT_BYTES} bytes, such as a hash`;
  throw refusal('fingerprint', shown, remedy);
}
