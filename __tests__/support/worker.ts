import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Miniflare } from 'miniflare';

/** Bundles a Worker as wrangler does, with the built package found under its public name. */
export function bundleWorker(
  fixture: string,
  options: { readonly minify?: boolean; readonly standardDecorators?: boolean; readonly hasNode?: boolean } = {},
): string {
  const { outputFiles } = buildSync({
    entryPoints: [join(__dirname, '../workerd/fixtures', fixture)],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*', ...(options.hasNode === true ? ['node:*'] : [])],
    minify: options.minify ?? false,
    keepNames: true,
    ...(options.standardDecorators === true && { tsconfigRaw: { compilerOptions: { experimentalDecorators: false } } }),
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

/** What a test Worker runs with. */
export interface TestWorkerOptions {
  readonly minify?: boolean;
  /** TC39 decorators instead of `experimentalDecorators`. */
  readonly standardDecorators?: boolean;
  readonly kvNamespaces?: string[];
  readonly r2Buckets?: string[];
  /** By binding: the class that the Worker exports. */
  readonly durableObjects?: Record<string, { readonly className: string; readonly useSQLite: boolean }>;
  /** A folder for what objects store; a new one on the disk unless told. */
  readonly durableObjectsPersist?: string | undefined;
  readonly ratelimits?: Record<
    string,
    { readonly namespace_id: string; readonly simple: { readonly limit: number; readonly period: 10 | 60 } }
  >;
  readonly bindings?: Record<string, string>;
  readonly compatibilityDate?: string;
  /** For what a Worker has beside the package, which asks for none. */
  readonly compatibilityFlags?: string[];
}

/** Starts a Worker in workerd on a free port of 127.0.0.1. Without compatibility flags: the package asks for none. */
export async function startWorker(
  fixture: string,
  options: TestWorkerOptions = {},
): Promise<{ readonly url: URL; readonly miniflare: Miniflare }> {
  const { minify = false, standardDecorators = false, ...rest } = options;
  const hasNode = rest.compatibilityFlags?.some((flag) => /^nodejs_(compat|als)$/.test(flag)) ?? false;
  const contents = bundleWorker(fixture, { minify, standardDecorators, hasNode });
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'index.mjs', contents }],
    compatibilityDate: '2026-07-30',
    host: '127.0.0.1',
    port: 0,
    ...rest,
  });
  return { url: await miniflare.ready, miniflare };
}
