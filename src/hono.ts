import type { MiddlewareHandler } from 'hono';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

/** The variables of a Hono app that uses {@link containerMiddleware}: `new Hono<{ Bindings: Env; Variables: ContainerVariables }>()`. */
export interface ContainerVariables {
  /** The container of the request. */
  container: RequestScope;
}

/**
 * Hono middleware that gives each request a container, as `c.var.container`.
 *
 * @param app the composition root, from `createContainer`.
 * @returns the middleware; `app.use(containerMiddleware(container))` before the routes that resolve.
 */
export function containerMiddleware(app: Container): MiddlewareHandler<{ Variables: ContainerVariables }> {
  return async (c, next) => {
    c.set('container', app.scope({ env: (c.env as object | undefined) ?? {}, request: c.req.raw }));
    await next();
  };
}
