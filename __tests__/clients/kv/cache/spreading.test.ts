import { cacheSetup, counter, neverLoads } from '../../../support/cache.js';
import { fc } from '../../../support/kv.js';

const KEY = 'cache:content:1';

describe('ttlJitter', () => {
  test('shortens the TTL by at most its share and never lengthens it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (ttl, jitter, chance) => {
          const { cache, kv, clock } = cacheSetup({ ttlJitter: jitter, random: () => chance });
          await cache.getOrSet(KEY, ttl, () => 'value');
          const { metadata } = (await kv.getWithMetadata(KEY)) as { metadata: { e: number } };
          const freshMs = metadata.e - clock.now();
          expect(freshMs).toBeLessThanOrEqual(ttl * 1000);
          expect(freshMs).toBeGreaterThanOrEqual(Math.floor(ttl * 1000 * (1 - jitter)));
        },
      ),
    );
  });

  test('spreads entries that were written together', async () => {
    let chance = 0;
    const { cache, kv } = cacheSetup({ ttlJitter: 0.5, random: () => (chance += 0.09) });
    for (let index = 0; index < 10; index += 1) await cache.getOrSet(`cache:content:${index}`, 100, () => index);
    const ends = (await kv.list<{ e: number }>()).keys.map(({ metadata }) => metadata?.e);
    expect(new Set(ends).size).toBe(10);
  });
});

describe('earlyRefresh', () => {
  const loadTaking = (clock: { advance: (ms: number) => void }, ms: number, value: string) => async () => {
    clock.advance(ms);
    return value;
  };

  test('refreshes a fresh value in the background when chance, load time and nearness of the end say so', async () => {
    const { client, clock, settle, sink } = cacheSetup({ earlyRefresh: 1, random: () => 1 - Math.exp(-3) });
    await client().getOrSet(KEY, 100, loadTaking(clock, 1000, 'old'));
    clock.advance(96_999);
    expect(await client().getOrSet(KEY, 100, neverLoads)).toBe('old');
    clock.advance(1);
    expect(await client().getOrSet(KEY, 100, () => 'new')).toBe('old');
    await settle();
    expect(await client().getOrSet(KEY, 100, neverLoads)).toBe('new');
    expect(sink.ofType('cache.refresh')).toMatchObject([{ trigger: 'early', outcome: 'value' }]);
    expect(sink.ofType('cache.stale')).toEqual([]);
  });

  test('without waitUntil a fresh value is served, and nobody waits for a load', async () => {
    const { client, clock } = cacheSetup({ earlyRefresh: 10, random: () => 0.999_999, waitUntil: undefined });
    await client().getOrSet(KEY, 10, loadTaking(clock, 1000, 'old'));
    clock.advance(8_999);
    expect(await client().getOrSet(KEY, 10, neverLoads)).toBe('old');
  });

  test('is off by default, and for entries whose load took no time', async () => {
    const { client, clock } = cacheSetup({ random: () => 0.999_999 });
    const load = counter();
    await client().getOrSet(KEY, 10, load);
    clock.advance(9_999);
    await client().getOrSet(KEY, 10, load);
    await client({ earlyRefresh: 10 }).getOrSet(KEY, 10, load);
    expect(load).toHaveBeenCalledTimes(1);
  });
});
