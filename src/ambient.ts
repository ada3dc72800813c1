import { AsyncLocalStorage } from 'node:async_hooks';
import { CloudflareClientError } from './errors.js';
import type { RequestScope } from './providers/request-scope.js';

// One for all copies of this module that a bundle holds: they must find the same scope.
const STORAGE = Symbol.for('@codex/cloudflare-clients:ambient');
const shared = globalThis as Record<symbol, AsyncLocalStorage<RequestScope> | undefined>;
const storage = (shared[STORAGE] ??= new AsyncLocalStorage<RequestScope>());

/**
 * Runs work in which {@link currentScope} finds a scope: in what it calls, in what it awaits, in timers and callbacks that it starts. Work of another request
 * never sees it. Needs the compatibility flag `nodejs_als` or `nodejs_compat` in Workers.
 *
 * @param scope the scope of the request.
 * @param work what runs in it; within it another scope can be entered.
 * @returns what `work` returns.
 * @example
 * ```ts
 * import { currentScope, runInScope } from '@codex/cloudflare-clients/ambient';
 * import { defineWorker } from '@codex/cloudflare-clients/workers';
 *
 * const featured = (): Promise<Content[] | null> => currentScope().resolve(CacheClient).get<Content[]>('cache:content:featured');
 *
 * export const worker = defineWorker<Env>(
 *   createContainer(provideCache()),
 *   { fetch: async () => Response.json(await featured()) },
 *   { run: runInScope },
 * );
 * ```
 */
export function runInScope<Result>(scope: RequestScope, work: () => Result): Result {
  return storage.run(scope, work);
}

/**
 * The scope of the request that is being served.
 *
 * @returns the scope that was handed to {@link runInScope}; it may have been disposed, for work that outlived the request.
 * @throws {CloudflareClientError} `MISSING_SCOPE` outside of `runInScope`: at module scope, say.
 */
export function currentScope(): RequestScope {
  const scope = findScope();
  if (scope !== undefined) return scope;
  throw new CloudflareClientError(
    'MISSING_SCOPE',
    'currentScope() was called outside of a request. Hand { run: runInScope } to defineWorker, handleContainer or containerMiddleware, ' +
      'or run the work by runInScope(scope, work); at module scope there is none.',
  );
}

/**
 * As {@link currentScope}, for code that also runs without.
 *
 * @returns the scope, or `undefined` where there is none.
 */
export function findScope(): RequestScope | undefined {
  return storage.getStore();
}
