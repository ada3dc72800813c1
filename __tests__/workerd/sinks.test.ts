import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

const OPTIONS = { kvNamespaces: ['CACHE_KV'], analyticsEngineDatasets: { ANALYTICS: { dataset: 'events' } } };
const TIMING = /^cache;desc="hit 1";dur=2$/;

describe.each([
  ['2026-07-30', false],
  ['2023-05-18', true],
])('the sinks in a Worker of %s (minified: %s)', (compatibilityDate, minify) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    const options = { ...OPTIONS, minify, compatibilityDate };
    ({ url, miniflare } = await startWorker('sinks-worker.ts', options));
  });

  afterAll(() => miniflare.dispose());

  async function get(path: string): Promise<Response> {
    return fetch(new URL(path, url), { redirect: 'manual' });
  }

  async function json(path: string): Promise<Record<string, unknown>> {
    const response = await get(path);
    expect(response.status).toBe(200);
    const answer: unknown = await response.json();
    return answer as Record<string, unknown>;
  }

  it('work when they are made at module scope', async () => {
    const { lines, spans, points } = await json('/module');
    expect((lines as string[]).map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { app: 'test', level: 'info', type: 'cache.hit' },
      { app: 'test', level: 'warn', type: 'kv.large-value', bytes: 100_003 },
    ]);
    expect(spans).toMatchObject([
      ['cache.get', { kind: 2, attributes: { 'db.system.name': 'cloudflare-kv' } }],
      ['kv.large-value', { attributes: { 'cloudflare.kv.query.payload.size': 100_003 } }],
    ]);
    expect(points).toMatchObject([{ indexes: ['module'], blobs: [''] }]);
  });

  it('write one point per request to a dataset', async () => {
    const { sent, dropped } = await json('/request');
    expect(sent).toEqual([
      {
        indexes: ['request'],
        blobs: ['', '/request'],
        doubles: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 1, 2, 0],
      },
    ]);
    expect(dropped).toBe(0);
    expect(await json('/binding')).toEqual({ dropped: 0 });
  });

  it('write what a refresh in waitUntil tells after the sink was disposed', async () => {
    await json('/background');
    let late: unknown[] = [];
    const deadline = Date.now() + 10_000;
    while (late.length < 3 && Date.now() < deadline) ({ late } = (await json('/late')) as { late: unknown[] });
    expect(late).toEqual([1, 2, 1]);
  });

  it('put their header on a response', async () => {
    const response = await get('/timing');
    expect([response.status, response.headers.get('X-Kept'), await response.text()]).toEqual([201, 'yes', 'timed']);
    expect(response.headers.get('Server-Timing')).toMatch(TIMING);
  });

  it.each(['/immutable', '/fetched'])('put their header on a response with immutable headers: %s', async (path) => {
    expect((await get(path)).headers.get('Server-Timing')).toMatch(TIMING);
  });

  it('leave a WebSocket working', async () => {
    const response = await miniflare.dispatchFetch(new URL('/socket', url).href, { headers: { Upgrade: 'websocket' } });
    expect(response.status).toBe(101);
    const socket = response.webSocket!;
    const message = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)));
    socket.accept();
    expect(await message).toBe('hello');
  });

  it('stand beside stats of a real namespace', async () => {
    expect(await json('/stats')).toEqual({
      keys: 20,
      metadataBytes: 220,
      expiringSoon: 5,
      withoutExpiry: 0,
      isComplete: true,
      patterns: [['stats:', { keys: 20, metadataBytes: 220, expiringSoon: 5 }]],
    });
  });
});
