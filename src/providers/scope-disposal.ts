import { CloudflareClientError } from '../errors.js';

/**
 * Disposes values, the latest first. One that fails does not stop the others.
 *
 * @throws {CloudflareClientError} `DISPOSE_FAILED`, with an `AggregateError` of the failures as `cause`.
 */
export async function disposeAll(values: readonly object[]): Promise<void> {
  const failures: unknown[] = [];
  for (const value of [...values].reverse()) {
    try {
      await disposeValue(value);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length === 0) return;
  throw new CloudflareClientError(
    'DISPOSE_FAILED',
    `${failures.length} of ${values.length} values of the request scope failed to dispose.`,
    { cause: new AggregateError(failures) },
  );
}

/** Whether disposing `value` does anything. */
export function isDisposable(value: object): boolean {
  return disposeMethod(value) !== undefined;
}

async function disposeValue(value: object): Promise<void> {
  const dispose = disposeMethod(value);
  if (dispose !== undefined) await Promise.resolve(dispose.call(value));
}

function disposeMethod(value: object): ((this: object) => unknown) | undefined {
  return ownMethod(value, Symbol.asyncDispose) ?? ownMethod(value, Symbol.dispose) ?? ownMethod(value, 'dispose');
}

/**
 * A method that the object or a class of it defines. Not by reading the property: on a stub of a Durable Object every name
 * is a remote method, and disposing the stub must not call `dispose` on the object.
 */
function ownMethod(value: object, name: PropertyKey): ((this: object) => unknown) | undefined {
  for (let level: object | null = value; level !== null; level = Object.getPrototypeOf(level) as object | null) {
    const method: unknown = Object.getOwnPropertyDescriptor(level, name)?.value;
    if (typeof method === 'function') return method as (this: object) => unknown;
  }
  return undefined;
}
