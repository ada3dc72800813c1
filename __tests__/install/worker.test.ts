import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Miniflare } from 'miniflare';
import { errorsOfOurs } from './support/errors-of-ours.js';
import { installProject, type Project } from './support/project.js';

let project: Project;

beforeAll(async () => {
  project = await installProject('worker');
}, 200_000);

afterAll(() => project.remove());

/** What the Worker of the fixture answers to two requests, each in a scope of its own. */
async function serve(contents: string): Promise<unknown[]> {
  const object = (className: string) => ({ className, useSQLite: true });
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'index.mjs', contents }],
    compatibilityDate: '2026-04-20',
    host: '127.0.0.1',
    port: 0,
    kvNamespaces: ['CACHE_KV'],
    r2Buckets: ['MEDIA'],
    durableObjects: {
      RATE_LIMITER: object('RateLimiterObject'),
      LOCKS: object('LockObject'),
      COUNTERS: object('CounterObject'),
      SESSIONS: object('SessionObject'),
    },
  });
  try {
    const url = await miniflare.ready;
    const answers = [await fetch(url), await fetch(url)];
    return await Promise.all(answers.map((answer) => (answer.ok ? answer.json() : answer.text())));
  } finally {
    await miniflare.dispose();
  }
}

const ANSWERS = [
  { titles: ['title a, load 1', 'title a, load 1'], limits: [true, true, false], count: 1, locked: 'alone' },
  { titles: ['title a, load 1', 'title a, load 1'], limits: [false, false, false], count: 2, locked: 'alone' },
];

describe('a Worker with decorators of experimentalDecorators', () => {
  it.each([false, true])(
    'is bundled by esbuild and answers (minified: %p)',
    async (minify) => {
      const { outputFiles, warnings } = buildSync({
        absWorkingDir: project.folder,
        entryPoints: ['src/index.ts'],
        bundle: true,
        write: false,
        minify,
        format: 'esm',
        target: 'es2022',
        platform: 'browser',
        conditions: ['workerd', 'worker', 'browser'],
        external: ['cloudflare:*'],
        logLevel: 'silent',
      });
      expect(warnings).toEqual([]);
      expect(await serve(outputFiles[0]!.text)).toEqual(ANSWERS);
    },
    60_000,
  );

  it('is built by wrangler without a warning, and answers', async () => {
    const { code, output } = await project.bin('wrangler', ['deploy', '--dry-run', '--outdir', 'out']);
    expect([code, output]).toEqual([0, expect.stringContaining('--dry-run: exiting now.')]);
    expect(output).not.toMatch(/warning|error/i);
    expect(await serve(project.read('out/index.js'))).toEqual(ANSWERS);
  }, 120_000);

  it('bundles the coordination Worker from the installed package', async () => {
    const config = 'node_modules/@codex/cloudflare-clients/coordination-worker/wrangler.jsonc';
    const args = ['deploy', '--dry-run', '--config', config, '--outdir', join(project.folder, 'out-coordination')];
    const { code, output } = await project.bin('wrangler', [...args, '--compatibility-date', '2026-04-20']);
    expect([code, output]).toEqual([0, expect.stringContaining('--dry-run: exiting now.')]);
  }, 120_000);
});

describe('its types, with skipLibCheck off', () => {
  it('are right beside those that wrangler generates', async () => {
    const { code, output } = await project.bin('wrangler', ['types']);
    expect([code, output]).toEqual([0, expect.stringContaining('worker-configuration.d.ts')]);
    expect(errorsOfOurs(await project.bin('tsc', ['-p', 'tsconfig.json']))).toEqual([]);
  }, 120_000);

  it.each(['tsconfig.types-v4.json', 'tsconfig.types-v5.json'])(
    'are right beside workers-types: %s',
    async (config) => {
      expect(errorsOfOurs(await project.bin('tsc', ['-p', config]))).toEqual([]);
    },
    120_000,
  );
});
