import { CloudflareClientError } from '../../../errors.js';
import { shown } from '../object-names.js';

const MIB = 1024 ** 2;

/** R2's bound on one PUT and one part: 5 MiB less than 5 GiB (https://developers.cloudflare.com/r2/platform/limits/). */
export const MAX_PUT_BYTES = 5 * 1024 ** 3 - 5 * MIB;
/** R2's bound on an object: 5 GiB less than 5 TiB. */
export const MAX_OBJECT_BYTES = 5 * 1024 ** 4 - 5 * 1024 ** 3;
/** The least that a part may hold, unless it is the last one. */
export const MIN_PART_BYTES = 5 * MIB;
/** R2's bound on the parts of one upload. */
export const MAX_PARTS = 10_000;

/**
 * Refuses a number of bytes that is no integer from `min` to `max`.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION` naming the bounds.
 */
export function checkBytes(name: string, value: unknown, { min, max }: { min: number; max: number }): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${name} ${shown(value)} must be a number of bytes: an integer from ${min} to ${max}.`,
  );
}

/**
 * Refuses what is no boolean: a wrong type must not leave something without its guard.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkBoolean(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be true or false.`);
}
