// The same three on this package, without R2: the cached list, the session and the login limit.
import {
  Cached,
  createContainer,
  Injectable,
  provideCache,
  provideRateLimiter,
  provideSessionCache,
  RATE_LIMITER_CLIENT,
  SESSION_CACHE_CLIENT,
} from '../../dist/index.js';

export { RateLimiterObject } from '../../dist/durable-objects.js';

class Content {
  async list(creatorId) {
    return [{ creatorId }];
  }
}
Injectable()(Content);
Object.defineProperty(
  Content.prototype,
  'list',
  Cached({ ttl: 300, name: 'media-list' })(
    Content.prototype,
    'list',
    Object.getOwnPropertyDescriptor(Content.prototype, 'list'),
  ),
);
const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());

export default {
  async fetch(request, env, ctx) {
    const scope = app.scope({ env, ctx, request });
    const { pathname } = new URL(request.url);
    if (pathname === '/api/health') return Response.json({ status: 'ok' });
    if (pathname === '/api/login') {
      const rule = { limit: 5, window: 900, keyPrefix: 'rl:login:' };
      return Response.json(await scope.resolve(RATE_LIMITER_CLIENT).checkLimit((await request.json()).email, rule));
    }
    if (pathname === '/api/me') return Response.json(await scope.resolve(SESSION_CACHE_CLIENT).get('token'));
    return Response.json(await scope.resolve(Content).list(pathname.split('/')[3]));
  },
};
