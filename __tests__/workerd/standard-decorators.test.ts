import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

describe('a Worker with TC39 decorators', () => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    const options = { standardDecorators: true, kvNamespaces: ['CACHE_KV'] };
    ({ url, miniflare } = await startWorker('standard-decorators-worker.ts', options));
  });

  afterAll(() => miniflare.dispose());

  it('caches an override and the method that it calls through super, each under its own key', async () => {
    const answer = async () => (await fetch(url)).json();
    expect(await answer()).toEqual({ titles: ['BASE A!', 'BASE A!'], loads: 1 });
    expect(await answer()).toEqual({ titles: ['BASE A!', 'BASE A!'], loads: 0 });
    const { keys } = await (await miniflare.getKVNamespace('CACHE_KV')).list();
    expect(keys.map(({ name }) => name)).toEqual(['cache:LoudTitles.title:a', 'cache:Titles.title@LoudTitles:["a"]']);
  });
});
