import type { Miniflare } from 'miniflare';
import type { ClientEvent } from '../../src/events.js';
import { startWorker } from '../support/worker.js';

interface Answer {
  readonly value: unknown;
  readonly events: string[];
  readonly all: ClientEvent[];
}

describe.each([
  ['legacy decorators', {}],
  ['TC39 decorators, minified', { standardDecorators: true, minify: true }],
])('the cache in workerd, %s', (_dialect, options) => {
  let url: URL;
  let miniflare: Miniflare | undefined;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('cache-worker.ts', { kvNamespaces: ['CACHE_KV'], ...options }));
  });

  afterAll(async () => {
    await miniflare?.dispose();
  });

  const ask = async (path: string): Promise<Answer> => {
    const response = await fetch(new URL(path, url));
    expect(response.status).toBe(200);
    return response.json<Answer>();
  };
  const tiers = ({ all }: Answer): string[] => all.flatMap((event) => (event.type === 'cache.hit' ? [event.tier] : []));

  test('a memory tier made at module scope answers the next request, and KV the one after its TTL', async () => {
    const first = await ask('/item?id=memory');
    expect(first.events).toEqual(['cache.miss', 'cache.load', 'cache.write']);
    expect(tiers(await ask('/item?id=memory'))).toEqual(['memory']);
    const third = await ask('/item?id=memory&ahead=1000');
    expect(tiers(third)).toEqual(['kv']);
    expect(third.value).toEqual(first.value);
  });

  test('a tag, an eviction and a put reach the next request', async () => {
    const { value } = await ask('/item?id=a');
    expect((await ask('/item?id=a')).value).toEqual(value);
    expect((await ask('/remove?id=a')).events).toEqual(['cache.invalidate']);
    const again = (await ask('/item?id=a')).value;
    expect(again).not.toEqual(value);
    expect((await ask('/rename?id=a')).value).toEqual({ id: 'a', load: -1 });
    expect((await ask('/item?id=a')).value).toEqual({ id: 'a', load: -1 });
  });

  test('refresh and invalidate of a cached method reach the next request', async () => {
    const { value } = await ask('/item?id=b');
    const refreshed = (await ask('/refresh?id=b')).value;
    expect(refreshed).not.toEqual(value);
    expect((await ask('/item?id=b')).value).toEqual(refreshed);
    expect((await ask('/invalidate?id=b')).value).toMatchObject({ evicted: 1, failed: [] });
    expect((await ask('/item?id=b')).value).not.toEqual(refreshed);
  });

  test("a stale value is served at once, and the refresh is kept alive by the scope's execution context", async () => {
    const { value } = await ask('/stale?plain&id=1');
    expect(await ask('/stale?plain&id=1&ahead=10000')).toMatchObject({ value, events: ['cache.stale'] });
    let latest = await ask('/stale?plain&id=1&ahead=10000');
    while (latest.value === value) latest = await ask('/stale?plain&id=1&ahead=10000');
    expect(latest.events).toEqual(['cache.hit']);
  });

  test('clear invalidates the namespace for every request after it', async () => {
    await ask('/set?plain&id=1');
    expect((await ask('/get?plain&id=1')).value).toBe('1');
    await ask('/clear?plain');
    expect(await ask('/get?plain&id=1')).toMatchObject({ value: null, events: ['cache.miss'] });
    await ask('/set?plain&id=1');
    expect((await ask('/get?plain&id=1')).value).toBe('1');
  });

  test('a codec made at module scope gives back Dates and Maps', async () => {
    expect((await ask('/rich?id=1')).value).toEqual({ isMap: true, isDate: true });
    const second = await ask('/rich?id=1');
    expect(second.value).toEqual({ isMap: true, isDate: true });
    expect(second.events).toEqual(['cache.hit']);
  });

  test('a hard timeout aborts the signal of the loader', async () => {
    expect((await ask('/hard?id=1')).value).toEqual({ code: 'LOADER_TIMEOUT', isAborted: true });
  });
});
