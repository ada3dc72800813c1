import { MAX_KEY_BYTES, utf8Bytes } from '../clients/kv/key.js';
import { sha256 } from '../internal/sha256.js';

const HASHED = 'sha256:';

/**
 * The key of a cached call, under the pattern `cache:{feature}:{key}`. What would exceed KV's 512 bytes is replaced by
 * its SHA-256, `cache:{feature}:sha256:{hex}`.
 *
 * @param feature names the method; holds no colon.
 * @param key tells the calls of the method apart.
 * @returns the key; a promise of it only where it is hashed.
 * @see https://developers.cloudflare.com/kv/platform/limits/
 */
export function cacheKey(feature: string, key: string): string | Promise<string> {
  const full = `cache:${feature}:${key}`;
  // A key that looks hashed is hashed too: nothing that a caller passes can equal the hash of something else.
  const isShort = full.length * 3 <= MAX_KEY_BYTES || utf8Bytes(full) <= MAX_KEY_BYTES;
  if (isShort && !key.startsWith(HASHED)) return full;
  return sha256(key).then((digest) => `cache:${feature}:${HASHED}${digest}`);
}
