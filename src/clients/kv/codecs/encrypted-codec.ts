import { CloudflareClientError } from '../../../errors.js';
import type { CacheCodec } from '../cache/cache-codec.js';
import { isWellFormed, quote } from '../key.js';
import { fromBase64, toBase64 } from './base64.js';
import { checkTextSize, corruptText, unknownFormat } from './codec-error.js';
import type { KeySlot } from './encryption-keys.js';
import { cryptoKeyOf, makeKeySlots } from './encryption-keys.js';
import { checkInnerCodec, encodeInner, unwrapFormat, wrapFormat } from './inner-codec.js';

const SCHEME = 'aes:';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const MAX_CONTEXT_LENGTH = 256;

/**
 * A key of WebCrypto. By structure, because the global `CryptoKey` has another name in `@types/node` and none without types
 * for a platform; those of the DOM, of Node and of `@cloudflare/workers-types` are assignable to it.
 */
export interface CryptoKeyLike {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}

/** Options of `encryptedCodec`. */
export interface EncryptedCodecOptions {
  /**
   * The keys by their ids, which are 1 to 16 letters, digits, `-` and `_` and are stored with each entry. A key has 16,
   * 24 or 32 random bytes: as base64 or base64url, as bytes (copied), or as an AES-GCM `CryptoKey`. `openssl rand -base64 32`
   * makes one. A password is none, and hexadecimal is refused.
   */
  readonly keys: Readonly<Record<string, string | Uint8Array | CryptoKeyLike>>;
  /** The id of the key that encrypts. The others only decrypt. */
  readonly current: string;
  /**
   * What the texts belong to beside their cache keys: the environment, the tenant, the namespace. 1 to 256 characters without
   * a line break. It is bound to each text and not stored, so that one which was copied from elsewhere does not decrypt.
   * Entries made with another one, or with none, are misses.
   *
   * @default none: texts may move between namespaces that share a key
   */
  readonly context?: string;
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
 * changed, or moved to another cache key, does not decrypt; nor, with `context`, one that comes from another namespace. It
 * does not hide cache keys, sizes, times and tags, and does not stop somebody who writes to the namespace from putting back
 * an older text of the same key. Plain entries from before are not read, else anybody who writes could plant one: they are
 * misses.
 *
 * A rotation takes two deployments: first add the new key to `keys` everywhere, then make it `current`. In one, Workers that
 * still run the old version miss what the new one writes, and write it again. Drop the old key when its last entry has
 * expired. One key is good for 2^32 values, the bound for random IVs (NIST SP 800-38D, 8.3).
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
  checkOptions(options);
  const { current, context: bound } = options;
  checkContext(bound);
  const slots = makeKeySlots(options.keys, current);
  const codec = checkInnerCodec('encryptedCodec', options.codec);
  return {
    async encode(value, context) {
      const inner = await encodeInner(codec, value, context);
      const format = wrapFormat(SCHEME + current, inner.format);
      const text = await encrypt(inner.text, slotOf(slots, current), boundTo(context.key, format, bound));
      checkTextSize(text, 'encrypted');
      return { text, format };
    },
    async decode({ text, format }, context) {
      const { outer, inner } = unwrapFormat(format);
      if (!outer.startsWith(SCHEME) || format.includes('\n')) throw unknownFormat('encryptedCodec', format);
      const slot = slotOf(slots, outer.slice(SCHEME.length));
      const plain = await decrypt(text, slot, boundTo(context.key, format, bound));
      return codec.decode({ text: plain, format: inner }, context);
    },
  };
}

function checkOptions(options: unknown): void {
  if (typeof options === 'object' && options !== null) return;
  const message = 'encryptedCodec: the options are refused: give an object with keys and current.';
  throw new CloudflareClientError('INVALID_OPTION', message);
}

function checkContext(context: unknown): void {
  if (context === undefined) return;
  const isText = typeof context === 'string' && isWellFormed(context) && !context.includes('\n');
  if (isText && context.length >= 1 && context.length <= MAX_CONTEXT_LENGTH) return;
  const message = `encryptedCodec: context is refused: give 1 to ${MAX_CONTEXT_LENGTH} characters without a line break.`;
  throw new CloudflareClientError('INVALID_OPTION', message);
}

function slotOf(slots: ReadonlyMap<string, KeySlot>, id: string): KeySlot {
  const slot = slots.get(id);
  if (slot !== undefined) return slot;
  throw corruptText(`encryptedCodec has no key ${quote(id)}.`);
}

// What a text belongs to. Only the key may have line breaks, and none but those with a context end in one: so no two give
// the same bytes.
function boundTo(key: string, format: string, context: string | undefined): Uint8Array {
  return new TextEncoder().encode(context === undefined ? `${key}\n${format}` : `${key}\n${format}\n${context}\n`);
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
