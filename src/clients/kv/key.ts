import { CloudflareClientError } from '../../errors.js';

/** Longest key that KV takes, in UTF-8 bytes. https://developers.cloudflare.com/kv/platform/limits/ */
export const MAX_KEY_BYTES = 512;

// A UTF-16 unit takes at most three bytes in UTF-8, so a key this short needs no counting.
const SURELY_SHORT_LENGTH = Math.floor(MAX_KEY_BYTES / 3);
const QUOTED_LENGTH = 48;
const NON_ASCII = /[\u0080-\uffff]/;

/**
 * Refuses what KV cannot take as a key.
 *
 * @param key a string of 1 to 512 UTF-8 bytes, not `.` or `..`, without a lone surrogate.
 * @throws {CloudflareClientError} `INVALID_KEY`, naming the key (shortened) and the bound.
 */
export function checkKey(key: unknown): asserts key is string {
  const fault = findKeyFault(key);
  if (fault !== null) throw new CloudflareClientError('INVALID_KEY', `Key ${quote(key)} ${fault}`);
}

/**
 * Refuses what is no list of keys, and each key that KV cannot take.
 *
 * @returns the keys in the order given, each once.
 * @throws {CloudflareClientError} `INVALID_KEY`.
 */
export function checkKeys(keys: unknown): string[] {
  // A string is iterable as well, and its characters would be taken for keys.
  const isList = typeof keys === 'object' && keys !== null && Symbol.iterator in keys;
  if (!isList) throw new CloudflareClientError('INVALID_KEY', `Keys ${quote(keys)} are no list of keys.`);
  const unique = [...new Set(keys as Iterable<string>)];
  unique.forEach(checkKey);
  return unique;
}

/**
 * Says what is wrong with a key, in words that do not repeat it: a session key holds a credential.
 *
 * @returns the end of a sentence, or `null` for a key that KV takes.
 */
export function findKeyFault(key: unknown): string | null {
  if (typeof key !== 'string') return 'is not a string.';
  if (key.length === 0) return `is empty; a key has 1 to ${MAX_KEY_BYTES} bytes.`;
  if (key === '.' || key === '..') return 'is a name that KV refuses.';
  return findTextFault(key);
}

/**
 * Refuses what KV cannot take as a listing prefix. The empty prefix, which matches every key, passes.
 *
 * @param prefix a string of at most 512 UTF-8 bytes without a lone surrogate.
 * @throws {CloudflareClientError} `INVALID_PREFIX`, naming the prefix (shortened) and the bound.
 */
export function checkPrefix(prefix: unknown): asserts prefix is string {
  const fault = typeof prefix === 'string' ? findTextFault(prefix) : 'is not a string.';
  if (fault !== null) throw new CloudflareClientError('INVALID_PREFIX', `Prefix ${quote(prefix)} ${fault}`);
}

/**
 * The part of a key that events carry: it ends where the caller's own identifiers begin.
 *
 * @returns `cache:{feature}:` for keys of that pattern, else everything up to the first `:`, else the empty string.
 */
export function keyPrefix(key: string): string {
  const first = key.indexOf(':') + 1;
  if (!key.startsWith('cache:')) return key.slice(0, first);
  const second = key.indexOf(':', first) + 1;
  return key.slice(0, second === 0 ? first : second);
}

/** The number of bytes that `text` takes in UTF-8. Counted, not encoded: values can be 25 MiB. */
export function utf8Bytes(text: string): number {
  if (!NON_ASCII.test(text)) return text.length;
  let bytes = text.length;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x80) bytes += unit >= 0x800 ? 2 : 1;
    // Both halves of a pair were counted as three bytes; together they take four.
    if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text.charCodeAt(index + 1))) bytes -= 2;
  }
  return bytes;
}

/** Quotes a caller's value for a message, shortened to 48 characters; anything but a string is named by its type. */
export function quote(value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : `of type ${typeof value}`;
  return JSON.stringify(value.length > QUOTED_LENGTH ? `${value.slice(0, QUOTED_LENGTH)}…` : value);
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}

function findTextFault(text: string): string | null {
  if (text.length > SURELY_SHORT_LENGTH) {
    const bytes = utf8Bytes(text);
    if (bytes > MAX_KEY_BYTES) return `takes ${bytes} bytes in UTF-8; the bound is ${MAX_KEY_BYTES}.`;
  }
  return isWellFormed(text) ? null : 'holds half of a surrogate pair, which has no UTF-8 form.';
}

/** Whether `text` has a UTF-8 form: no half of a surrogate pair stands alone. */
// ES2024, in Node since 20 and in workerd; the compiler's library of this package is ES2023.
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
