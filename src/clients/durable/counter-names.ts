import { CloudflareClientError } from '../../errors.js';
import { isWellFormed, keyPrefix, utf8Bytes } from '../kv/key.js';

/** Longest name of a counter, idempotency key and key of `once`, in UTF-8 bytes. An object's own name may take 1,024. */
export const MAX_NAME_BYTES = 512;

/**
 * Refuses what cannot name a counter or a piece of work.
 *
 * @param what for the message: `name`.
 * @param name a string of 1 to 512 UTF-8 bytes without half of a surrogate pair. Messages show it up to its first colon.
 * @throws {CloudflareClientError} `INVALID_KEY`.
 */
export function checkName(what: string, name: unknown): asserts name is string {
  const fault = findFault(name);
  if (fault === null) return;
  const shown = typeof name === 'string' ? `${keyPrefix(name)}…` : `of type ${typeof name}`;
  throw new CloudflareClientError('INVALID_KEY', `The ${what} ${shown} is refused: it ${fault}`);
}

/**
 * The object of a counter's shard. Shard 0 is the one of an unsharded counter, so that a counter which is spread later keeps its value. A name
 * stands behind a slash that no kind holds: no two kinds share an object.
 */
export function shardObject(name: string, shard: number): string {
  return shard === 0 ? `counter/${name}` : `counter-${shard}/${name}`;
}

/** The object of a piece of work that is done once. */
export function onceObject(key: string): string {
  return `once/${key}`;
}

/** The shard of an idempotency key: the same for the same key. FNV-1a over UTF-16 units (http://www.isthe.com/chongo/tech/comp/fnv/). */
export function shardOfKey(key: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % shards;
}

function findFault(name: unknown): string | null {
  if (typeof name !== 'string') return 'is no string.';
  if (name === '') return `is empty; the bounds are 1 and ${MAX_NAME_BYTES} bytes.`;
  if (!isWellFormed(name)) return 'holds half of a surrogate pair, which has no UTF-8 form.';
  const bytes = utf8Bytes(name);
  return bytes > MAX_NAME_BYTES ? `takes ${bytes} bytes in UTF-8; the bound is ${MAX_NAME_BYTES}.` : null;
}
