import type { ExecutionContextLike } from './internal/execution-context.js';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

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
}

/** Fits SvelteKit's `Handle`, of any version. */
export type ContainerHandle = <Event extends RequestEventLike, Result>(input: {
  event: Event;
  resolve: (event: Event) => Result;
}) => Result;

/**
 * A `handle` for `hooks.server.ts` that gives each request a container, as `event.locals.container`. Nothing is read of `platform` before
 * something is resolved, so prerendered pages and pages without a platform work; there, what needs a binding throws `MISSING_BINDING` when it is used.
 *
 * @param app the composition root, from `createContainer`.
 * @returns the handle; put it first in `sequence(...)`.
 */
export function handleContainer(app: Container): ContainerHandle {
  return ({ event, resolve }) => {
    let scope: RequestScope | undefined;
    Object.defineProperty(event.locals, 'container', {
      enumerable: true,
      get: () => (scope ??= openScope(app, event)),
    });
    return resolve(event);
  };
}

function openScope(app: Container, { request, platform }: RequestEventLike): RequestScope {
  return app.scope({ env: platform?.env ?? {}, ctx: platform?.ctx ?? platform?.context, request });
}
