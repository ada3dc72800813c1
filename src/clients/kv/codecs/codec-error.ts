import { CloudflareClientError } from '../../../errors.js';
import { quote } from '../key.js';
import { MAX_VALUE_BYTES, valueBytes } from '../value.js';

const MAX_PATH_LENGTH = 200;
const SHOWN_NAME = /^[A-Za-z_$][\w$]{0,39}$/;
const MASKED_NAME = '["…"]';

/**
 * Names a property in a path. A name that is no plain identifier, or a long one, is masked: in a record by id or by address
 * the names are data.
 *
 * @param name the property's name.
 * @returns such as `.createdAt` or `["…"]`.
 */
export function pathOf(name: string): string {
  return SHOWN_NAME.test(name) ? `.${name}` : MASKED_NAME;
}

/**
 * Makes the error for a value that a codec would not give back as it was.
 *
 * @param holder what cannot hold it, such as `JSON`.
 * @param fault the kind of the value, and its path without the `$` at the front.
 * @param remedy what to do, an imperative clause.
 * @returns an error of code `INVALID_VALUE`. The path is shortened to 200 characters.
 */
export function cannotHold(
  holder: string,
  fault: { readonly kind: string; readonly path: string },
  remedy: string,
): CloudflareClientError {
  const path = `$${fault.path}`;
  const shown = path.length > MAX_PATH_LENGTH ? `${path.slice(0, MAX_PATH_LENGTH)}…` : path;
  return new CloudflareClientError('INVALID_VALUE', `${holder} cannot hold ${fault.kind} at ${shown}; ${remedy}`);
}

/**
 * Makes the error for a text that a codec did not write, or that was changed since.
 *
 * @param message a sentence that holds nothing of the text.
 * @param cause the platform's own error. Left out where its message quotes the text, as that of `JSON.parse` does.
 * @returns an error of code `KV_CORRUPT_VALUE`.
 */
export function corruptText(message: string, cause?: unknown): CloudflareClientError {
  return new CloudflareClientError('KV_CORRUPT_VALUE', message, cause === undefined ? undefined : { cause });
}

/**
 * Makes the error for a format that a codec does not read.
 *
 * @param codec the name of the codec.
 * @param format the format.
 * @returns an error of code `KV_CORRUPT_VALUE`.
 */
export function unknownFormat(codec: string, format: string): CloudflareClientError {
  return corruptText(`${codec} does not read the format ${quote(format)}.`);
}

/**
 * Refuses a text that KV does not take.
 *
 * @param text what a codec made.
 * @param made how it was made, the end of a sentence.
 * @throws {CloudflareClientError} `INVALID_VALUE` for more than 25 MiB in UTF-8.
 */
export function checkTextSize(text: string, made: string): void {
  if (valueBytes(text) <= MAX_VALUE_BYTES) return;
  throw new CloudflareClientError('INVALID_VALUE', `The value takes more than ${MAX_VALUE_BYTES} bytes ${made}.`);
}

/**
 * Parses JSON.
 *
 * @param text what is read.
 * @returns the value.
 * @throws {CloudflareClientError} `KV_CORRUPT_VALUE` for a text that is no JSON. The parser's own message, which quotes
 *   the text, is left out.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw corruptText('The text is not JSON.');
  }
}
