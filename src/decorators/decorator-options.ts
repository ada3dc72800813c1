import { CloudflareClientError } from '../errors.js';
import type { ErrorCode } from '../errors.js';
import type { DecoratedMethod } from './method-decorator.js';

/** An option that is asked on each call: `this` is the instance, the arguments are those of the call. */
export type InstanceFunction = (this: object, ...args: unknown[]) => unknown;

/**
 * Refuses an option that is no function.
 *
 * @returns the function, or `undefined` where the option was not given.
 * @throws {CloudflareClientError} `INVALID_OPTION`, at class definition.
 */
export function checkFunction(decorator: string, option: string, value: unknown): InstanceFunction | undefined {
  if (value === undefined || typeof value === 'function') return value as InstanceFunction | undefined;
  throw new CloudflareClientError(
    'INVALID_OPTION',
    `${decorator}: ${option} must be a function, got a ${typeof value}.`,
  );
}

/**
 * Refuses an option that is missing or no function.
 *
 * @throws {CloudflareClientError} `INVALID_OPTION`, at class definition, with `remedy` where it is missing.
 */
export function requireFunction(decorator: string, option: string, value: unknown, remedy: string): InstanceFunction {
  const given = checkFunction(decorator, option, value);
  if (given !== undefined) return given;
  throw new CloudflareClientError('INVALID_OPTION', `${decorator}: ${option} is missing. ${remedy}.`);
}

/**
 * Asks a yes-or-no option of a call. A promise would always count as yes, so nothing but a boolean does.
 *
 * @throws {CloudflareClientError} `INVALID_ARGUMENT` for another answer; what the option throws, as it is.
 */
export function askBoolean(
  option: 'when' | 'forceFresh',
  ask: InstanceFunction,
  { decorator, name }: DecoratedMethod,
  call: Call,
): boolean {
  const answer = ask.apply(call.instance, call.args);
  if (typeof answer === 'boolean') return answer;
  throw new CloudflareClientError(
    'INVALID_ARGUMENT',
    `${decorator} method ${name}: ${option} must return true or false, got a ${typeof answer}.`,
  );
}

/** A call of a decorated method. */
export interface Call {
  readonly instance: object;
  readonly args: unknown[];
}

/**
 * The instance that a decorated method is called on.
 *
 * @throws {CloudflareClientError} `code` where it was taken off its object.
 */
export function checkInstance(
  instance: unknown,
  { decorator, name }: DecoratedMethod,
  code: ErrorCode = 'CACHE_NOT_FOUND',
): object {
  if (typeof instance === 'object' && instance !== null) return instance;
  throw new CloudflareClientError(
    code,
    `${decorator} method ${name} was called without its instance: call it on the object, or bind it.`,
  );
}
