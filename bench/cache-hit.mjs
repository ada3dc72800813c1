// The hit path of read-through caches over a store of strings in memory. The floor is a Map and JSON.parse.
import { cachified } from '@epic-web/cachified';
import { BentoCache, bentostore } from 'bentocache';
import { Cacheable } from 'cacheable';
import { CacheClient, Cached } from '../dist/index.js';
import { InstantKV, key, KEYS, never, repeat, TTL_SECONDS, value } from './cache-fixture.mjs';
import { compare } from './measure.mjs';

function floor() {
  const store = new Map(Array.from({ length: KEYS }, (_, index) => [key(index), JSON.stringify(value(index))]));
  const read = async (name) => JSON.parse(store.get(name));
  return (iterations) => repeat(iterations, (index) => read(key(index)));
}

const getOrSet = (options, call) => async () => {
  const cache = new CacheClient(new InstantKV(), options);
  for (let index = 0; index < KEYS; index += 1) await cache.set(key(index), value(index), TTL_SECONDS);
  return (iterations) => repeat(iterations, (index) => cache.getOrSet(key(index), TTL_SECONDS, never, call));
};

const decorated = (options, argument) => async () => {
  class Content {
    cache = new CacheClient(new InstantKV());
    async item(index) {
      return value(index);
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Content.prototype, 'item');
  Object.defineProperty(Content.prototype, 'item', Cached(options)(Content.prototype, 'item', descriptor));
  const content = new Content();
  for (let index = 0; index < KEYS; index += 1) await content.item(argument(index));
  return (iterations) => repeat(iterations, (index) => content.item(argument(index)));
};

async function withCachified() {
  const store = new Map();
  const cache = {
    get: (name) => {
      const text = store.get(name);
      return text === undefined ? undefined : JSON.parse(text);
    },
    set: (name, entry) => store.set(name, JSON.stringify(entry)),
    delete: (name) => store.delete(name),
  };
  const read = (index, getFreshValue) => cachified({ key: key(index), cache, ttl: TTL_SECONDS * 1000, getFreshValue });
  for (let index = 0; index < KEYS; index += 1) await read(index, () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

async function withBentocache() {
  const store = new Map();
  // Only a store of strings, as KV is one: no copy of the objects in front of it.
  const driver = {
    options: {},
    factory: () => ({
      type: 'l2',
      get: async (name) => store.get(name),
      set: async (name, text) => Boolean(store.set(name, text)),
      delete: async (name) => store.delete(name),
      namespace() {
        return this;
      },
    }),
  };
  const bento = new BentoCache({ default: 'kv', stores: { kv: bentostore().useL2Layer(driver) } });
  const read = (index, factory) => bento.getOrSet({ key: key(index), ttl: '1h', factory });
  for (let index = 0; index < KEYS; index += 1) await read(index, () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

async function withCacheable() {
  const cacheable = new Cacheable();
  const read = (index, load) => cacheable.getOrSet(key(index), load, { ttl: TTL_SECONDS * 1000 });
  for (let index = 0; index < KEYS; index += 1) await read(index, async () => value(index));
  return (iterations) => repeat(iterations, (index) => read(index, never));
}

const itemId = (index) => `item-${index % KEYS}`;
const page = (index) => ({ page: index % KEYS, size: 20 });

await compare({
  url: import.meta.url,
  title: 'Cache hits: 1,000 keys, JSON values of about 290 bytes',
  iterations: 20_000,
  cases: {
    'floor: Map + JSON.parse': floor,
    'this package: CacheClient.getOrSet': getOrSet(),
    'this package: getOrSet, with a sink': getOrSet({ events: { emit() {} } }),
    'this package: getOrSet, options of the call': getOrSet({}, Object.freeze({ staleWhileRevalidate: 60 })),
    'this package: getOrSet, a tag': getOrSet({}, Object.freeze({ tags: ['content'] })),
    'this package: @Cached({ ttl, key })': decorated({ ttl: TTL_SECONDS, key: (id) => id }, itemId),
    'this package: @Cached(ttl), one string argument': decorated(TTL_SECONDS, itemId),
    'this package: @Cached(ttl), one object argument': decorated(TTL_SECONDS, page),
    'cachified 5.6.3': withCachified,
    'bentocache 1.6.1': withBentocache,
    'cacheable 2.5.0 (its own memory)': withCacheable,
  },
});
