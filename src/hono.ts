import type { Context, MiddlewareHandler } from 'hono';
import { watchBackgroundWork } from './entries/background-work.js';
import { endWithResponse } from './entries/response-end.js';
import { endScopeLater } from './entries/scope-end.js';
import type { OpenedScope } from './entries/scope-end.js';
import { runPlainly } from './entries/scope-runner.js';
import type { EntryOptions } from './entries/scope-runner.js';
import type { ExecutionContextLike } from './internal/execution-context.js';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

export type { EntryOptions, ScopeRunner } from './entries/scope-runner.js';

/**
 * The variables of a Hono app that uses {@link containerMiddleware}: `new Hono<{ Bindings: Env; Variables: ContainerVariables }>()`. For all apps of a program at
 * once: `declare module 'hono' { interface ContextVariableMap extends ContainerVariables {} }`.
 */
export interface ContainerVariables {
  /** The container of the request. */
  container: RequestScope;
}

/**
 * Hono middleware that gives each request a container, as `c.var.container`, and disposes it when the response has been sent and the work of `waitUntil` is done.
 * It runs in Workers and, without an execution context, in Node.
 *
 * @param app the composition root, from `createContainer`.
 * @param options what requests run in.
 * @returns the middleware; `api.use(containerMiddleware(app))` before the routes that resolve.
 * @example
 * ```ts
 * import { containerMiddleware } from '@codex/cloudflare-clients/hono';
 * import type { ContainerVariables } from '@codex/cloudflare-clients/hono';
 * import { Hono } from 'hono';
 *
 * const api = new Hono<{ Bindings: Env; Variables: ContainerVariables }>();
 * api.use(containerMiddleware(createContainer(provideCache())));
 * api.get('/featured', async (c) => c.json(await c.var.container.resolve(CacheClient).get<Content[]>('cache:content:featured')));
 * ```
 */
export function containerMiddleware(
  app: Container,
  { run = runPlainly }: EntryOptions = {},
): MiddlewareHandler<{ Variables: ContainerVariables }> {
  return async (c, next) => {
    const opened = openScope(app, c);
    c.set('container', opened.scope);
    try {
      await run(opened.scope, next);
    } catch (error) {
      endScopeLater(opened);
      throw error;
    }
    const response = endWithResponse(opened, c.res, c.req.raw);
    if (response !== c.res) c.res = response;
  };
}

function openScope(app: Container, c: Context): OpenedScope {
  const ctx = contextOf(c);
  const env = (c.env as object | undefined) ?? {};
  return { scope: app.scope({ env, ctx, request: c.req.raw }), work: ctx && watchBackgroundWork(ctx) };
}

/** Hono throws where there is no execution context: in Node, and for `app.request()` without one. */
function contextOf(c: Context): ExecutionContextLike | undefined {
  try {
    return c.executionCtx;
  } catch {
    return undefined;
  }
}
