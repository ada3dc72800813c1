// Prints the size of a Worker that uses only KV and of one that uses R2 as well, bundled as wrangler bundles.
// Usage: node scripts/bundle-sizes.mjs [--json]    (needs `npm run build` first)
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const WORKERS = {
  'KV only, container and @Cached': `
    import { createContainer, provideCache, provideSessionCache, provideRateLimiter, Injectable, Cached,
      CACHE_CLIENT, SESSION_CACHE_CLIENT, RATE_LIMITER_CLIENT } from '@codex/cloudflare-clients';
    const app = createContainer(provideCache(), provideSessionCache(), provideRateLimiter());
    class Content { async list() { return []; } }
    Injectable()(Content);
    Object.defineProperty(Content.prototype, 'list',
      Cached(300)(Content.prototype, 'list', Object.getOwnPropertyDescriptor(Content.prototype, 'list')));
    export default { async fetch(request, env, ctx) {
      const scope = app.scope({ env, ctx, request });
      await scope.resolve(SESSION_CACHE_CLIENT).get('t');
      await scope.resolve(RATE_LIMITER_CLIENT).checkLimit('i', { limit: 5, window: 60, keyPrefix: 'rl:' });
      return Response.json(await scope.resolve(CACHE_CLIENT).getOrSet('cache:a:b', 60, () => scope.resolve(Content).list()));
    } };`,
  'all clients, with R2': `
    import { createRequestContainer, CacheClient, R2Client } from '@codex/cloudflare-clients';
    export default { async fetch(request, env, ctx) {
      const scope = createRequestContainer(env, ctx);
      await scope.resolve(CacheClient).get('cache:a:b');
      return Response.json(await scope.resolve(R2Client).listFiles({ bucket: 'media' }));
    } };`,
  'CacheClient alone, without a container': `
    import { CacheClient } from '@codex/cloudflare-clients';
    export default { async fetch(request, env) { return Response.json(await new CacheClient(env.CACHE_KV).get('cache:a:b')); } };`,
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
  console.log(`${'Worker'.padEnd(42)}${'minified'.padStart(10)}${'+ gzip'.padStart(10)}`);
  for (const { name, minified, gzipped } of sizes) console.log(name.padEnd(42) + kB(minified) + kB(gzipped));
}
