import { CloudflareClientError } from '../../errors.js';

/** Shortest lifetime, in seconds, that KV itself takes. https://developers.cloudflare.com/kv/api/write-key-value-pairs/ */
export const MIN_NATIVE_TTL_SECONDS = 60;

/** Longest lifetime, in seconds: KV reads it as a signed 32-bit integer, and a larger one is a TypeError (research/caching.md, section 3). */
export const MAX_TTL_SECONDS = 2_147_483_647;

/**
 * Refuses what is not a lifetime.
 *
 * @param ttlSeconds an integer from 1 to 2,147,483,647.
 * @throws {CloudflareClientError} `INVALID_TTL`, naming the value and the bounds.
 */
export function checkTtl(ttlSeconds: unknown): asserts ttlSeconds is number {
  if (isIntegerFrom(1, ttlSeconds)) return;
  throw refusal(ttlSeconds, `an integer from 1 to ${MAX_TTL_SECONDS}`);
}

/**
 * Refuses what KV itself does not take as a lifetime.
 *
 * @param ttlSeconds an integer from 60 to 2,147,483,647.
 * @throws {CloudflareClientError} `INVALID_TTL`, naming the value and the bounds.
 */
export function checkNativeTtl(ttlSeconds: unknown): asserts ttlSeconds is number {
  if (isIntegerFrom(MIN_NATIVE_TTL_SECONDS, ttlSeconds)) return;
  const bounds = `an integer from ${MIN_NATIVE_TTL_SECONDS} (KV keeps nothing for less; CacheClient does)`;
  throw refusal(ttlSeconds, `${bounds} to ${MAX_TTL_SECONDS}`);
}

/** The lifetime to give KV for a value that this package itself expires after `ttlSeconds`. */
export function nativeTtl(ttlSeconds: number): number {
  return Math.max(MIN_NATIVE_TTL_SECONDS, Math.ceil(ttlSeconds));
}

function isIntegerFrom(minimum: number, value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= minimum && (value as number) <= MAX_TTL_SECONDS;
}

function refusal(value: unknown, bounds: string): CloudflareClientError {
  const shown = typeof value === 'number' ? String(value) : `of type ${typeof value}`;
  return new CloudflareClientError('INVALID_TTL', `TTL ${shown} is refused: give seconds as ${bounds}.`);
}
