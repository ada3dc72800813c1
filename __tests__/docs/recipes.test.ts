import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

const root = join(__dirname, '../..');
const page = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
const TIMEOUT_MS = 60_000;

/** The first TypeScript below a heading. */
function recipe(heading: string): string {
  const [, section = ''] = page.split(new RegExp(`^## ${heading}$`, 'm'));
  return /```ts\n([\s\S]*?)```/.exec(section)![1]!;
}

describe('the recipes, copied and run in workerd', () => {
  let folder: string;
  let miniflare: Miniflare | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(root, '.cache-recipes-'));
  });

  afterEach(async () => {
    await miniflare?.dispose();
    miniflare = undefined;
    rmSync(folder, { recursive: true });
  });

  async function start(code: string): Promise<Miniflare> {
    const entry = join(folder, 'index.ts');
    writeFileSync(entry, `${code}\nexport { RateLimiterObject } from '@codex/cloudflare-clients/durable-objects';\n`);
    const { outputFiles } = await build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      external: ['cloudflare:*', 'node:*'],
      tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    });
    miniflare = new Miniflare({
      modules: [{ type: 'ESModule', path: 'index.mjs', contents: outputFiles[0]!.text }],
      compatibilityDate: '2026-01-01',
      kvNamespaces: ['CACHE_KV'],
      durableObjects: { RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true } },
    });
    return miniflare;
  }

  it(
    'the Worker answers, and refuses the 21st request of a minute',
    async () => {
      const worker = await start(recipe('Workers'));
      const statuses: number[] = [];
      for (let index = 0; index < 21; index += 1) {
        const response = await worker.dispatchFetch('http://localhost/', {
          headers: { 'CF-Connecting-IP': '192.0.2.1' },
        });
        statuses.push(response.status);
        await response.arrayBuffer();
      }
      expect(statuses).toEqual([...Array.from({ length: 20 }, () => 200), 429]);
    },
    TIMEOUT_MS,
  );

  it(
    'the Hono app answers from the cache, and refuses a key that KV does not take with 400',
    async () => {
      const worker = await start(recipe('Hono'));
      const items = await worker.dispatchFetch('http://localhost/items/news');
      expect([items.status, await items.json()]).toEqual([200, ['the newest of news']]);
      const kv = await worker.getKVNamespace('CACHE_KV');
      expect(await kv.get('cache:items:news', 'json')).toEqual(['the newest of news']);
      const refused = await worker.dispatchFetch(`http://localhost/items/${'x'.repeat(600)}`);
      expect([refused.status, await refused.json()]).toEqual([400, { code: 'INVALID_KEY' }]);
    },
    TIMEOUT_MS,
  );
});
