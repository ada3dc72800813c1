import {
  combineSinks,
  createContainer,
  ENV,
  EVENT_SINK,
  HlsTokens,
  provide,
  provideCloudflareClients,
  ServerTimingSink,
} from '@codex/cloudflare-clients';
import type { RequestScope } from '@codex/cloudflare-clients';
import type { Env } from './env.js';
import { RequestEvents } from './request-events.js';
import { DATABASE, HLS_TOKENS, MEDIA_BUCKET, TRANSCODING_QUEUE } from './tokens.js';

/** What there is to inject. It holds no state of a request: each handler opens a scope of its own. */
export const app = createContainer(
  provideCloudflareClients({
    cache: { memo: true, refreshBackoffSeconds: 10 },
    sessionCache: { hashKeys: true },
    r2: { bindings: { 'codex-media-production': 'MEDIA' } },
  }),
  provide(RequestEvents, () => new RequestEvents()),
  provide(ServerTimingSink, () => new ServerTimingSink()),
  provide(EVENT_SINK, (container) =>
    combineSinks(container.resolve(RequestEvents), container.resolve(ServerTimingSink)),
  ),
  provide(DATABASE, (container) => envOf(container).CATALOG.getByName('catalog')),
  provide(MEDIA_BUCKET, (container) => envOf(container).MEDIA_BUCKET),
  provide(HLS_TOKENS, (container) => new HlsTokens({ secrets: [envOf(container).HLS_SECRET] })),
  provide(TRANSCODING_QUEUE, (container) => envOf(container).TRANSCODING_QUEUE),
);

function envOf(container: Pick<RequestScope, 'resolve'>): Env {
  return container.resolve(ENV) as Env;
}
