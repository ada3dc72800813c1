import fc from 'fast-check';
import type { ErrorCode } from '../../src/errors.js';
import { isCloudflareClientError } from '../../src/errors.js';

export { fc };

/** Any value that JSON gives back as it was; -0 is not one. */
export const jsonValue = (): fc.Arbitrary<unknown> =>
  fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

/** Keys that KV takes, integer-like and __proto__ among them. */
export const goodKey = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((key) => key !== '.' && key !== '..'),
    fc.nat().map(String),
    fc.constant('__proto__'),
    fc.string({ minLength: 1, maxLength: 20 }).map((end) => `cache:feature:${end}`),
  );

/** What no operation takes as a key. */
export const badKey = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constantFrom('', '.', '..', 'a\ud800', '\udc00'),
    fc.integer({ min: 513, max: 2000 }).map((length) => 'k'.repeat(length)),
    fc.integer({ min: 257, max: 600 }).map((length) => 'é'.repeat(length)),
  );

/** Waits for a rejection and gives its code; anything but an error of ours fails the test. */
export async function codeOf(act: () => unknown): Promise<ErrorCode> {
  try {
    await act();
  } catch (error) {
    if (isCloudflareClientError(error)) return error.code;
    throw error;
  }
  throw new Error('nothing was thrown');
}

/** Waits for a rejection and gives the error. */
export async function errorOf(act: () => unknown): Promise<Error> {
  try {
    await act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
}

/** A promise to settle by hand. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
