import { CloudflareClientError } from '../../../errors.js';
import { toHex } from '../../../internal/sha256.js';
import type { SessionPeppers } from './session-options.js';

/** A pepper that was checked. */
export type HmacSlot = string | PepperBytes | CryptoKey;

/** A copy of bytes: who made them may wipe them once the client is made. */
interface PepperBytes {
  readonly bytes: Uint8Array;
  readonly hex: string;
}

const MIN_BYTES = 16;
const MAX_PEPPERS = 4;
const MAX_KEPT = 16;

// Imported once per isolate, on first use: Workers do no such work at module scope. The keys are kept and not the promises: in workerd, a promise
// that one request made must not be awaited by another.
const keptByText = new Map<string, CryptoKey>();
const keptByHex = new Map<string, CryptoKey>();

/**
 * Checks peppers; no message holds any of one.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`.
 */
export function makeHmacSlots(options: SessionPeppers): readonly HmacSlot[] {
  const peppers: unknown = (options as Partial<SessionPeppers> | null)?.peppers;
  if (!Array.isArray(peppers) || peppers.length === 0 || peppers.length > MAX_PEPPERS) {
    throw refusal(`hashKeys.peppers is refused: give a list of 1 to ${MAX_PEPPERS} secrets, the newest first`);
  }
  return peppers.map(checkPepper);
}

/** The key of a pepper. */
export async function hmacKeyOf(slot: HmacSlot): Promise<CryptoKey> {
  if (typeof slot === 'string') return keptByText.get(slot) ?? keep(keptByText, slot, await importKey(encode(slot)));
  if (!('bytes' in slot)) return slot;
  return keptByHex.get(slot.hex) ?? keep(keptByHex, slot.hex, await importKey(slot.bytes));
}

function keep(kept: Map<string, CryptoKey>, name: string, key: CryptoKey): CryptoKey {
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value ?? '');
  kept.set(name, key);
  return key;
}

function importKey(bytes: Uint8Array): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', Uint8Array.from(bytes), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
}

function checkPepper(pepper: unknown, index: number): HmacSlot {
  if (typeof pepper === 'string' && encode(pepper).length >= MIN_BYTES) return pepper;
  if (isBytes(pepper) && pepper.length >= MIN_BYTES) {
    const bytes = Uint8Array.from(pepper);
    return { bytes, hex: toHex(bytes.buffer) };
  }
  if (isHmacKey(pepper)) return pepper;
  throw refusal(
    `hashKeys.peppers[${index}] is refused: give at least ${MIN_BYTES} bytes as text or Uint8Array, or a CryptoKey for HMAC with SHA-256 that may sign`,
  );
}

function isBytes(value: unknown): value is Uint8Array {
  return tagOf(value) === 'Uint8Array';
}

function isHmacKey(value: unknown): value is CryptoKey {
  if (tagOf(value) !== 'CryptoKey') return false;
  const { algorithm, usages } = value as CryptoKey;
  const { name, hash } = algorithm as { name: string; hash?: { name?: string } };
  return name === 'HMAC' && hash?.name === 'SHA-256' && usages.includes('sign');
}

// Not by class: tests and libraries bring their own copies of the global ones.
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function refusal(sentence: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `Option ${sentence}.`);
}
