// Prints the sizes of Workers that use one client, KV alone, and R2 as well, bundled as wrangler bundles.
// Usage: node scripts/bundle-sizes.mjs [--json]    (needs `npm run build` first)
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const handler = (body) => `export default { async fetch(request, env, ctx) { ${body} } };`;

const WORKERS = {
  'CacheClient alone, without a container': `
    import { CacheClient } from '@codex/cloudflare-clients';
    ${handler(`return Response.json(await new CacheClient(env.CACHE_KV).get('cache:a:b'));`)}`,
  'LockClient alone, without a container': `
    import { LockClient } from '@codex/cloudflare-clients';
    ${handler(`return Response.json(await new LockClient(env.LOCKS).run('a', { ttlMs: 5_000 }, () => 'done'));`)}`,
  'CounterClient alone, without a container': `
    import { CounterClient } from '@codex/cloudflare-clients';
    ${handler(`return Response.json(await new CounterClient(env.COUNTERS).increment('a'));`)}`,
  'RateLimiterClient alone, over objects': `
    import { RateLimiterClient } from '@codex/cloudflare-clients';
    ${handler(`const rule = { limit: 5, window: 60, keyPrefix: 'rl:' };
      return Response.json(await new RateLimiterClient(env.RATE_LIMITER).checkLimit('i', rule));`)}`,
  'KV only: container, cache': `
    import { CACHE_CLIENT, createContainer, provideCache } from '@codex/cloudflare-clients';
    const app = createContainer(provideCache());
    ${handler(`return Response.json(await app.scope({ env, ctx, request }).resolve(CACHE_CLIENT).get('cache:a:b'));`)}`,
  'KV only: container, cache, sessions, limiter': `
    import { CACHE_CLIENT, createContainer, provideCache, provideRateLimiter, provideSessionCache, RATE_LIMITER_CLIENT,
      SESSION_CACHE_CLIENT } from '@codex/cloudflare-clients';
    const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());
    ${handler(`const scope = app.scope({ env, ctx, request });
      await scope.resolve(SESSION_CACHE_CLIENT).get('t');
      await scope.resolve(RATE_LIMITER_CLIENT).checkLimit('i', { limit: 5, window: 60, keyPrefix: 'rl:' });
      return Response.json(await scope.resolve(CACHE_CLIENT).get('cache:a:b'));`)}`,
  'KV only: the same and @Cached': `
    import { Cached, createContainer, Injectable, provideCache, provideRateLimiter, provideSessionCache,
      RATE_LIMITER_CLIENT, SESSION_CACHE_CLIENT } from '@codex/cloudflare-clients';
    const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());
    class Content { async list() { return []; } }
    Injectable()(Content);
    Object.defineProperty(Content.prototype, 'list',
      Cached(300)(Content.prototype, 'list', Object.getOwnPropertyDescriptor(Content.prototype, 'list')));
    ${handler(`const scope = app.scope({ env, ctx, request });
      await scope.resolve(SESSION_CACHE_CLIENT).get('t');
      await scope.resolve(RATE_LIMITER_CLIENT).checkLimit('i', { limit: 5, window: 60, keyPrefix: 'rl:' });
      return Response.json(await scope.resolve(Content).list());`)}`,
  'with R2: container, cache, R2': `
    import { CACHE_CLIENT, createContainer, provideCache, provideR2, R2_CLIENT } from '@codex/cloudflare-clients';
    const app = createContainer(provideCache(), provideR2());
    ${handler(`const scope = app.scope({ env, ctx, request });
      await scope.resolve(CACHE_CLIENT).get('cache:a:b');
      return Response.json(await scope.resolve(R2_CLIENT).listFiles({ bucket: 'media' }));`)}`,
  'with R2: all clients': `
    import { CacheClient, createRequestContainer, R2Client } from '@codex/cloudflare-clients';
    ${handler(`const scope = createRequestContainer(env, ctx);
      await scope.resolve(CacheClient).get('cache:a:b');
      return Response.json(await scope.resolve(R2Client).listFiles({ bucket: 'media' }));`)}`,
};

/** Bundles each Worker; answers with bytes, minified and then gzipped. */
export async function measure() {
  const sizes = [];
  for (const [name, contents] of Object.entries(WORKERS)) {
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: process.cwd(), loader: 'js' },
      bundle: true,
      minify: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      platform: 'browser',
      conditions: ['workerd', 'worker', 'browser'],
      logLevel: 'error',
    });
    const [{ contents: bytes }] = outputFiles;
    sizes.push({ name, minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length });
  }
  return sizes;
}

const sizes = await measure();
if (process.argv.includes('--json')) console.log(JSON.stringify(sizes));
else {
  const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`.padStart(10);
  console.log(`${'Worker'.padEnd(46)}${'minified'.padStart(10)}${'+ gzip'.padStart(10)}`);
  for (const { name, minified, gzipped } of sizes) console.log(name.padEnd(46) + kB(minified) + kB(gzipped));
}
