import { CloudflareClientError } from '../../../errors.js';
import { fromBase64, toBase64 } from './base64.js';

const KEY_ID = /^[A-Za-z0-9_-]{1,16}$/;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
// Of 16, 24 and 32 bytes. Those of 16 are also base64 of 24 bytes, and would make a key that no other program has.
const HEXADECIMAL = /^([0-9a-f]{32}|[0-9a-f]{48}|[0-9a-f]{64})$/i;
const KEY_BYTES = [16, 24, 32];

/** A key, imported on first use: Workers do no such work at module scope. */
export interface KeySlot {
  readonly raw: Uint8Array<ArrayBuffer> | null;
  key: CryptoKey | null;
}

/**
 * Checks the keys of an encrypting codec. No message holds anything of what was given but ids of the right form: what
 * stands in the wrong place may be a key.
 *
 * @param keys keys by id, as base64, bytes or `CryptoKey`.
 * @param current the id of the one that encrypts.
 * @returns the keys by id.
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function makeKeySlots(keys: unknown, current: unknown): ReadonlyMap<string, KeySlot> {
  if (typeof keys !== 'object' || keys === null) throw refusal('keys is refused: give an object of keys by id.');
  const slots = new Map<string, KeySlot>();
  for (const [id, key] of Object.entries(keys)) {
    if (!KEY_ID.test(id)) throw refusal('an id in keys is refused: give 1 to 16 letters, digits, "-" and "_".');
    slots.set(id, slotOf(id, key, id === current));
  }
  if (typeof current === 'string' && slots.has(current)) return slots;
  throw refusal('current is refused: give the id of one of keys.');
}

/**
 * Imports a key, once per isolate apart from what overlaps.
 *
 * @param slot the key.
 * @returns the key for WebCrypto.
 */
export async function cryptoKeyOf(slot: KeySlot): Promise<CryptoKey> {
  if (slot.key !== null) return slot.key;
  // The key is kept and not the promise: in workerd, one that a request made must not be awaited by another.
  const key = await crypto.subtle.importKey('raw', slot.raw as Uint8Array, 'AES-GCM', false, ['encrypt', 'decrypt']);
  slot.key = key;
  return key;
}

function slotOf(id: string, key: unknown, isCurrent: boolean): KeySlot {
  if (isCryptoKey(key)) return { raw: null, key: checkCryptoKey(id, key, isCurrent) };
  if (typeof key === 'string' && HEXADECIMAL.test(key)) {
    throw refusal(`the key "${id}" is refused: it looks like hexadecimal; give its bytes as base64.`);
  }
  const raw = rawBytes(key);
  if (raw !== null && KEY_BYTES.includes(raw.length)) return { raw, key: null };
  const size = raw === null ? '' : ` of ${raw.length} bytes`;
  throw refusal(
    `the key "${id}"${size} is refused: give 16, 24 or 32 bytes, as base64, a Uint8Array or an AES-GCM CryptoKey.`,
  );
}

function checkCryptoKey(id: string, key: CryptoKey, isCurrent: boolean): CryptoKey {
  const usages = isCurrent ? ['encrypt', 'decrypt'] : ['decrypt'];
  if (key.algorithm.name === 'AES-GCM' && usages.every((usage) => key.usages.includes(usage))) return key;
  throw refusal(`the key "${id}" is refused: give a CryptoKey of AES-GCM that may ${usages.join(' and ')}.`);
}

function rawBytes(key: unknown): Uint8Array<ArrayBuffer> | null {
  if (tagOf(key) === 'Uint8Array') return Uint8Array.from(key as Uint8Array);
  if (typeof key !== 'string' || !BASE64.test(key)) return null;
  const text = key.replaceAll('-', '+').replaceAll('_', '/');
  const bytes = decode(text);
  // What bytes are not written as has bits left over: a password, or a key that was cut.
  return bytes !== null && withoutPadding(toBase64(bytes)) === withoutPadding(text) ? bytes : null;
}

function decode(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return fromBase64(text);
  } catch {
    // Of a length that base64 does not have.
    return null;
  }
}

function withoutPadding(text: string): string {
  return text.replace(/=+$/, '');
}

function isCryptoKey(key: unknown): key is CryptoKey {
  return tagOf(key) === 'CryptoKey';
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function refusal(sentence: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `encryptedCodec: ${sentence}`);
}
