import type { ExecutionContextLike } from './internal/execution-context.js';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

/** What a handler is given beside its scope. */
export interface Invocation<Env> {
  readonly env: Env;
  readonly ctx: ExecutionContext;
}

/** The handlers of a Worker, each with the scope that was opened for it. */
export interface ScopedHandlers<Env, Message = unknown> {
  /** Answers a request. */
  fetch?(request: Request, scope: RequestScope, invocation: Invocation<Env>): Response | Promise<Response>;
  /** Consumes a batch of a queue. The scope is disposed when it is done. */
  queue?(batch: MessageBatch<Message>, scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
  /** Does what a cron trigger asks for. The scope is disposed when it is done. */
  scheduled?(controller: ScheduledController, scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
}

/**
 * The default export of a Worker whose handlers are given the container of their invocation.
 *
 * @param app the composition root, from `createContainer`.
 * @param handlers what the Worker does; only these are exported.
 * @returns the handlers as the runtime calls them.
 */
export function defineWorker<Env extends object, Message = unknown>(
  app: Container,
  handlers: ScopedHandlers<Env, Message>,
): ExportedHandler<Env, Message> {
  const { fetch, queue, scheduled } = handlers;
  return {
    ...(fetch && {
      fetch: (request, env, ctx) => fetch.call(handlers, request, app.scope({ env, ctx, request }), { env, ctx }),
    }),
    ...(queue && {
      async queue(batch, env, ctx) {
        await using scope = app.scope({ env, ctx });
        await queue.call(handlers, batch, scope, { env, ctx });
      },
    }),
    ...(scheduled && {
      async scheduled(controller, env, ctx) {
        await using scope = app.scope({ env, ctx });
        await scheduled.call(handlers, controller, scope, { env, ctx });
      },
    }),
  };
}

/** What an RPC entrypoint of {@link scopedEntrypoint} has. */
export interface ScopedEntrypoint {
  /** The container of this call. */
  readonly container: RequestScope;
}

/**
 * A base class for RPC entrypoints, whose methods find the container of their call in `this.container`.
 *
 * @param app the composition root, from `createContainer`.
 * @param WorkerEntrypoint the class of that name from `cloudflare:workers`; passed in, so that this module loads anywhere.
 * @returns the class to extend.
 */
export function scopedEntrypoint<Base extends EntrypointClass>(
  app: Container,
  WorkerEntrypoint: Base,
): Base & (new (...args: ConstructorParameters<Base>) => ScopedEntrypoint) {
  throw new Error(`not yet ${String(app)} ${WorkerEntrypoint.name}`);
}

/** A class that is built with the context and the env of a call. */
export type EntrypointClass = abstract new (ctx: never, env: never) => object;
export type { ExecutionContextLike };
