import { CloudflareClientError } from '../../errors.js';

/** R2's bound on a key, and so on a prefix, in UTF-8 bytes (https://developers.cloudflare.com/r2/platform/limits/). */
export const MAX_KEY_BYTES = 1024;

const BUCKET_NAME = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const CONTROL_CHARACTER = /[\p{Cc}\ufffe\uffff]/u;
// With the `u` flag this matches only a surrogate that has lost its other half.
const LONE_SURROGATE = /\p{Surrogate}/u;
const DOT_SEGMENT = /(?:^|\/)\.\.?(?:\/|$)/;
const SHOWN_CHARACTERS = 80;
const encoder = new TextEncoder();

/** `value` as it may stand in a message: quoted, and cut when it is long. */
export function shown(value: unknown): string {
  if (typeof value !== 'string')
    return value === null ? 'null' : typeof value === 'number' ? String(value) : typeof value;
  return JSON.stringify(value.length > SHOWN_CHARACTERS ? `${value.slice(0, SHOWN_CHARACTERS)}...` : value);
}

/** Tells whether R2 takes a text as a bucket name. */
export function isBucketName(name: string): boolean {
  return BUCKET_NAME.test(name);
}

/**
 * Refuses what R2 does not take as a bucket name: 3 to 63 lower-case letters, digits and hyphens, no hyphen at an end.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkBucket(bucket: unknown, name = 'bucket'): asserts bucket is string {
  if (typeof bucket === 'string' && isBucketName(bucket)) return;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${name} ${shown(bucket)} is not a bucket name: 3 to 63 lower-case letters, digits and hyphens.`,
  );
}

/**
 * Refuses a key that R2 does not take (1 to 1,024 UTF-8 bytes, well-formed) and one that this API cannot address: URL
 * parsers resolve `.` and `..` segments, so `a/../b` would reach the object `b`; and a listing, being XML, cannot name a
 * control character.
 *
 * @throws {CloudflareClientError} `INVALID_KEY`
 */
export function checkKey(key: unknown, name = 'key'): asserts key is string {
  checkDeletableKey(key, name);
  if (CONTROL_CHARACTER.test(key)) throw invalidKey(key, name, 'holds a control character');
  if (DOT_SEGMENT.test(key)) {
    throw invalidKey(key, name, 'has a segment `.` or `..`, which a URL cannot carry');
  }
}

/**
 * Refuses only what cannot be a key at all, so that whatever a listing returns can be deleted.
 *
 * @throws {CloudflareClientError} `INVALID_KEY`
 */
export function checkDeletableKey(key: unknown, name = 'key'): asserts key is string {
  if (typeof key !== 'string') throw invalidKey(key, name, 'is not a string');
  if (key === '') throw invalidKey(key, name, 'is empty');
  if (LONE_SURROGATE.test(key)) throw invalidKey(key, name, 'holds half of a surrogate pair');
  // A UTF-16 unit is three bytes at most: most keys need no counting.
  const bytes = key.length * 3 > MAX_KEY_BYTES ? encoder.encode(key).byteLength : 0;
  if (bytes > MAX_KEY_BYTES) throw invalidKey(key, name, `is ${bytes} bytes long; ${MAX_KEY_BYTES} is the most`);
}

/**
 * Refuses a prefix that no key can have. The empty prefix stands for the whole bucket.
 *
 * @throws {CloudflareClientError} `INVALID_PREFIX`
 */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  if (typeof prefix !== 'string') throw invalidPrefix(prefix, 'is not a string');
  if (LONE_SURROGATE.test(prefix)) throw invalidPrefix(prefix, 'holds half of a surrogate pair');
  const bytes = encoder.encode(prefix).byteLength;
  if (bytes > MAX_KEY_BYTES) throw invalidPrefix(prefix, `is ${bytes} bytes long; ${MAX_KEY_BYTES} is the most`);
}

/** The error for a prefix that is refused. */
export function invalidPrefix(prefix: unknown, why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_PREFIX', `prefix ${shown(prefix)} ${why}.`);
}

function invalidKey(key: unknown, name: string, why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_KEY', `${name} ${shown(key)} ${why}.`);
}
