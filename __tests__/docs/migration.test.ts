import { cachified } from '@epic-web/cachified';
import { cachifiedCache } from '../../src/adapters/cachified.js';
import { CacheClient } from '../../src/clients/kv/cache/cache-client.js';
import { SessionCacheClient } from '../../src/clients/kv/session/session-cache-client.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { MemoryKVNamespace } from '../../src/testing/memory-kv-namespace.js';

const KEY = 'content:featured';
const SESSION = {
  session: { id: 's1', userId: 'u1', token: 't1', expiresAt: '2100-01-01T00:00:00.000Z' },
  user: { id: 'u1', email: 'a@example.com', name: 'A', role: 'customer' as const, emailVerified: true },
};

function setup() {
  const clock = new ManualClock();
  const kv = new MemoryKVNamespace({ now: clock.now });
  const cache = new CacheClient(kv, { now: clock.now });
  const load = jest.fn(async () => ['loaded']);
  return { clock, kv, cache, load };
}

describe('what the page on migration says of stored entries', () => {
  it('bare JSON is a hit, until KV drops it', async () => {
    const { clock, kv, cache, load } = setup();
    await kv.put(KEY, JSON.stringify(['old']), { expirationTtl: 600 });
    clock.advance(599_000);
    expect(await cache.getOrSet(KEY, 60, load)).toEqual(['old']);
    clock.advance(2_000);
    expect(await cache.getOrSet(KEY, 60, load)).toEqual(['loaded']);
  });

  it('text that is no JSON is a miss and is written over', async () => {
    const { kv, cache, load } = setup();
    await kv.put(KEY, 'old');
    expect(await cache.getOrSet(KEY, 60, load)).toEqual(['loaded']);
    expect(await kv.get(KEY, 'text')).toBe('["loaded"]');
  });

  it('old code reads what the cache wrote, and sees it after its TTL until KV drops it', async () => {
    const { clock, kv, cache, load } = setup();
    await cache.getOrSet(KEY, 5, load);
    clock.advance(30_000);
    expect(JSON.parse((await kv.get(KEY, 'text'))!)).toEqual(['loaded']);
    clock.advance(31_000);
    expect(await kv.get(KEY, 'text')).toBeNull();
  });

  it('a session that bare code stored is read, and counts as ended after deleteAllForUser', async () => {
    const { clock, kv } = setup();
    const sessions = new SessionCacheClient(kv, { now: clock.now });
    await kv.put('session:t1', JSON.stringify(SESSION), { expirationTtl: 3_600 });
    expect(await sessions.get('t1')).toEqual(SESSION);
    await sessions.deleteAllForUser('u1');
    expect(await sessions.get('t1')).toBeNull();
    await kv.put('session:t2', JSON.stringify({ userId: 'u1' }));
    expect(await sessions.get('t2')).toBeNull();
  });

  it('the cache takes an entry of cachified for fresh, beyond its ttl, and cachified one of the cache', async () => {
    const { clock, kv, cache, load } = setup();
    const options = { key: KEY, cache: cachifiedCache(kv), ttl: 60_000, swr: 600_000 };
    await cachified({ ...options, getFreshValue: () => ['by cachified'] });
    clock.advance(300_000);
    expect(await cache.getOrSet(KEY, 60, load)).toEqual(['by cachified']);
    await cache.set('other', ['by the cache'], 60);
    expect(await cachified({ ...options, key: 'other', getFreshValue: load })).toEqual(['by the cache']);
    expect(load).not.toHaveBeenCalled();
  });

  it('when a load fails, staleIfError gives the old value, but not to forceFresh; fallbackToCache of cachified is for forceFresh alone', async () => {
    const { clock, kv, cache } = setup();
    const fails = (): Promise<string[]> => Promise.reject(new Error('the database is down'));
    await cache.getOrSet(KEY, 60, async () => ['old'], { staleIfError: 600 });
    clock.advance(61_000);
    expect(await cache.getOrSet(KEY, 60, fails, { staleIfError: 600 })).toEqual(['old']);
    await expect(cache.getOrSet(KEY, 60, fails, { staleIfError: 600, forceFresh: true })).rejects.toThrow('down');

    const options = { key: 'c', cache: cachifiedCache(kv), ttl: 60_000 };
    await cachified({ ...options, getFreshValue: () => ['old'] });
    expect(await cachified({ ...options, getFreshValue: fails, forceFresh: true })).toEqual(['old']);
    await kv.delete('c');
    await expect(cachified({ ...options, getFreshValue: fails })).rejects.toThrow('down');
  });
});
