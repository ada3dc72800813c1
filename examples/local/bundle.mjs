import { build } from 'esbuild';

/**
 * Bundles a Worker as wrangler does: one ES module, decorators by the project's tsconfig, class names kept.
 *
 * @param entry path of the entry module.
 * @param hasNode whether the Worker runs with `nodejs_compat` or `nodejs_als`, and so may import `node:` modules. Default false.
 * @returns the text of the module.
 */
export async function bundleWorker(entry, { hasNode = false } = {}) {
  const result = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', ...(hasNode ? ['node:*'] : [])],
    keepNames: true,
    logLevel: 'warning',
  });
  return result.outputFiles[0].text;
}
