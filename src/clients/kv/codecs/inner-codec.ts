import { CloudflareClientError } from '../../../errors.js';
import type { CacheCodec, CodecContext, EncodedValue } from '../cache/cache-codec.js';
import { isWellFormed } from '../key.js';
import { jsonCodec } from './json-codec.js';

// Printable ASCII of the length that an entry's metadata has room for.
const FORMAT = /^[ -~]{0,40}$/;

/**
 * Checks the `codec` option of a codec that wraps another.
 *
 * @param owner the name of the wrapping codec.
 * @param codec the option.
 * @returns the codec, or that of strict JSON.
 * @throws {CloudflareClientError} `INVALID_OPTION` for what is no codec.
 */
export function checkInnerCodec(owner: string, codec: unknown): CacheCodec {
  if (codec === undefined) return jsonCodec();
  if (isCodec(codec)) return codec;
  const message = `${owner}: codec is refused: give an object with the functions encode and decode.`;
  throw new CloudflareClientError('INVALID_OPTION', message);
}

/**
 * Encodes with the inner codec, for bytes to be made of its text.
 *
 * @param codec the inner codec.
 * @param value what is encoded.
 * @param context as the wrapping codec got it.
 * @returns what the inner codec made.
 * @throws {CloudflareClientError} `INVALID_VALUE` for a text with half of a surrogate pair: UTF-8 cannot hold it.
 */
export async function encodeInner(codec: CacheCodec, value: unknown, context: CodecContext): Promise<EncodedValue> {
  const inner = await codec.encode(value, context);
  if (isWellFormed(inner.text)) return inner;
  const message = 'The text of the inner codec holds half of a surrogate pair, which has no UTF-8 form.';
  throw new CloudflareClientError('INVALID_VALUE', message);
}

/**
 * Names the format of a wrapped text.
 *
 * @param outer what the wrapping codec did.
 * @param inner the inner format.
 * @returns such as `gzip` or `gzip+devalue`.
 * @throws {CloudflareClientError} `INVALID_VALUE` for more than 40 characters, or others than printable ASCII.
 */
export function wrapFormat(outer: string, inner: string): string {
  const format = inner === '' ? outer : `${outer}+${inner}`;
  if (FORMAT.test(format)) return format;
  const message = `The format "${outer}+…" is refused: with the inner one it has 40 printable characters at most.`;
  throw new CloudflareClientError('INVALID_VALUE', message);
}

/**
 * Reads what `wrapFormat` wrote.
 *
 * @param format the whole format.
 * @returns what the wrapping codec did, and the inner format.
 */
export function unwrapFormat(format: string): { readonly outer: string; readonly inner: string } {
  const plus = format.indexOf('+');
  return plus === -1 ? { outer: format, inner: '' } : { outer: format.slice(0, plus), inner: format.slice(plus + 1) };
}

function isCodec(value: unknown): value is CacheCodec {
  const candidate = Object(value) as Partial<CacheCodec>;
  return typeof candidate.encode === 'function' && typeof candidate.decode === 'function';
}
