import { CloudflareClientError } from '../../errors.js';
import { shown } from './object-names.js';

/**
 * Refuses what is no options object, as the first thing that each operation does.
 *
 * @param options what the caller gave.
 * @param name what it is called in the message.
 * @returns `options`
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkOptions<T extends object>(options: T, name = 'options'): T {
  if (typeof options === 'object' && (options as unknown) !== null && !Array.isArray(options)) return options;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(options)} must be an object.`);
}

/**
 * Refuses what cannot be called.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`
 */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return;
  throw new CloudflareClientError('INVALID_OPTION', `${name} ${shown(value)} must be a function.`);
}
