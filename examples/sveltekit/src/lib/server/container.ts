import { dev } from '$app/environment';
import {
  combineSinks,
  createContainer,
  EVENT_SINK,
  provide,
  provideCloudflareClients,
  provideValue,
} from '@codex/cloudflare-clients';
import { ADMIN_EMAIL_PROVIDER } from './auth/tokens.js';
import { DATABASE_PROVIDER } from './data/database.js';
import { developmentObjects } from './development-objects.js';
import { EventMinutes } from './events/event-minutes.js';
import { RequestEvents } from './events/request-events.js';
import { MEDIA_PROVIDERS } from './media/tokens.js';
import { TRANSCODING_PROVIDER } from './media/transcoding-message.js';

/** Of this isolate: it holds counts alone, nothing of a request. */
const minutes = new EventMinutes();

/** What there is to inject. It holds no state of a request: `handleContainer` opens a scope for each. */
const production = createContainer(
  provideCloudflareClients({
    cache: { memo: true, refreshBackoffSeconds: 10 },
    sessionCache: { hashKeys: true, index: true },
    r2: { bindings: { 'codex-media-production': 'MEDIA' } },
  }),
  provide(RequestEvents, () => new RequestEvents()),
  provideValue(EventMinutes, minutes),
  provide(EVENT_SINK, (container) => combineSinks(container.resolve(RequestEvents), container.resolve(EventMinutes))),
  DATABASE_PROVIDER,
  ADMIN_EMAIL_PROVIDER,
  TRANSCODING_PROVIDER,
  MEDIA_PROVIDERS,
);

/** What the hook opens scopes of. */
export const app = dev ? production.with(...developmentObjects()) : production;
