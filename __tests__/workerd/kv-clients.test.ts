import type { CachedSession } from '../../src/clients/kv/session/session.js';
import type { RateLimitResult } from '../../src/clients/rate-limit/rate-limit-result.js';
import type { KVWorker } from '../support/workerd-kv.js';
import { startKVWorker } from '../support/workerd-kv.js';

let worker: KVWorker;

beforeAll(async () => {
  worker = await startKVWorker();
});
afterAll(() => worker.dispose());

const allowed = (results: RateLimitResult[]): number => results.filter((result) => result.allowed).length;

describe('RateLimiterClient in workerd', () => {
  test.each([{}, { wait: '' }])('50 requests at once let exactly 5 through (%p)', async (query) => {
    const id = `requests${JSON.stringify(query)}`;
    const attempt = () => worker.call<RateLimitResult>('attempt', { id, ...query });
    expect(allowed(await Promise.all(Array.from({ length: 50 }, attempt)))).toBe(5);
  });

  test('50 clients in one invocation let exactly 5 through', async () => {
    expect(allowed(await worker.call<RateLimitResult[]>('attempts', { id: 'invocation' }))).toBe(5);
  });

  test('reset lets attempts through again, in later requests', async () => {
    await worker.call('attempts', { id: 'reset' });
    expect((await worker.call<RateLimitResult>('attempt', { id: 'reset' })).allowed).toBe(false);
    await worker.call('resetAttempts', { id: 'reset' });
    expect(await worker.call('record', { id: 'reset' })).toBeNull();
    expect((await worker.call<RateLimitResult>('attempt', { id: 'reset' })).allowed).toBe(true);
  });

  test('shares the count of its first attempt through KV', async () => {
    await worker.call('attempt', { id: 'shared' });
    expect(await worker.call('record', { id: 'shared' })).toMatchObject({ count: 1 });
  });
});

describe('CacheClient in workerd', () => {
  test('serves from KV for a TTL below a minute, and loads again when it is over', async () => {
    const read = (offset: number) => worker.call('cached', { key: 'cache:short:1', ttl: '5', offset: String(offset) });
    expect(await read(0)).toEqual({ value: { text: 'loaded' }, loads: 1 });
    expect(await read(1000)).toEqual({ value: { text: 'loaded' }, loads: 0 });
    expect(await read(5000)).toEqual({ value: { text: 'loaded' }, loads: 1 });
  });

  test('cuts off a KV that hangs and returns the loaded value', async () => {
    expect(await worker.call('cachedOnHangingKV')).toEqual({ value: 'loaded', codes: ['KV_TIMEOUT', 'KV_TIMEOUT'] });
  });

  test('50 calls at once share one load and no object', async () => {
    expect(await worker.call('cachedTogether')).toEqual({ loads: 1, objects: 50 });
  });

  test('getMany reads what bulk reads drop, and deletePrefix follows', async () => {
    const report = { deleted: 120, failed: [] };
    expect(await worker.call('many')).toEqual({ size: 123, wrong: [], absent: null, report });
  });
});

describe.each([{}, { hash: '' }])('SessionCacheClient in workerd (%p)', (options) => {
  const session = <T>(act: string, query: Record<string, string> = {}) =>
    worker.call<T>('session', { act, token: `token${JSON.stringify(options)}`, ...options, ...query });
  const found = async (query: Record<string, string> = {}) =>
    (await session<CachedSession | null>('get', query)) !== null;

  test('gives back a session until it expires or is deleted', async () => {
    await session('set', { lifetime: '30000' });
    expect((await session<CachedSession>('get')).user.email).toBe('user@example.com');
    expect(await found({ offset: '30001' })).toBe(false);
    await session('delete');
    expect(await found()).toBe(false);
  });

  test('ends every session of a user', async () => {
    await session('set', { lifetime: '30000' });
    expect(await found()).toBe(true);
    await session('deleteAll');
    expect(await found()).toBe(false);
  });
});
