import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

describe.each([
  ['as written', false],
  ['minified', true],
])('a Worker with request containers, %s', (_name, minify) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('container-worker.ts', {
      minify,
      kvNamespaces: ['CACHE_KV', 'AUTH_SESSION_KV', 'RATE_LIMIT_KV'],
      bindings: { NAME: 'codex', R2_ACCOUNT_ID: 'a', R2_ACCESS_KEY_ID: 'b', R2_SECRET_ACCESS_KEY: 'top-secret' },
    }));
  });

  afterAll(() => miniflare.dispose());

  async function get(path: string): Promise<unknown> {
    const response = await fetch(new URL(path, url));
    expect(response.status).toBe(200);
    return response.json();
  }

  it('keeps 50 overlapping requests apart', async () => {
    const ids = Array.from({ length: 50 }, (_, index) => `visitor-${index}`);
    const answers = await Promise.all(ids.map((id) => get(`/visitor?id=${id}`)));
    expect(answers).toEqual(ids.map((id) => ({ id, same: true, name: 'codex' })));
  });

  it('resolves one instance by class, by token and through tsyringe decorators', async () => {
    expect(await get('/identity')).toEqual({
      byToken: true,
      session: true,
      plain: true,
      ctx: true,
      others: [true, true],
    });
  });

  it('runs a cached method once for concurrent calls, and not at all in later requests', async () => {
    expect(await get('/greet?id=first')).toEqual({
      first: { text: 'Hello Ada', by: 'first' },
      distinct: true,
      loads: 1,
    });
    expect(await get('/greet?id=second')).toEqual({
      first: { text: 'Hello Ada', by: 'first' },
      distinct: true,
      loads: 0,
    });
    const kv = await miniflare.getKVNamespace('CACHE_KV');
    expect(await kv.get('cache:GreetingService.greet:["Ada"]', 'json')).toEqual({ text: 'Hello Ada', by: 'first' });
  });

  it("passes the method's own error on and stores nothing", async () => {
    expect(await get('/failing')).toEqual({ name: 'RangeError', isOwn: true });
    const kv = await miniflare.getKVNamespace('CACHE_KV');
    expect((await kv.list({ prefix: 'cache:GreetingService.failing' })).keys).toEqual([]);
  });

  it('names the path and the remedy of what it cannot resolve', async () => {
    expect(await get('/missing-binding')).toEqual({
      code: 'MISSING_BINDING',
      message: expect.stringMatching(/PlainService -> CACHE_CLIENT -> CACHE_KV: .*wrangler\.jsonc/) as string,
    });
    expect(await get('/missing-variable')).toEqual({
      code: 'MISSING_VARIABLE',
      message: expect.stringMatching(/R2Client -> R2_CLIENT -> R2_CONFIG: env\.R2_ACCOUNT_ID is not set/) as string,
    });
    expect(await get('/unknown-token')).toEqual({
      code: 'UNKNOWN_TOKEN',
      message: expect.stringContaining('NeedsMissing -> MISSING: nothing provides MISSING') as string,
    });
  });

  it('opens a scope in one line', async () => {
    expect(await get('/one-liner')).toEqual({ ok: true });
  });

  it('refuses to resolve from a scope that was disposed', async () => {
    expect(await get('/dispose')).toMatchObject({ code: 'SCOPE_DISPOSED' });
  });
});
