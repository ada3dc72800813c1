import {
  combineSinks,
  createContainer,
  ENV,
  EVENT_SINK,
  HlsTokens,
  provide,
  provideCloudflareClients,
  provideKVClient,
  R2Client,
  ServerTimingSink,
} from '@codex/cloudflare-clients';
import type { RequestScope } from '@codex/cloudflare-clients';
import { D1AppDatabase } from './d1-database.js';
import type { Env } from './env.js';
import { EventMinutes } from './event-minutes.js';
import { logFailure } from './log.js';
import { RequestEvents } from './request-events.js';
import {
  BACKUP_BUCKET,
  CHECKPOINTS,
  D1,
  DATABASE,
  HLS_TOKENS,
  MEDIA_BUCKET,
  PUBLIC_ORIGINS,
  S3_CLIENT,
  TRANSCODER,
  TRANSCODING_QUEUE,
  WEBHOOK_VERIFIER,
} from './tokens.js';
import { WebhookVerifier } from './webhook-signature.js';

/** What there is to inject. It holds no state of a request: each handler opens a scope of its own. */
export const app = createContainer(
  provideCloudflareClients({
    cache: { memo: true, refreshBackoffSeconds: 10 },
    sessionCache: { hashKeys: true },
    r2: { bindings: { 'codex-media-production': 'MEDIA' } },
  }),
  provideKVClient(CHECKPOINTS, { binding: 'CACHE_KV' }),
  provide(RequestEvents, () => new RequestEvents()),
  provide(ServerTimingSink, () => new ServerTimingSink()),
  // Written when the scope is disposed: after the response, in waitUntil.
  provide(EVENT_SINK, (container) =>
    combineSinks(
      container.resolve(RequestEvents),
      container.resolve(ServerTimingSink),
      new EventMinutes(envOf(container).DB, {
        onError: (error) => logFailure('counts of events not written', error),
      }),
    ),
  ),
  provide(D1, (container) => envOf(container).DB),
  provide(DATABASE, (container) => new D1AppDatabase(envOf(container).DB)),
  provide(MEDIA_BUCKET, (container) => envOf(container).MEDIA_BUCKET),
  provide(BACKUP_BUCKET, (container) => envOf(container).BACKUP_BUCKET),
  provide(PUBLIC_ORIGINS, (container) =>
    envOf(container)
      .PUBLIC_ORIGINS.split(',')
      .filter((origin) => origin !== ''),
  ),
  provide(S3_CLIENT, (container) => s3Client(envOf(container))),
  provide(HLS_TOKENS, (container) => new HlsTokens({ secrets: [envOf(container).HLS_SECRET] })),
  provide(TRANSCODING_QUEUE, (container) => envOf(container).TRANSCODING_QUEUE),
  provide(TRANSCODER, (container) => envOf(container).TRANSCODER),
  provide(WEBHOOK_VERIFIER, (container) => new WebhookVerifier(envOf(container).ACCOUNTS_WEBHOOK_SECRET)),
);

function s3Client(env: Env): R2Client {
  return new R2Client({
    accountId: env.R2_ACCOUNT_ID,
    accessKeyId: env.R2_ACCESS_KEY_ID,
    secretAccessKey: env.R2_SECRET_ACCESS_KEY,
    endpoint: env.R2_ENDPOINT,
  });
}

function envOf(container: Pick<RequestScope, 'resolve'>): Env {
  return container.resolve(ENV) as Env;
}
