import { CloudflareClientError } from '../errors.js';

/** What unstorage itself writes before binary content that a driver keeps as text. */
const BASE64_PREFIX = 'base64:';
// Arguments of one call lie on the stack.
const CHUNK_BYTES = 0x2000;

/**
 * Binary content as the text that unstorage makes of it, so that either reads the other's.
 *
 * @param value a string, which stays as it is, or bytes.
 * @throws {CloudflareClientError} `INVALID_VALUE` for anything else.
 */
export function rawToText(value: unknown): string {
  if (typeof value === 'string') return value;
  const bytes = bytesOf(value);
  let binary = '';
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + CHUNK_BYTES));
  }
  return BASE64_PREFIX + btoa(binary);
}

/** The content of a text that `rawToText` or unstorage made: bytes, or the text itself where it is not base64. */
export function textToRaw(text: string): string | Uint8Array {
  if (!text.startsWith(BASE64_PREFIX)) return text;
  try {
    return Uint8Array.from(atob(text.slice(BASE64_PREFIX.length)), (unit) => unit.charCodeAt(0));
  } catch {
    return text;
  }
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `A raw value of type ${typeof value} is refused: give a string, an ArrayBuffer or a view of one.`,
  );
}
