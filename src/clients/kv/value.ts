import { CloudflareClientError } from '../../errors.js';
import { utf8Bytes } from './key.js';

/** Largest value that KV takes, in bytes. https://developers.cloudflare.com/kv/platform/limits/ */
export const MAX_VALUE_BYTES = 25 * 1024 * 1024;
/** Values above this many bytes are written and reported: KV serves small values faster. */
export const LARGE_VALUE_BYTES = 100_000;

const MAX_METADATA_BYTES = 1024;

/**
 * Turns a value into the text that KV holds.
 *
 * @returns JSON of at most 25 MiB.
 * @throws {CloudflareClientError} `INVALID_VALUE` for what JSON cannot hold (`undefined`, a function, a bigint, a cycle) and
 *   for more than 25 MiB. The message never holds the value.
 */
export function toJson(value: unknown): string {
  const text = stringify(value);
  if (valueBytes(text) > MAX_VALUE_BYTES) {
    throw new CloudflareClientError('INVALID_VALUE', `The value takes more than ${MAX_VALUE_BYTES} bytes as JSON.`);
  }
  return text;
}

/** The size of a value in bytes; `0` for one that is surely not large, which saves counting it. */
export function valueBytes(text: string): number {
  return text.length * 3 <= LARGE_VALUE_BYTES ? 0 : utf8Bytes(text);
}

/**
 * Refuses metadata that KV cannot keep.
 *
 * @param metadata anything whose JSON takes at most 1,024 bytes; `undefined` stands for none.
 * @throws {CloudflareClientError} `INVALID_VALUE`, naming the size and the bound.
 */
export function checkMetadata(metadata: unknown): void {
  if (metadata === undefined) return;
  const bytes = utf8Bytes(stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return;
  throw new CloudflareClientError(
    'INVALID_VALUE',
    `The metadata takes ${bytes} bytes as JSON; the bound is ${MAX_METADATA_BYTES}.`,
  );
}

// The library's types leave out that it answers undefined for undefined, functions and symbols.
const stringifyJson: (value: unknown) => string | undefined = JSON.stringify;

function stringify(value: unknown): string {
  let text: string | undefined;
  try {
    text = stringifyJson(value);
  } catch (cause) {
    throw new CloudflareClientError(
      'INVALID_VALUE',
      'JSON cannot hold the value: it has a cycle or a bigint, or a part of it threw.',
      {
        cause,
      },
    );
  }
  if (text !== undefined) return text;
  throw new CloudflareClientError('INVALID_VALUE', `JSON cannot hold a value of type ${typeof value}.`);
}
