// The entries: which uses compile and which do not.
import type { Hono } from 'hono';
import { createContainer } from '../../src/providers/container.js';
import { containerMiddleware } from '../../src/hono.js';
import type { ContainerVariables } from '../../src/hono.js';
import { handleContainer } from '../../src/sveltekit.js';
import type { ContainerLocals, RequestEventLike } from '../../src/sveltekit.js';
import { defineWorker } from '../../src/workers.js';
import type { Invocation } from '../../src/workers.js';

interface Env {
  readonly NAME: string;
}
const app = createContainer();

export const worker: ExportedHandler<Env, { id: string }> = defineWorker<Env, { id: string }>(app, {
  fetch: (request, scope, { env }) => new Response(env.NAME + String(scope.isRegistered(request.url))),
  queue(batch: MessageBatch<{ id: string }>) {
    for (const { body } of batch.messages) body.id.trim();
  },
  scheduled(run, _scope, { ctx }: Invocation<Env, ExecutionContext>) {
    ctx.props satisfies unknown;
    run.cron.trim();
  },
});

// @ts-expect-error -- a variable that the Env does not have
defineWorker<Env>(app, { fetch: (_request, _scope, { env }) => new Response(String(env.OTHER)) });
// @ts-expect-error -- nothing is answered
defineWorker<Env>(app, { fetch: () => 'text' });
// @ts-expect-error -- a message has a string for its body
export const numbers: ExportedHandler<Env, number> = defineWorker<Env, string>(app, { queue: () => undefined });
// @ts-expect-error -- what createContainer returned is asked for, not a scope
defineWorker<Env>(app.scope({ env: {} }), {});

declare const api: Hono<{ Variables: ContainerVariables }>;
api.use(containerMiddleware(app));
api.get('/', (c) => c.text(String(c.var.container.isRegistered('A'))));
// @ts-expect-error -- no such variable
api.get('/', (c) => c.text(c.var.other));

interface Event extends RequestEventLike {
  readonly locals: ContainerLocals & { readonly user: string };
}
export const handle: (input: {
  event: Event;
  resolve: (event: Event, options?: object) => Response | Promise<Response>;
}) => Response | Promise<Response> = handleContainer(app);
declare const event: Event;
// @ts-expect-error -- the container is not assigned
event.locals.container = app.scope({ env: {} });
