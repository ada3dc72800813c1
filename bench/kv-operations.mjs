// How many KV operations a call makes: counted, not timed. An invocation of a Worker has 1,000.
import { CacheClient, memoryTier } from '../dist/index.js';
import { InstantKV } from './cache-fixture.mjs';

const KEYS = Array.from({ length: 100 }, (_, index) => `cache:content:${index}`);
const load = async (missing) => new Map(missing.map((key) => [key, { key }]));

async function count(options, act, { tags, before = async () => undefined } = {}) {
  const kv = new InstantKV();
  await new CacheClient(kv, options).getOrSetMany(KEYS, 60, load, tags && { tags });
  const cache = new CacheClient(kv, options);
  await before(cache);
  const { operations } = kv;
  await act(cache);
  return kv.operations - operations;
}

const one = (cache) => cache.getOrSet(KEYS[0], 60, load);
const tags = ['content', 'creator:1'];
const rows = {
  'getOrSet, a hit': await count({}, one),
  'getOrSet, a hit, with tags of the call': await count({}, (cache) => cache.getOrSet(KEYS[0], 60, load, { tags }), {
    tags,
  }),
  'getOrSet, a hit, with tags that the call does not name': await count({}, one, { tags }),
  'getOrSet, the second read of a request, with tags': await count({}, one, { tags, before: one }),
  'getOrSet, the second read of a request, with a memo': await count({ memo: true }, one, { before: one }),
  'getOrSet, in the memory tier': await count({ memory: memoryTier({ ttlSeconds: 60 }) }, one),
  'getOrSet, a hit, clearable': await count({ clearable: true }, one),
  'getMany of 100 keys': await count({}, (cache) => cache.getMany(KEYS)),
  'getOrSetMany of 100 keys, all hits': await count({}, (cache) => cache.getOrSetMany(KEYS, 60, load)),
  'invalidateTags of one tag, whatever carries it': await count({}, (cache) => cache.invalidateTags(['content'])),
  'clear, of the whole namespace': await count({ clearable: true }, (cache) => cache.clear()),
};
console.log('\nKV operations\n\n| call | operations |\n| --- | ---: |');
for (const [name, operations] of Object.entries(rows)) console.log(`| ${name} | ${operations} |`);
