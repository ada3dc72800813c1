import { ServerTimingSink } from '@codex/cloudflare-clients';
import { defineWorker } from '@codex/cloudflare-clients/workers';
import type { QueueMessage } from '@codex/cloudflare-clients/workers';
import { app } from './app.js';
import { CleanupService } from './cleanup-service.js';
import type { Env } from './env.js';
import { HttpError } from './http-error.js';
import { logFailure } from './log.js';
import { ReplicationService } from './replication-service.js';
import { handle } from './router.js';
import { TranscodingService } from './transcoding-service.js';
import type { TranscodingJob } from './transcoding-service.js';
import { UploadEvents } from './upload-events.js';

export { MediaRpc } from './media-rpc.js';

const HOURLY = '15 * * * *';

export default defineWorker<Env>(app, {
  async fetch(request, scope) {
    return scope.resolve(ServerTimingSink).applyTo(await handle(scope, request));
  },

  onError(error, request) {
    if (error instanceof HttpError) return error.toResponse();
    logFailure(`${request.method} ${withoutToken(new URL(request.url).pathname)}`, error);
    return new HttpError(500, 'Something went wrong on our side.').toResponse();
  },

  async queue({ queue, messages }, scope) {
    if (queue === 'media-events') return scope.resolve(UploadEvents).consume(messages);
    await scope.resolve(TranscodingService).consume(messages as readonly QueueMessage<TranscodingJob>[]);
  },

  async scheduled({ cron, scheduledTime }, scope) {
    if (cron === HOURLY) return scope.resolve(ReplicationService).run();
    await scope.resolve(CleanupService).run(new Date(scheduledTime));
  },
});

/** The path of private HLS holds the viewer's token, which is no matter of the log. */
function withoutToken(pathname: string): string {
  return pathname.replace(/^\/v\/.*/, '/v/…');
}
