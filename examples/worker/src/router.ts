import type { RequestScope } from '@codex/cloudflare-clients';
import { AccountsWebhook } from './accounts-webhook.js';
import { AuthController } from './auth-controller.js';
import { HttpError } from './http-error.js';
import { MediaController } from './media-controller.js';
import { PlaybackService } from './playback-service.js';
import { ReportController } from './report-controller.js';
import { UploadController } from './upload-controller.js';

type Handler = (scope: RequestScope, params: Params, request: Request) => Promise<Response>;
type Params = Readonly<Record<string, string | undefined>>;

const ROUTES = [
  route('GET', '/api/health', async () => Response.json({ status: 'ok' })),
  route('GET', '/api/report', (scope) => scope.resolve(ReportController).show()),

  route('POST', '/api/signup', (scope) => scope.resolve(AuthController).signUp()),
  route('POST', '/api/login', (scope) => scope.resolve(AuthController).login()),
  route('POST', '/api/logout', (scope) => scope.resolve(AuthController).logout()),
  route('POST', '/api/logout-everywhere', (scope) => scope.resolve(AuthController).logoutEverywhere()),
  route('GET', '/api/me', (scope) => scope.resolve(AuthController).me()),

  route('GET', '/api/creators/:id/media', (scope, { id = '' }) => scope.resolve(MediaController).list(id)),
  route('DELETE', '/api/creators/:id/media', (scope, { id = '' }) => scope.resolve(MediaController).purge(id)),
  route('POST', '/api/media', (scope) => scope.resolve(MediaController).create()),
  route('PUT', '/api/media/:id/:folder/:path+', (scope, { id = '', folder = '', path = '' }) =>
    scope.resolve(MediaController).upload(id, folder, path),
  ),
  route('POST', '/api/media/:id/publish', (scope, { id = '' }) => scope.resolve(MediaController).publish(id)),
  route('GET', '/api/media/:id/status', (scope, { id = '' }) => scope.resolve(MediaController).status(id)),
  route('GET', '/api/media/:id/views', (scope, { id = '' }) => scope.resolve(MediaController).views(id)),
  route('GET', '/api/media/:id/link', (scope, { id = '' }) => scope.resolve(MediaController).link(id)),
  route('GET', '/api/media/:id/play', (scope, { id = '' }) => scope.resolve(MediaController).play(id)),
  route('POST', '/api/media/:id/upload', (scope, { id = '' }) => scope.resolve(UploadController).sign(id)),
  route('*', '/api/uploads/*', (scope) => scope.resolve(UploadController).companion()),

  route('POST', '/hooks/accounts', (scope) => scope.resolve(AccountsWebhook).receive()),

  // Private HLS: the token is in the path, so no cookie is asked for.
  route('*', '/v/*', (scope, _params, request) => scope.resolve(PlaybackService).serve(request)),
];

/** Answers a request with the controller that its method and path name. */
export async function handle(scope: RequestScope, request: Request): Promise<Response> {
  for (const { method, pattern, handler } of ROUTES) {
    const match = method === '*' || method === request.method ? pattern.exec(request.url) : null;
    if (match !== null) return handler(scope, match.pathname.groups, request);
  }
  throw new HttpError(404, 'There is nothing at this address.');
}

function route(method: string, pathname: string, handler: Handler) {
  return { method, pattern: new URLPattern({ pathname }), handler };
}
