import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { Miniflare } from 'miniflare';
import ts from 'typescript';
import { root } from '../support/type-check.js';
import { bundleWorker } from '../support/worker.js';

interface WranglerConfig {
  readonly name: string;
  readonly main: string;
  readonly compatibility_date: string;
  readonly workers_dev: boolean;
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes: readonly string[] }[];
  readonly [field: string]: unknown;
}

const folder = join(root, 'coordination-worker');
const file = join(folder, 'wrangler.jsonc');
const parsed = ts.parseConfigFileTextToJson(file, readFileSync(file, 'utf8')) as {
  readonly config: WranglerConfig;
  readonly error?: unknown;
};
const { config } = parsed;
const main = join(folder, config.main);
const classes = config.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes);
const readme = readFileSync(join(folder, 'README.md'), 'utf8');

/** The bindings that the guide tells an app to write. */
function bindingsOfReadme(): { name: string; class_name: string; script_name: string }[] {
  const [, block = ''] = /```jsonc\n([\s\S]*?)```/.exec(readme) ?? [];
  const { config: app } = ts.parseConfigFileTextToJson('app.jsonc', block) as {
    config: { durable_objects: { bindings: { name: string; class_name: string; script_name: string }[] } };
  };
  return app.durable_objects.bindings;
}

/** The coordination Worker as wrangler bundles it: the file that its configuration names. */
function bundleMain(): { readonly code: string; readonly exports: readonly string[] } {
  const { outputFiles, metafile } = buildSync({
    entryPoints: [main],
    bundle: true,
    write: false,
    outdir: 'out',
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    metafile: true,
    logLevel: 'error',
  });
  return { code: outputFiles[0]!.text, exports: Object.values(metafile.outputs)[0]!.exports };
}

describe('the coordination Worker', () => {
  let miniflare: Miniflare;
  let url: URL;
  const { code, exports } = bundleMain();

  beforeAll(async () => {
    const modules = (contents: string) => [{ type: 'ESModule' as const, path: 'index.mjs', contents }];
    const common = { compatibilityDate: config.compatibility_date };
    const bindings = bindingsOfReadme().map(({ name, class_name, script_name }) => {
      return [name, { className: class_name, scriptName: script_name, useSQLite: true }] as const;
    });
    miniflare = new Miniflare({
      host: '127.0.0.1',
      port: 0,
      workers: [
        {
          ...common,
          name: 'app',
          modules: modules(bundleWorker('coordination-app-worker.ts')),
          durableObjects: Object.fromEntries(bindings),
        },
        { ...common, name: config.name, modules: modules(code) },
      ],
    });
    url = await miniflare.ready;
  });

  afterAll(() => miniflare.dispose());

  it('has a configuration that wrangler can read, whose main file is in the build', () => {
    expect(parsed.error).toBeUndefined();
    expect(existsSync(main)).toBe(true);
    expect(dirname(main)).toBe(join(root, 'dist'));
    expect(config).toMatchObject({ name: 'codex-coordination', workers_dev: false });
  });

  it('creates with SQLite exactly the classes that its module exports', () => {
    expect(exports.filter((name) => name !== 'default').sort()).toEqual([...classes].sort());
    expect(new Set(config.migrations.map(({ tag }) => tag)).size).toBe(config.migrations.length);
  });

  it('asks for no bindings and no flags', () => {
    expect(Object.keys(config).sort()).toEqual([
      'compatibility_date',
      'main',
      'migrations',
      'name',
      'observability',
      'preview_urls',
      'workers_dev',
    ]);
  });

  it('is bound, as its guide says, with all of its classes and under its name', () => {
    const bindings = bindingsOfReadme();
    expect(bindings.map(({ class_name }) => class_name).sort()).toEqual([...classes].sort());
    expect(bindings.map(({ name }) => name)).toEqual(['RATE_LIMITER', 'LOCKS', 'COUNTERS', 'SESSIONS']);
    for (const { script_name } of bindings) expect(script_name).toBe(config.name);
  });

  it('answers all bindings of another Worker, which exports no classes', async () => {
    for (const name of ['a', 'b']) {
      const response = await fetch(new URL(`/?name=${name}`, url));
      expect(await response.json()).toEqual({
        allowed: 5,
        decidedBy: 'object',
        fence: true,
        isFree: false,
        value: 20,
        hasRevocations: true,
      });
    }
  });

  it('says what it is to who asks it itself', async () => {
    const worker = await miniflare.getWorker(config.name);
    const response = await worker.fetch('http://worker/');
    expect(response.status).toBe(404);
    expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toMatch(/holds Durable Objects .* Bind them by script_name/);
  });
});
