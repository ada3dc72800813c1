import { inspect } from 'node:util';
import type { CacheCodec, EncodedValue } from '../../../../src/clients/kv/cache/cache-codec.js';
import { isCloudflareClientError } from '../../../../src/errors.js';
import { errorOf } from '../../../support/kv.js';

/** A context that most tests share. */
export const context = { key: 'cache:test:1' };

/** Encodes with a codec that must answer synchronously. */
export function encodeNow(codec: CacheCodec, value: unknown): EncodedValue {
  const encoded = codec.encode(value, context);
  if (encoded instanceof Promise) throw new Error('answered with a promise');
  return encoded;
}

/** Encodes and decodes, synchronously. */
export function roundTripNow(codec: CacheCodec, value: unknown): unknown {
  return codec.decode(encodeNow(codec, value), context);
}

/** Encodes and decodes. */
export async function roundTrip(codec: CacheCodec, value: unknown): Promise<unknown> {
  return codec.decode(await codec.encode(value, context), context);
}

/** The code and message of what `act` throws. */
export async function refusalOf(act: () => unknown): Promise<{ code: string; message: string; texts: string }> {
  const error = await errorOf(act);
  if (!isCloudflareClientError(error)) throw error;
  // Whatever a logger prints of an error of ours, down the chain of causes.
  const texts: string[] = [];
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    texts.push(inspect(next, { depth: null }));
  }
  return { code: error.code, message: error.message, texts: texts.join('\n') };
}

/** A codec that writes strings as they are, under a format of its own. */
export function plainTextCodec(format = 'plain'): CacheCodec {
  return {
    encode: (value) => ({ text: value as string, format }),
    decode(encoded) {
      if (encoded.format !== format) throw new Error('not my format');
      return encoded.text;
    },
  };
}
