import { CloudflareClientError } from '../errors.js';
import { quote } from './kv/key.js';

/** The error for an option that is refused. */
export function refusal(name: string, shown: string, remedy: string): CloudflareClientError {
  return new CloudflareClientError('INVALID_OPTION', `Option ${name} ${shown} is refused: ${remedy}.`);
}

/** A value of an option as messages show it: numbers, which are no secrets, as they are. */
export function shownValue(value: unknown): string {
  return typeof value === 'number' ? String(value) : quote(value);
}

/**
 * Refuses what is not an integer within bounds.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, naming the option, the value and the bounds.
 */
export function checkInteger(name: string, value: unknown, least: number, most: number): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw refusal(name, shownValue(value), `give an integer from ${least} to ${most}`);
}
