import { CloudflareClientError } from '../../errors.js';
import { shown } from './object-names.js';

/** R2's bound on the names and values of an object's metadata together, in bytes. */
export const MAX_METADATA_BYTES = 8192;

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const CONTROL_CHARACTER = /\p{Cc}/u;
const LONE_SURROGATE = /\p{Surrogate}/u;
const PRINTABLE_ASCII = /^[\u0020-\u007e]*$/;
const BEYOND_BYTES = /[^\p{ASCII}\u0080-\u00ff]/u;
const ENCODED_WORD = /=\?utf-8\?([bq])\?([^?]*)\?=/gi;
// RFC 2047 bounds an encoded word to 75 characters: 45 bytes in base64, and 12 of frame.
const ENCODED_WORD_BYTES = 45;
const encoder = new TextEncoder();

/**
 * Refuses a header value that HTTP does not carry as it is: it must be printable ASCII, without an end of line.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkHeaderValue(name: string, value: string | undefined): void {
  if (value === undefined) return;
  if (typeof value === 'string' && value !== '' && PRINTABLE_ASCII.test(value)) return;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be printable ASCII and not empty.`);
}

/**
 * Metadata as it travels in `x-amz-meta-*` headers. Names become lower case, as HTTP has it; values beyond ASCII are
 * written as RFC 2047 encoded words, which R2 decodes (https://developers.cloudflare.com/r2/api/s3/api/).
 *
 * @throws {CloudflareClientError} `INVALID_VALUE` for what is no plain object, a name that is no token, a value that is no string or holds a control
 * character, two names that differ in case only, and more than 8,192 bytes in all.
 */
export function encodeMetadata(
  metadata: Readonly<Record<string, string>> | undefined,
): Record<string, string> | undefined {
  if (metadata === undefined) return undefined;
  // The tag, and not the prototype, which is another one in another realm; a Map or an array has entries that are no names.
  if (Object.prototype.toString.call(metadata) !== '[object Object]') throw invalidMetadata('is no plain object');
  const encoded: Record<string, string> = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(metadata)) {
    checkMetadataEntry(name, value);
    if (Object.hasOwn(encoded, name.toLowerCase())) throw invalidMetadata(`name ${shown(name)} is given twice`);
    encoded[name.toLowerCase()] = isPlain(value) ? value : encodeWords(value);
    bytes += encoder.encode(name).byteLength + encoder.encode(value).byteLength;
  }
  if (bytes > MAX_METADATA_BYTES) throw invalidMetadata(`is ${bytes} bytes long; ${MAX_METADATA_BYTES} is the most`);
  return encoded;
}

/** Metadata as the caller gave it, from what the server sent. A malformed encoded word is left as it is. */
export function decodeMetadata(metadata: Readonly<Record<string, string>> | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(metadata ?? {}).map(([name, value]) => [name, decodeWords(fromBytes(value))]),
  );
}

/** Some servers send UTF-8 as it is, and `fetch` gives each of its bytes as a character: what reads as UTF-8 is UTF-8. */
function fromBytes(value: string): string {
  if (PRINTABLE_ASCII.test(value) || BEYOND_BYTES.test(value)) return value;
  const bytes = Uint8Array.from(value, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return value;
  }
}

/** What reads like an encoded word is encoded too: it would come back decoded. */
function isPlain(value: string): boolean {
  return PRINTABLE_ASCII.test(value) && !value.includes('=?');
}

function checkMetadataEntry(name: string, value: unknown): void {
  // Assigned to an object, as the SDK does, it would vanish.
  if (name.toLowerCase() === '__proto__') throw invalidMetadata('cannot have the name "__proto__"');
  if (!TOKEN.test(name)) throw invalidMetadata(`name ${shown(name)} is not an HTTP token`);
  if (typeof value !== 'string') throw invalidMetadata(`${shown(name)} is not a string`);
  if (CONTROL_CHARACTER.test(value)) throw invalidMetadata(`${shown(name)} holds a control character`);
  if (LONE_SURROGATE.test(value)) throw invalidMetadata(`${shown(name)} holds half of a surrogate pair`);
  if (value !== value.trim()) throw invalidMetadata(`${shown(name)} has a space at an end, which HTTP drops`);
}

function invalidMetadata(why: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_VALUE', `metadata ${why}.`);
}

/** Text as RFC 2047 encoded words. */
export function encodeWords(value: string): string {
  const words: string[] = [];
  let word = '';
  for (const character of value) {
    if (encoder.encode(word + character).byteLength > ENCODED_WORD_BYTES) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((part) => `=?utf-8?B?${toBase64(part)}?=`).join(' ');
}

/** Text with its RFC 2047 encoded words decoded; a malformed one is left as it is. */
export function decodeWords(value: string): string {
  // White space between two encoded words belongs to the folding (RFC 2047, 6.2).
  const joined = value.replaceAll(/\?=\s+=\?utf-8\?/gi, '?==?utf-8?');
  return joined.replaceAll(ENCODED_WORD, (whole: string, encoding: string, text: string) => {
    try {
      return encoding.toLowerCase() === 'b' ? fromBase64(text) : fromQuotedPrintable(text);
    } catch {
      return whole;
    }
  });
}

function toBase64(text: string): string {
  return btoa(String.fromCharCode(...encoder.encode(text)));
}

function fromBase64(text: string): string {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

function fromQuotedPrintable(text: string): string {
  return decodeURIComponent(
    text
      .replaceAll('_', ' ')
      .replaceAll('%', '%25')
      .replaceAll(/=([0-9a-f]{2})/gi, '%$1'),
  );
}
