import { UsageError } from './exit-code.js';

/** A bucket and what follows its name. */
export interface Location {
  readonly bucket: string;
  /** A key or a prefix; empty for the bucket itself. */
  readonly key: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };
const UNIT_BYTES: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Takes `bucket` and `bucket/key` apart; `r2://` and `s3://` before it are let go. */
export function parseLocation(text: string): Location {
  const plain = text.replace(/^(?:r2|s3):\/\//, '');
  const slash = plain.indexOf('/');
  return slash === -1 ? { bucket: plain, key: '' } : { bucket: plain.slice(0, slash), key: plain.slice(slash + 1) };
}

/**
 * The same for what must name an object.
 *
 * @throws {UsageError} when there is only a bucket.
 */
export function parseObjectLocation(text: string): Location {
  const location = parseLocation(text);
  if (location.key !== '') return location;
  throw new UsageError(`${JSON.stringify(text)} names no object: it must be bucket/key.`);
}

/**
 * A length of time in seconds: `90`, `90s`, `15m`, `4h`, `7d`, `2w`.
 *
 * @throws {UsageError}
 */
export function parseSeconds(text: string, option: string): number {
  const [, number, unit = 's'] = /^(\d{1,10})([smhdw]?)$/i.exec(text.trim()) ?? [];
  const factor = UNIT_SECONDS[unit.toLowerCase() === '' ? 's' : unit.toLowerCase()];
  if (number !== undefined && factor !== undefined) return Number(number) * factor;
  throw new UsageError(`${option} ${JSON.stringify(text)} must be a time such as 90s, 15m, 4h or 7d.`);
}

/**
 * An integer from `min` to `max`.
 *
 * @throws {UsageError}
 */
export function parseInteger(text: string, option: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (value >= min && value <= max) return value;
  throw new UsageError(`${option} ${JSON.stringify(text)} must be an integer from ${min} to ${max}.`);
}

/**
 * A number of bytes: `500000`, `64k`, `8MiB`, `2g`; units are powers of 1,024.
 *
 * @throws {UsageError}
 */
export function parseBytes(text: string, option: string): number {
  const [, number, unit = ''] = /^(\d{1,12})\s*([kmg]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const factor = UNIT_BYTES[unit.toLowerCase()];
  if (number !== undefined && factor !== undefined && Number(number) > 0) return Number(number) * factor;
  throw new UsageError(`${option} ${JSON.stringify(text)} must be a size such as 500000, 64k, 8m or 2g.`);
}

/**
 * JSON from a file that a person wrote.
 *
 * @throws {UsageError} naming the file.
 */
export function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the text around the fault, which is what one wants to see of a rules file.
    throw new UsageError(`${path} is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}
