// Hits that KV is not asked for: in the memory of the isolate, and in the memo of a request. The floor is what one would write by
// hand: lru-cache, and a structured copy of what it holds, so that callers share no object.
import { cachified } from '@epic-web/cachified';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import { LRUCache } from 'lru-cache';
import { CacheClient, memoryTier } from '../dist/index.js';
import { InstantKV, key, KEYS, never, repeat, TTL_SECONDS, value } from './cache-fixture.mjs';
import { compare } from './measure.mjs';

function floor() {
  const store = new LRUCache({ max: KEYS });
  for (let index = 0; index < KEYS; index += 1) store.set(key(index), value(index));
  const read = async (name) => structuredClone(store.get(name));
  return (iterations) => repeat(iterations, (index) => read(key(index)));
}

function text() {
  const store = new LRUCache({ max: KEYS });
  for (let index = 0; index < KEYS; index += 1) store.set(key(index), JSON.stringify(value(index)));
  const read = async (name) => JSON.parse(store.get(name));
  return (iterations) => repeat(iterations, (index) => read(key(index)));
}

const ours = (options) => async () => {
  const cache = new CacheClient(new InstantKV(), options);
  for (let index = 0; index < KEYS; index += 1) await cache.set(key(index), value(index), TTL_SECONDS);
  return (iterations) => repeat(iterations, (index) => cache.getOrSet(key(index), TTL_SECONDS, never));
};

async function withBentocache() {
  const bento = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: KEYS * 2 })) },
  });
  const read = (index, factory) => bento.getOrSet({ key: key(index), ttl: '1h', factory });
  for (let index = 0; index < KEYS; index += 1) await read(index, () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

async function withCachified() {
  // Hands out one object to every caller: no copy, and so not the same service.
  const cache = new LRUCache({ max: KEYS * 2 });
  const read = (index, getFreshValue) => cachified({ key: key(index), cache, ttl: TTL_SECONDS * 1000, getFreshValue });
  for (let index = 0; index < KEYS; index += 1) await read(index, () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

async function withCacheable() {
  const cacheable = new Cacheable();
  const read = (index, load) => cacheable.getOrSet(key(index), load, { ttl: TTL_SECONDS * 1000 });
  for (let index = 0; index < KEYS; index += 1) await read(index, async () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

await compare({
  url: import.meta.url,
  title: 'Hits in memory: 1,000 keys, JSON values of about 290 bytes',
  iterations: 20_000,
  cases: {
    'floor: lru-cache + structuredClone': floor,
    'lru-cache of texts + JSON.parse': text,
    'this package: memory tier': ours({ memory: memoryTier({ ttlSeconds: TTL_SECONDS, maxEntries: KEYS * 2 }) }),
    'this package: memory tier, with a sink': ours({
      memory: memoryTier({ ttlSeconds: TTL_SECONDS, maxEntries: KEYS * 2 }),
      events: { emit() {} },
    }),
    'this package: memo of a request': ours({ memo: true }),
    'bentocache 1.6.1, memory driver': withBentocache,
    'cacheable 2.5.0 (its own memory)': withCacheable,
    'cachified 5.6.3 + lru-cache, no copies': withCachified,
  },
});
