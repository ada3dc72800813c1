import { watchBackgroundWork } from './entries/background-work.js';
import { endWithResponse } from './entries/response-end.js';
import { endScopeLater } from './entries/scope-end.js';
import type { OpenedScope } from './entries/scope-end.js';
import type { EntryOptions } from './entries/scope-runner.js';
import type { ExecutionContextLike } from './internal/execution-context.js';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

export { limitRefusal } from './entries/limit-refusal.js';
export type { LimitRefusal } from './entries/limit-refusal.js';
export type { EntryOptions, ScopeRunner } from './entries/scope-runner.js';

/** What {@link handleContainer} adds to `event.locals`: `interface Locals extends ContainerLocals {}` in `app.d.ts`. */
export interface ContainerLocals {
  /** The container of the request, opened when it is first looked at. */
  readonly container: RequestScope;
}

/** What this entry needs of SvelteKit's `App.Platform` under adapter-cloudflare. */
export interface PlatformLike {
  readonly env?: object | undefined;
  readonly ctx?: ExecutionContextLike | undefined;
  readonly context?: ExecutionContextLike | undefined;
}

/** What this entry needs of SvelteKit's `RequestEvent`. */
export interface RequestEventLike {
  readonly locals: object;
  readonly request: Request;
  readonly platform?: Readonly<PlatformLike> | undefined;
  /** Whether it is `event.fetch` of another request of this app. */
  readonly isSubRequest?: boolean | undefined;
}

/** Fits SvelteKit's `Handle`, that of version 2 and that of version 3. */
export type ContainerHandle = <Event extends RequestEventLike>(input: {
  event: Event;
  resolve: (event: Event) => Response | Promise<Response>;
}) => Promise<Response>;

/**
 * A `handle` for `hooks.server.ts` that gives each request a container, as `event.locals.container`. It is opened when it is first looked at, and reads nothing
 * of `platform` before something is resolved: pages that are prerendered and requests without a platform are served, and what needs a binding there throws
 * `MISSING_BINDING` when it is used. It is disposed when the response has been sent and the work of `waitUntil` is done. A request that the app makes to
 * itself with `event.fetch` has a container of its own.
 *
 * @param app the composition root, from `createContainer`.
 * @param options what requests run in.
 * @returns the handle; put it first in `sequence(...)`.
 * @example
 * ```ts
 * import { handleContainer } from '@codex/cloudflare-clients/sveltekit';
 *
 * export const handle = handleContainer(createContainer(provideCache(), provideSessionCache()));
 * ```
 */
export function handleContainer(app: Container, { run }: EntryOptions = {}): ContainerHandle {
  return async ({ event, resolve }) => {
    // A second handle of the kind finds the first one's container.
    if (Object.hasOwn(event.locals, 'container')) return resolve(event);
    let opened: OpenedScope | undefined;
    const open = (): RequestScope => (opened ??= openScope(app, event)).scope;
    Object.defineProperty(event.locals, 'container', { get: open, configurable: true });
    try {
      const response = await (run === undefined ? resolve(event) : run(open(), () => resolve(event)));
      return opened === undefined ? response : endWithPage(opened, response, event);
    } catch (error) {
      if (opened !== undefined) endScopeLater(opened);
      throw error;
    }
  };
}

function openScope(app: Container, { request, platform }: RequestEventLike): OpenedScope {
  const ctx = platform?.ctx ?? platform?.context;
  return { scope: app.scope({ env: platform?.env ?? {}, ctx, request }), work: ctx && watchBackgroundWork(ctx) };
}

function endWithPage(opened: OpenedScope, page: Response, { request, isSubRequest }: RequestEventLike): Response {
  if (isUnchanged(page, request)) {
    endScopeLater(opened);
    return page;
  }
  // Whoever called `event.fetch` may leave the body unread: it must hold nothing up.
  return endWithResponse(opened, page, { method: request.method, isSent: isSubRequest !== true });
}

/** Whether SvelteKit answers with 304 in the place of a page, and drops its body: after all hooks, by this very comparison. */
function isUnchanged({ status, headers }: Response, request: Request): boolean {
  const etag = headers.get('ETag');
  return status === 200 && etag !== null && request.headers.get('If-None-Match')?.replace(/^W\/(?=")/, '') === etag;
}
