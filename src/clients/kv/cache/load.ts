import { CloudflareClientError } from '../../../errors.js';
import type { LoadContext, Loader } from './cache-options.js';

/**
 * Runs a loader.
 *
 * @param loader the caller's own; what it throws at once is a rejection like any other.
 * @param hardTimeoutMs milliseconds after which it is given up; for ever when absent.
 * @returns what it loads. Rejects with its own error, or `LOADER_TIMEOUT`, with which its signal is aborted.
 */
export function runLoader<T>(loader: Loader<T>, hardTimeoutMs: number | undefined): Promise<T> {
  const context = new LazyLoadContext();
  const loading = new Promise<T>((resolve) => resolve(loader(context)));
  if (hardTimeoutMs === undefined) return loading;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      const message = `The loader did not answer within ${hardTimeoutMs} ms.`;
      const error = new CloudflareClientError('LOADER_TIMEOUT', message);
      reject(error);
      context.abort(error);
    }, hardTimeoutMs);
    loading.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Most loaders never ask for the signal, and one is not free. */
class LazyLoadContext implements LoadContext {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}
