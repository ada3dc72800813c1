import { watchBackgroundWork } from './entries/background-work.js';
import { limitResponse } from './entries/limit-response.js';
import { endWithResponse } from './entries/response-end.js';
import { endScopeLater } from './entries/scope-end.js';
import type { OpenedScope } from './entries/scope-end.js';
import type { EntryOptions, ScopeRunner } from './entries/scope-runner.js';
import type {
  EmailMessageLike,
  Invocation,
  QueueBatch,
  ScheduledRun,
  WorkerContext,
  WorkerHandlers,
} from './entries/worker-handlers.js';
import type { Container } from './providers/container.js';
import type { RequestScope } from './providers/request-scope.js';

export type {
  EmailMessageLike,
  Invocation,
  QueueBatch,
  QueueMessage,
  ScheduledRun,
  WorkerContext,
  WorkerHandlers,
} from './entries/worker-handlers.js';
export type { EntryOptions, ScopeRunner } from './entries/scope-runner.js';
export { scopedEntrypoint } from './entries/scoped-entrypoint.js';
export type { EntrypointClass, ScopedEntrypoint } from './entries/scoped-entrypoint.js';
export { scopedObject } from './entries/scoped-object.js';
export type { ScopedObject } from './entries/scoped-object.js';

/**
 * The handlers of a Worker, each with the scope that was opened for its invocation. A parameter can be given the runtime's own type, where that says more:
 * `queue(batch: MessageBatch<Job>, scope, { ctx }: Invocation<Env, ExecutionContext>)`.
 */
export interface ScopedHandlers<Env extends object, Message = unknown> {
  /** Answers a request. The scope is disposed when the response has been sent and `waitUntil` work is done. */
  fetch?(request: Request, scope: RequestScope, invocation: Invocation<Env>): Response | Promise<Response>;
  /** Consumes a batch of a queue. The scope is disposed when it and its `waitUntil` work are done. */
  queue?(batch: QueueBatch<Message>, scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
  /** Does what a cron trigger asks for. The scope is disposed when it and its `waitUntil` work are done. */
  scheduled?(run: ScheduledRun, scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
  /** Takes an email. The scope is disposed when it and its `waitUntil` work are done. */
  email?(message: EmailMessageLike, scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
  /** Takes the traces of other Workers. The scope is disposed when it and its `waitUntil` work are done. */
  tail?(traces: readonly object[], scope: RequestScope, invocation: Invocation<Env>): void | Promise<void>;
  /**
   * Answers a request whose `fetch` threw. Where it gives nothing, as where it is missing, a call that a limit refused (`RATE_LIMITED` of `@RateLimited` and
   * `enforceLimit`) is answered by `tooManyRequests`, and any other error goes on to the runtime.
   */
  onError?(
    error: unknown,
    request: Request,
    scope: RequestScope,
    invocation: Invocation<Env>,
  ): Response | undefined | Promise<Response | undefined>;
}

/**
 * The default export of a Worker whose handlers are given the container of their invocation, which is disposed after it.
 *
 * What a scope made is disposed when the handler, the response's body and the work of `waitUntil` are done, if something was made by then that can be disposed;
 * what fails to dispose is logged, and changes no outcome. A socket lives on after its response of status 101: there `scope.dispose()` is the handler's to call.
 *
 * @param app the composition root, from `createContainer`.
 * @param handlers what the Worker does; only these are exported.
 * @param options what invocations run in.
 * @returns the handlers as the runtime calls them; fits `ExportedHandler<Env>`.
 * @example
 * ```ts
 * import { defineWorker } from '@codex/cloudflare-clients/workers';
 *
 * const app = createContainer(provideCache(), provideSessionCache());
 *
 * export const worker = defineWorker<Env>(app, {
 *   fetch: (request, scope) => scope.resolve(ContentController).handle(request),
 *   async scheduled(_run, scope) {
 *     await scope.resolve(CacheClient).deletePrefix('cache:drafts:');
 *   },
 * });
 * ```
 */
export function defineWorker<Env extends object = object, Message = unknown>(
  app: Container,
  handlers: ScopedHandlers<Env, Message>,
  options: EntryOptions = {},
): WorkerHandlers<Env, Message> {
  const worker: Plan = { app, run: options.run };
  const on = <Event>(handle: EventHandler<Env, Event>) => eventHandler(worker, handle);
  return {
    ...(hasFetch(handlers) && { fetch: fetchHandler(worker, handlers) }),
    ...(handlers.queue && { queue: on<QueueBatch<Message>>((batch, ...rest) => handlers.queue?.(batch, ...rest)) }),
    ...(handlers.scheduled && { scheduled: on<ScheduledRun>((run, ...rest) => handlers.scheduled?.(run, ...rest)) }),
    ...(handlers.email && { email: on<EmailMessageLike>((email, ...rest) => handlers.email?.(email, ...rest)) }),
    ...(handlers.tail && { tail: on<readonly object[]>((traces, ...rest) => handlers.tail?.(traces, ...rest)) }),
  };
}

interface Plan {
  readonly app: Container;
  readonly run: ScopeRunner | undefined;
}

function open<Env extends object>({ app }: Plan, { env, ctx }: Invocation<Env>, request?: Request): OpenedScope {
  return { scope: app.scope({ env, ctx, request }), work: watchBackgroundWork(ctx) };
}

type AnsweringHandlers<Env extends object> = ScopedHandlers<Env> & Required<Pick<ScopedHandlers<Env>, 'fetch'>>;

function hasFetch<Env extends object>(handlers: ScopedHandlers<Env>): handlers is AnsweringHandlers<Env> {
  return handlers.fetch !== undefined;
}

function fetchHandler<Env extends object>(worker: Plan, handlers: AnsweringHandlers<Env>) {
  const { run } = worker;
  return async (request: Request, env: Env, ctx: WorkerContext): Promise<Response> => {
    const invocation = { env, ctx };
    const opened = open(worker, invocation, request);
    const { scope } = opened;
    let response: Response;
    try {
      // One promise per request, not one per layer.
      response = await (run === undefined
        ? handlers.fetch(request, scope, invocation)
        : run(scope, () => handlers.fetch(request, scope, invocation)));
    } catch (error) {
      const recover = async (): Promise<Response | undefined> => handlers.onError?.(error, request, scope, invocation);
      response = await answerError(opened, error, run === undefined ? recover : () => run(scope, recover));
    }
    return endWithResponse(opened, response, request);
  };
}

type Recovery = () => Promise<Response | undefined>;

async function answerError(opened: OpenedScope, error: unknown, recover: Recovery): Promise<Response> {
  try {
    const response = (await recover()) ?? limitResponse(error);
    if (response !== undefined) return response;
    throw error;
  } catch (final) {
    endScopeLater(opened);
    throw final;
  }
}

type EventHandler<Env, Event> = (
  event: Event,
  scope: RequestScope,
  invocation: Invocation<Env>,
) => void | Promise<void>;

function eventHandler<Env extends object, Event>(worker: Plan, handle: EventHandler<Env, Event>) {
  return async (event: Event, env: Env, ctx: WorkerContext): Promise<void> => {
    const invocation = { env, ctx };
    const opened = open(worker, invocation);
    try {
      const work = (): void | Promise<void> => handle(event, opened.scope, invocation);
      await (worker.run === undefined ? work() : worker.run(opened.scope, work));
    } finally {
      // Not waited for: background work that hangs would hold up the acknowledgement of a batch.
      endScopeLater(opened);
    }
  };
}
