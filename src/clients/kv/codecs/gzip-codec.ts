import { CloudflareClientError } from '../../../errors.js';
import type { CacheCodec, EncodedValue } from '../cache/cache-codec.js';
import { quote, utf8Bytes } from '../key.js';
import { fromBase64, toBase64 } from './base64.js';
import { checkTextSize, corruptText } from './codec-error.js';
import { checkInnerCodec, encodeInner, unwrapFormat, wrapFormat } from './inner-codec.js';

// An isolate has 128 MB for everything; a string takes one byte for each character, or two.
const MAX_PLAIN_BYTES = 64 * 1024 * 1024;
const MAX_THRESHOLD_BYTES = 25 * 1024 * 1024;
const DEFAULT_THRESHOLD_BYTES = 10_000;
const FORMAT = 'gzip';
// What gzipCodec made may stand inside another: whichever of the two unpacks a text, it comes out.
const OWN = new WeakSet<CacheCodec>();

/** Options of `gzipCodec`. */
export interface GzipCodecOptions {
  /**
   * UTF-8 bytes from which a text is compressed, an integer from 0 to 26,214,400. Smaller ones are not worth the time.
   *
   * @default 10_000
   */
  readonly thresholdBytes?: number;
  /**
   * How values become the text that is compressed. Its own format must not be `gzip` or begin with `gzip+`.
   *
   * @default jsonCodec()
   */
  readonly codec?: CacheCodec;
}

/**
 * Makes a codec that compresses large texts, where that makes them smaller: 20,000 small records take a fifth of their
 * room. The text is base64, because KV reads in bulk carry text only.
 *
 * What is not compressed keeps the inner format, so switching from a codec to `gzipCodec({ codec })` keeps reading its
 * entries. The inner codecs of this package hold at most 25 MiB before compression.
 *
 * @param options the threshold, and the codec inside.
 * @returns a codec of the format `gzip`, with `+` and the inner format where that is not empty. It may be made at
 *   module scope.
 * @throws {CloudflareClientError} `INVALID_OPTION`; `encode` rejects with `INVALID_VALUE`, also for a text of more than
 *   64 MiB before or 25 MiB after compression, for half of a surrogate pair, and for an inner format of its own name;
 *   `decode` with `KV_CORRUPT_VALUE`, also for a text of more than 64 MiB.
 */
export function gzipCodec(options: GzipCodecOptions = {}): CacheCodec {
  const { thresholdBytes = DEFAULT_THRESHOLD_BYTES } = options;
  checkThreshold(thresholdBytes);
  const codec = checkInnerCodec('gzipCodec', options.codec);
  const isOwn = OWN.has(codec);
  const made: CacheCodec = {
    async encode(value, context) {
      const inner = await encodeInner(codec, value, context);
      if (!isOwn) checkInnerFormat(inner.format);
      // A UTF-16 unit takes at most three bytes, so most small texts need no counting.
      if (inner.text.length * 3 < thresholdBytes) return inner;
      const bytes = utf8Bytes(inner.text);
      return bytes < thresholdBytes ? inner : compress(inner, bytes);
    },
    async decode(encoded, context) {
      const { outer, inner } = unwrapFormat(encoded.format);
      if (outer !== FORMAT) return codec.decode(encoded, context);
      return codec.decode({ text: await decompress(encoded.text), format: inner }, context);
    },
  };
  OWN.add(made);
  return made;
}

function checkThreshold(thresholdBytes: unknown): void {
  const isBytes = Number.isInteger(thresholdBytes) && (thresholdBytes as number) >= 0;
  if (isBytes && (thresholdBytes as number) <= MAX_THRESHOLD_BYTES) return;
  const shown = typeof thresholdBytes === 'number' ? String(thresholdBytes) : quote(thresholdBytes);
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `gzipCodec: thresholdBytes ${shown} is refused: give an integer from 0 to ${MAX_THRESHOLD_BYTES}.`,
  );
}

// It could not be told from what was compressed here.
function checkInnerFormat(format: string): void {
  if (unwrapFormat(format).outer !== FORMAT) return;
  const message = `gzipCodec: the inner codec's format ${quote(format)} is refused: give its format another name.`;
  throw new CloudflareClientError('INVALID_VALUE', message);
}

async function compress(inner: EncodedValue, bytes: number): Promise<EncodedValue> {
  if (bytes > MAX_PLAIN_BYTES) {
    const message = `The value takes more than ${MAX_PLAIN_BYTES} bytes before compression.`;
    throw new CloudflareClientError('INVALID_VALUE', message);
  }
  const stream = new Blob([inner.text]).stream().pipeThrough(new CompressionStream('gzip'));
  const text = toBase64(new Uint8Array(await new Response(stream).arrayBuffer()));
  if (text.length >= bytes) return inner;
  checkTextSize(text, 'compressed');
  return { text, format: wrapFormat(FORMAT, inner.format) };
}

async function decompress(text: string): Promise<string> {
  try {
    return await gunzip(fromBase64(text));
  } catch (cause) {
    throw corruptText('The text is not one that gzipCodec wrote.', cause);
  }
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  // The size is the last field of the format (RFC 1952). Not all runtimes notice by themselves that the end is missing.
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(bytes.byteLength - 4, true);
  if (size > MAX_PLAIN_BYTES) throw corruptText(`It has ${size} bytes; the bound is ${MAX_PLAIN_BYTES}.`);
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let text = '';
  let read = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    read += part.value.byteLength;
    if (read > size) break;
    text += decoder.decode(part.value, { stream: true });
  }
  if (read === size) return text + decoder.decode();
  await reader.cancel();
  throw corruptText(`It has other than the ${size} bytes that it names.`);
}
