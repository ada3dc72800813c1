import { CacheClient } from '../../../../src/clients/kv/cache/cache-client.js';
import { cacheSetup } from '../../../support/cache.js';
import { deferred } from '../../../support/kv.js';

const KEY = 'cache:content:1';
const DOWN = new Error('the database is down');
const turn = (): Promise<void> => new Promise(setImmediate);

/** Holds back the next call of one operation of the double, after it took effect. */
function holdNext(kv: object, operation: 'delete' | 'put' | 'getWithMetadata') {
  const gate = deferred<undefined>();
  const operations = kv as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const original = operations[operation]!;
  operations[operation] = async (...args) => {
    operations[operation] = original;
    const answer = await original.apply(kv, args);
    await gate.promise;
    return answer;
  };
  return gate;
}

describe('a stale value never stands in for a load that fails', () => {
  test.each(['delete', 'set'] as const)('after a %s that was under way when the call began', async (change) => {
    const { cache, clock, kv } = cacheSetup({ staleIfError: 3600 });
    await cache.set(KEY, 'old', 10);
    clock.advance(11_000);
    const loading = deferred<string>();
    const gate = holdNext(kv, 'getWithMetadata');
    const first = cache.getOrSet(KEY, 60, () => loading.promise);
    await turn();
    await (change === 'delete' ? cache.delete(KEY) : cache.set(KEY, 'new', 60));
    gate.resolve(undefined);
    await turn();
    loading.reject(DOWN);
    await expect(first).rejects.toBe(DOWN);
  });

  test('when another request deletes the key while this one reads it', async () => {
    const { client, clock, kv } = cacheSetup({ staleIfError: 3600, staleWhileRevalidate: 3600 });
    await client().set(KEY, 'old', 10);
    clock.advance(11_000);
    const gate = holdNext(kv, 'getWithMetadata');
    const reading = client().getOrSet(KEY, 60, () => Promise.reject(DOWN));
    await turn();
    await client().delete(KEY);
    gate.resolve(undefined);
    await expect(reading).rejects.toBe(DOWN);
  });

  test('when another request deletes the key while this one waits for a refresh', async () => {
    const { cache, client, clock } = cacheSetup({ staleIfError: 3600 });
    await cache.set(KEY, 'old', 10);
    clock.advance(11_000);
    const loading = deferred<string>();
    await cache.getOrSet(KEY, 60, () => loading.promise, { staleWhileRevalidate: 60 });
    const waiting = cache.getOrSet(KEY, 60, () => Promise.reject(DOWN));
    await turn();
    await client().delete(KEY);
    loading.reject(DOWN);
    await expect(waiting).rejects.toBe(DOWN);
  });
});

test('a call after a delete does not join one that began during it', async () => {
  const { cache, clock, kv } = cacheSetup({ staleIfError: 3600 });
  await cache.set(KEY, 'old', 10);
  clock.advance(11_000);
  const gate = holdNext(kv, 'delete');
  const deleting = cache.delete(KEY);
  await turn();
  const older = deferred<string>();
  const first = cache.getOrSet(KEY, 60, () => older.promise);
  await turn();
  gate.resolve(undefined);
  await deleting;
  expect(await cache.getOrSet(KEY, 60, () => 'after the delete')).toBe('after the delete');
  older.resolve('before the delete');
  expect(await first).toBe('before the delete');
  expect(await kv.get(KEY)).toBe('"after the delete"');
});

test('a request that has read an invalidation of another isolate does not join a load that began before it', async () => {
  const { client, clock, kv } = cacheSetup({ singleFlight: 'isolate' });
  const binding = {
    get: kv.get,
    getWithMetadata: kv.getWithMetadata,
    put: kv.put.bind(kv),
    delete: kv.delete.bind(kv),
    list: kv.list.bind(kv),
  };
  const elsewhere = new CacheClient(binding, { now: clock.now });
  const options = { tags: ['t'] };
  const loading = deferred<string>();
  const leader = client().getOrSet(KEY, 60, () => loading.promise, options);
  await turn();
  clock.advance(10);
  await elsewhere.invalidateTags(['t']);
  clock.advance(10);
  const joiner = client().getOrSet(KEY, 60, () => 'new', options);
  await turn();
  loading.resolve('old');
  expect(await leader).toBe('old');
  expect(await joiner).toBe('new');
});

test('getOrSetMany with forceFresh takes away what the loader does not know any more', async () => {
  const { client } = cacheSetup();
  await client().set(KEY, 'old', 60);
  await client().getOrSetMany([KEY], 60, async () => new Map<string, string>(), { forceFresh: true });
  expect(await client().get(KEY)).toBeNull();
});
