import type { CacheCodec, CodecContext } from '../cache/cache-codec.js';
import { quote } from '../key.js';
import { fromBase64, toBase64 } from './base64.js';
import { checkTextSize, corruptText, unknownFormat } from './codec-error.js';
import type { KeySlot } from './encryption-keys.js';
import { cryptoKeyOf, makeKeySlots } from './encryption-keys.js';
import { checkInnerCodec, encodeInner, unwrapFormat, wrapFormat } from './inner-codec.js';

const SCHEME = 'aes:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** Options of `encryptedCodec`. */
export interface EncryptedCodecOptions {
  /**
   * The keys by their ids, which are 1 to 16 letters, digits, `-` and `_` and are stored with each entry. A key has 16,
   * 24 or 32 random bytes: as base64 or base64url, as bytes (copied), or as an AES-GCM `CryptoKey`.
   */
  readonly keys: Readonly<Record<string, string | Uint8Array | CryptoKey>>;
  /** The id of the key that encrypts. The others only decrypt. */
  readonly current: string;
  /**
   * How values become the text that is encrypted.
   *
   * @default jsonCodec()
   */
  readonly codec?: CacheCodec;
}

/**
 * Makes a codec that encrypts and authenticates with AES-GCM, a fresh random IV for each value.
 *
 * It protects what KV stores from whoever reads the namespace: the dashboard, an API token, a backup. An entry that was
 * changed, or moved to another cache key, does not decrypt. It does not hide cache keys, sizes, times and tags, and
 * does not stop somebody who writes to the namespace from putting back an older text of the same key. Plain entries
 * from before are not read, else anybody who writes could plant one: they are misses.
 *
 * To rotate, add a key and make it `current`; drop the old one when its last entry has expired. One key is good for
 * 2^32 values, the bound for random IVs (NIST SP 800-38D, 8.3).
 *
 * @param options the keys, the current one, and the codec inside. Compress inside, not outside: what is encrypted has
 *   no patterns left.
 * @returns a codec of the format `aes:{id}`, with `+` and the inner format where that is not empty. It may be made at
 *   module scope, and holds text of at most 18.7 MiB before encryption.
 * @throws {CloudflareClientError} `INVALID_OPTION`, which never holds key material; `encode` rejects with
 *   `INVALID_VALUE`, `decode` with `KV_CORRUPT_VALUE`, also for the id of a key that is not there.
 * @example
 * ```ts
 * declare const oldKey: string, newKey: string;
 * const keys = { '2026a': oldKey, '2026b': newKey };
 * const codec = encryptedCodec({ keys, current: '2026b', codec: gzipCodec() });
 * const users = new CacheClient(env.CACHE_KV, { codec });
 * ```
 */
export function encryptedCodec(options: EncryptedCodecOptions): CacheCodec {
  const { current } = options;
  const slots = makeKeySlots(options.keys, current);
  const codec = checkInnerCodec('encryptedCodec', options.codec);
  return {
    async encode(value, context) {
      const inner = await encodeInner(codec, value, context);
      const format = wrapFormat(SCHEME + current, inner.format);
      const text = await encrypt(inner.text, slotOf(slots, current), boundTo(context, format));
      checkTextSize(text, 'encrypted');
      return { text, format };
    },
    async decode({ text, format }, context) {
      const { outer, inner } = unwrapFormat(format);
      if (!outer.startsWith(SCHEME)) throw unknownFormat('encryptedCodec', format);
      const plain = await decrypt(text, slotOf(slots, outer.slice(SCHEME.length)), boundTo(context, format));
      return codec.decode({ text: plain, format: inner }, context);
    },
  };
}

function slotOf(slots: ReadonlyMap<string, KeySlot>, id: string): KeySlot {
  const slot = slots.get(id);
  if (slot !== undefined) return slot;
  throw corruptText(`encryptedCodec has no key ${quote(id)}.`);
}

// What a text belongs to. A format has no line break, so no two pairs give the same bytes.
function boundTo({ key }: CodecContext, format: string): Uint8Array {
  return new TextEncoder().encode(`${key}\n${format}`);
}

async function encrypt(text: string, slot: KeySlot, additionalData: Uint8Array): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
  const key = await cryptoKeyOf(slot);
  const algorithm = { name: 'AES-GCM', iv, additionalData };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, new TextEncoder().encode(text)));
  const bytes = new Uint8Array(IV_BYTES + sealed.length);
  bytes.set(iv);
  bytes.set(sealed, IV_BYTES);
  return toBase64(bytes);
}

async function decrypt(text: string, slot: KeySlot, additionalData: Uint8Array): Promise<string> {
  const key = await cryptoKeyOf(slot);
  try {
    const bytes = fromBase64(text);
    if (bytes.length < IV_BYTES + TAG_BYTES) throw corruptText('It is too short for an IV and a tag.');
    const algorithm = { name: 'AES-GCM', iv: bytes.subarray(0, IV_BYTES), additionalData };
    const plain = await crypto.subtle.decrypt(algorithm, key, bytes.subarray(IV_BYTES));
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(plain);
  } catch (cause) {
    throw corruptText('The text does not decrypt: it was changed, moved, or made with another key.', cause);
  }
}
