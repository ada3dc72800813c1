import { CACHE_CLIENT, CacheClient, Cached, createContainer, Injectable, provideCache } from '../../src/index.js';
import { MemoryKVNamespace } from '../../src/testing/memory-kv-namespace.js';
import { provideMock } from '../../src/testing/provide-mock.js';

@Injectable(CACHE_CLIENT)
class ContentService {
  constructor(readonly cache: CacheClient) {}

  @Cached(60)
  async list(): Promise<string[]> {
    return ['loaded'];
  }

  async forget(): Promise<void> {
    await this.cache.delete('cache:ContentService.list:[]');
  }
}

describe('provideMock', () => {
  const app = createContainer(provideCache());

  it('stands in for a client in the services that use it', async () => {
    const getOrSet = jest.fn(async () => ['mocked']) as unknown as CacheClient['getOrSet'];
    const service = app.with(provideMock(CACHE_CLIENT, { getOrSet })).scope({ env: {} }).resolve(ContentService);
    expect(await service.list()).toEqual(['mocked']);
    expect(getOrSet).toHaveBeenCalledWith('cache:ContentService.list:[]', 60, expect.any(Function));
  });

  it('throws on a member that the test did not write, and names it', async () => {
    const service = app.with(provideMock(CACHE_CLIENT, {})).scope({ env: {} }).resolve(ContentService);
    await expect(service.forget()).rejects.toThrow('has no delete: add it to provideMock(...)');
  });

  it('takes an instance of the class as well', async () => {
    const cache = new CacheClient(new MemoryKVNamespace());
    const mock = app.with(provideMock(CACHE_CLIENT, cache)).scope({ env: {} }).resolve(CACHE_CLIENT);
    await mock.set('cache:a:b', 1, 60);
    expect(await mock.get('cache:a:b')).toBe(1);
  });

  it('can be awaited, printed and compared', async () => {
    const mock = app.with(provideMock(CACHE_CLIENT, {})).scope({ env: {} }).resolve(CACHE_CLIENT);
    expect(await Promise.resolve(mock)).toBe(mock);
    expect(JSON.stringify(mock)).toBe('{}');
    expect(mock).toEqual({});
  });
});
