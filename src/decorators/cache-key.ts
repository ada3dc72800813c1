import { MAX_KEY_BYTES, isWellFormed, utf8Bytes } from '../clients/kv/key.js';
import { CloudflareClientError } from '../errors.js';
import { sha256 } from '../internal/sha256.js';

const HASHED = 'sha256:';
// With the longest name and a hashed key it fits into KV's 512 bytes.
const MAX_SCOPE_BYTES = 128;
// Of a UTF-16 unit in UTF-8: what is short enough at that needs no counting.
const MAX_UNIT_BYTES = 3;

/**
 * The key of a cached call, under the pattern `cache:{feature}:{key}` or, for what belongs to somebody,
 * `cache:{feature}:@{scope}:{key}`. What would exceed KV's 512 bytes is replaced by its SHA-256, `cache:...:sha256:{hex}`.
 *
 * @param feature names the method; without a colon.
 * @param key tells the calls of the method apart.
 * @param scope a {@link scopePart}.
 * @returns the key; a promise of it only where it is hashed.
 * @see https://developers.cloudflare.com/kv/platform/limits/
 */
export function cacheKey(feature: string, key: string, scope?: string): string | Promise<string> {
  const path = scope === undefined ? `cache:${feature}:` : `cache:${feature}:@${scope}:`;
  const full = path + (scope === undefined ? unscopedKey(key) : key);
  // A key that looks hashed is hashed too: nothing that a caller passes can equal the hash of something else.
  const isShort = full.length * MAX_UNIT_BYTES <= MAX_KEY_BYTES || utf8Bytes(full) <= MAX_KEY_BYTES;
  if (isShort && !key.startsWith(HASHED)) return full;
  return sha256(key).then((digest) => path + HASHED + digest);
}

/**
 * What the keys of a cached method start with: `cache:{name}:`, and with a scope `cache:{name}:@{scope}:`. For
 * `cache.deletePrefix` and `@CacheEvict({ prefix })`.
 *
 * @param name the `name` option of the method.
 * @param scope what its `scope` option gives; without one, the prefix covers all scopes.
 * @returns the prefix, `:` and `%` in name and scope escaped as they are in keys.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` for an empty name, and for a scope that no call can have.
 * @example
 * ```ts
 * await cache.deletePrefix(cachePrefix('feed', creatorId));
 * ```
 */
export function cachePrefix(name: string, scope?: string): string {
  if (typeof name !== 'string' || name === '') {
    throw new CloudflareClientError('INVALID_ARGUMENT', 'cachePrefix: name must be a non-empty string.');
  }
  return scope === undefined
    ? `cache:${encodePart(name)}:`
    : `cache:${encodePart(name)}:@${scopePart(scope, 'cachePrefix')}:`;
}

/** Text as part of a key: a colon ends a part, so none stands inside it. */
export function encodePart(text: string): string {
  return text.replace(/[%:]/g, (character) => (character === ':' ? '%3A' : '%25'));
}

/** A key as it stands where there is no scope. A `@` begins a scope, whatever class asks: no key that a caller passes does. */
function unscopedKey(key: string): string {
  if (key.startsWith('@')) return `%40${key.slice(1)}`;
  // Or a key could say what an escaped one does.
  return key.startsWith('%') ? `%25${key.slice(1)}` : key;
}

/**
 * A scope as part of a key.
 *
 * @param scope what the `scope` option gave: 1 to 128 UTF-8 bytes, three for each `:` and `%`.
 * @param where begins the message.
 * @throws {CloudflareClientError} `INVALID_ARGUMENT`: what belongs to nobody is not shared with everybody by mistake.
 */
export function scopePart(scope: unknown, where: string): string {
  if (typeof scope === 'string' && scope !== '' && isWellFormed(scope)) {
    const part = /[%:]/.test(scope) ? encodePart(scope) : scope;
    if (part.length * MAX_UNIT_BYTES <= MAX_SCOPE_BYTES || utf8Bytes(part) <= MAX_SCOPE_BYTES) return part;
  }
  const got = typeof scope === 'string' ? `a string of ${scope.length} characters` : `a ${typeof scope}`;
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `${where}: scope must be a well-formed string of 1 to ${MAX_SCOPE_BYTES} UTF-8 bytes (three for each : and %), got ${got}. ` +
      'For callers without one, leave the cache out: when: (...args) => false.',
  );
}
