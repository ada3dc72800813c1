import { dev } from '$app/environment';
import {
  combineSinks,
  createContainer,
  EVENT_SINK,
  provide,
  provideCloudflareClients,
} from '@codex/cloudflare-clients';
import { ADMIN_EMAIL_PROVIDER } from './auth/tokens.js';
import { DATABASE, DATABASE_PROVIDER } from './data/database.js';
import { developmentObjects } from './development-objects.js';
import { EventMinutes } from '../../../../worker/src/event-minutes.js';
import { RequestEvents } from './events/request-events.js';
import { logFailure } from './log.js';
import { MEDIA_PROVIDERS } from './media/tokens.js';
import { TRANSCODING_PROVIDER } from './media/transcoding-message.js';

/** What there is to inject. It holds no state of a request: `handleContainer` opens a scope for each. */
const production = createContainer(
  provideCloudflareClients({
    cache: { memo: true, refreshBackoffSeconds: 10 },
    sessionCache: { hashKeys: true, index: true },
    r2: { bindings: { 'codex-media-production': 'MEDIA' } },
  }),
  provide(RequestEvents, () => new RequestEvents()),
  // What a request has counted is written when its scope is disposed: after the response.
  provide(
    EventMinutes,
    (container) =>
      new EventMinutes(container.resolve(DATABASE), { onError: (error) => logFailure('events not written', error) }),
  ),
  provide(EVENT_SINK, (container) => combineSinks(container.resolve(RequestEvents), container.resolve(EventMinutes))),
  DATABASE_PROVIDER,
  ADMIN_EMAIL_PROVIDER,
  TRANSCODING_PROVIDER,
  MEDIA_PROVIDERS,
);

/** What the hook opens scopes of. */
export const app = dev ? production.with(...developmentObjects()) : production;
