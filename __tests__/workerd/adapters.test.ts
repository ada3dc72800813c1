import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { Miniflare } from 'miniflare';

/** Bundles the libraries as wrangler does with nodejs_compat, which Keyv needs for `buffer`. */
function bundle(): string {
  const { outputFiles } = buildSync({
    entryPoints: [join(__dirname, 'fixtures/adapters-worker.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    platform: 'browser',
    conditions: ['workerd', 'worker', 'browser'],
    alias: { buffer: 'node:buffer' },
    external: ['cloudflare:*', 'node:*'],
    minify: true,
    logLevel: 'error',
  });
  return outputFiles[0]!.text;
}

describe('the adapters, in workerd', () => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    miniflare = new Miniflare({
      modules: [{ type: 'ESModule', path: 'index.mjs', contents: bundle() }],
      compatibilityDate: '2026-07-30',
      compatibilityFlags: ['nodejs_compat'],
      host: '127.0.0.1',
      port: 0,
      kvNamespaces: ['CACHE_KV'],
    });
    url = await miniflare.ready;
  });

  afterAll(() => miniflare.dispose());

  const ask = async (path: string): Promise<Record<string, unknown>> => {
    const response = await fetch(new URL(path, url));
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return JSON.parse(text) as Record<string, unknown>;
  };

  it('cachified() caches, skips undefined, and survives reads that fail', async () => {
    const { lifetimes, ...answer } = await ask('/cachified');
    expect(answer).toEqual({
      first: { id: 1 },
      hit: { id: 1 },
      // The first, the undefined one, the one whose read failed and the corrupt one.
      loads: 4,
      value: '{"id":1}',
      metadata: { createdTime: expect.any(Number) as number, ttl: 5_000, swr: 60_000 },
      degraded: { id: 3 },
      kept: null,
      corrupt: 'fresh',
      seeded: 'seeded',
    });
    const [lifetime] = lifetimes as number[];
    expect(lifetime).toBeGreaterThan(60);
    expect(lifetime).toBeLessThan(67);
  });

  it('Keyv stores, expires within 60 seconds, reads in bulk, iterates and clears its namespace', async () => {
    expect(await ask('/keyv')).toEqual({
      set: [true, true],
      setMany: true,
      getMany: [0, 119, null, { n: 1 }],
      has: [true, false, [true, false]],
      stillInKV: true,
      integerLike: ['seven', null],
      last: [122, ['a', { n: 1 }]],
      deleted: [true, true, null],
      left: ['users2:1'],
      errors: ['KV_READ_FAILED'],
    });
  });

  it('unstorage stores, expires within 60 seconds, reads in bulk, keeps bytes and clears its base', async () => {
    expect(await ask('/unstorage')).toEqual({
      items: [
        { key: 'a', value: { n: 1 } },
        { key: 'many:119', value: 119 },
        { key: 'none', value: null },
      ],
      isEqual: true,
      empty: [{ key: 'empty', value: '' }],
      meta: { hasTime: true, ttl: 5 },
      has: [true, false],
      listed: [true, false, false],
      expired: [null, false, false],
      keys: 123,
      code: 'KV_READ_FAILED',
      removed: null,
      left: 0,
    });
  });
});
