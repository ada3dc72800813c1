import { ServerTimingSink } from '@codex/cloudflare-clients';
import { app } from './app.js';
import { CleanupService } from './cleanup-service.js';
import type { Env } from './env.js';
import { HttpError } from './http-error.js';
import { logFailure } from './log.js';
import { handle } from './router.js';
import { TranscodingService } from './transcoding-service.js';
import type { TranscodingMessage } from './transcoding-service.js';

export { CatalogObject } from './catalog-object.js';
export { CounterObject, LockObject, RateLimiterObject, SessionObject } from '@codex/cloudflare-clients/durable-objects';

export default {
  async fetch(request, env, ctx) {
    const container = app.scope({ env, ctx, request });
    try {
      return container.resolve(ServerTimingSink).applyTo(await handle(container, request));
    } catch (error) {
      if (error instanceof HttpError) return error.toResponse();
      logFailure(`${request.method} ${new URL(request.url).pathname}`, error);
      return new HttpError(500, 'Something went wrong on our side.').toResponse();
    }
  },

  async queue(batch, env, ctx) {
    await using container = app.scope({ env, ctx });
    await container.resolve(TranscodingService).consume(batch.messages);
  },

  async scheduled(controller, env, ctx) {
    await using container = app.scope({ env, ctx });
    await container.resolve(CleanupService).run(new Date(controller.scheduledTime));
  },
} satisfies ExportedHandler<Env, TranscodingMessage>;
