// A cached endpoint inside workerd, end to end over HTTP: the package, bare KV code and cachified side by side in one Worker, over one namespace and the
// same value. The clock of a Worker stands still while it computes, so time is taken outside: CPU of the workerd process (Miniflare's KV is in it, for all
// rows alike) and the latency that a client sees. Routes take turns in short slices, each beside a slice of bare KV; what counts is the median of the ratios.
import { Agent, get } from 'node:http';
import { mean, median, quantile, shuffled } from './statistics.mjs';
import { bundleWorker, cpuMicroseconds, startWorkerd, workerdPid } from './workerd.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 30);
const WARM_UP_ROUNDS = Math.min(3, ROUNDS - 1);
const REQUESTS = 100;
const CONCURRENCY = 8;
const ALONE_ROUNDS = 90;
const ALONE_CALLS = 200;

const WORKER = `
import { cachified } from '@epic-web/cachified';
import { cloudflareKvCacheAdapter } from 'cachified-adapter-cloudflare-kv';
import { CACHE_CLIENT, CacheClient, Cached, createContainer, Injectable, provideCache } from './dist/index.js';
import { cachifiedCache } from './dist/adapters/cachified.js';

const TTL_SECONDS = 3_600;
const item = (creatorId, index) => ({
  id: creatorId + '-item-' + index, title: 'An introduction to the violin', creatorId, tags: ['music', 'violin', 'beginner'],
  durationSeconds: 754, price: { amount: 1900, currency: 'EUR' }, published: true,
  description: 'Twelve lessons that begin with how to hold the bow and end with a first piece.',
});
const load = async (creatorId) => Array.from({ length: 20 }, (_, index) => item(creatorId, index));

class Content {
  async list(creatorId) {
    return load(creatorId);
  }
}
Object.defineProperty(Content.prototype, 'list',
  Cached({ ttl: TTL_SECONDS, name: 'media-list' })(Content.prototype, 'list', Object.getOwnPropertyDescriptor(Content.prototype, 'list')));
Injectable()(Content);
const app = createContainer(provideCache());

const routes = {
  async nothing() {
    return Response.json({ ok: true });
  },
  async bare(id, { env }) {
    const key = 'bare:' + id;
    let value = await env.CACHE_KV.get(key, 'json');
    if (value === null) {
      value = await load(id);
      await env.CACHE_KV.put(key, JSON.stringify(value), { expirationTtl: TTL_SECONDS });
    }
    return Response.json(value);
  },
  async text(id, { env }) {
    const key = 'bare:' + id;
    return new Response(await env.CACHE_KV.get(key), { headers: { 'content-type': 'application/json' } });
  },
  async metadata(id, { env }) {
    const { value } = await env.CACHE_KV.getWithMetadata('media-list-client:' + id, 'text');
    return Response.json(JSON.parse(value));
  },
  async client(id, { env, ctx }) {
    const cache = new CacheClient(env.CACHE_KV, { waitUntil: (promise) => ctx.waitUntil(promise) });
    return Response.json(await cache.getOrSet('media-list-client:' + id, TTL_SECONDS, () => load(id)));
  },
  async scope(id, { env, ctx, request }) {
    return Response.json(await app.scope({ env, ctx, request }).resolve(Content).list(id));
  },
  async adapter(id, { env, ctx }) {
    return Response.json(await cachified({
      key: 'adapter:' + id, cache: cachifiedCache(env.CACHE_KV), ttl: TTL_SECONDS * 1000,
      getFreshValue: () => load(id), waitUntil: (promise) => ctx.waitUntil(promise),
    }));
  },
  async cachified(id, { env, ctx }) {
    return Response.json(await cachified({
      key: 'peer:' + id, cache: cloudflareKvCacheAdapter({ kv: env.CACHE_KV, keyPrefix: 'peer' }), ttl: TTL_SECONDS * 1000,
      getFreshValue: () => load(id), waitUntil: (promise) => ctx.waitUntil(promise),
    }));
  },
};

// KV without a network and without another thread: what is left is what the code of a route costs by itself.
const entries = new Map();
const read = (text, type) => (text !== null && (type?.type ?? type) === 'json' ? JSON.parse(text) : text);
const CACHE_KV = {
  get: async (key, type) => read(entries.get(key)?.text ?? null, type),
  async getWithMetadata(key, type) {
    const { text = null, metadata = null } = entries.get(key) ?? {};
    return { value: read(text, type), metadata: metadata && JSON.parse(metadata), cacheStatus: null };
  },
  put: async (key, text, { metadata = null } = {}) => void entries.set(key, { text, metadata: metadata && JSON.stringify(metadata) }),
  delete: async (key) => void entries.delete(key),
  list: async () => ({ keys: [], list_complete: true }),
};
// The env of an isolate is one object, of which the package remembers what it found out.
const ALONE = { CACHE_KV };
export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const [, route, id] = pathname.split('/');
    const times = Number(searchParams.get('alone') ?? 0);
    for (let index = 0; index < times; index += 1) await routes[route](id, { env: ALONE, ctx, request });
    return routes[route](id, { env, ctx, request });
  },
};
`;

const NAMES = {
  nothing: 'for scale: an answer without KV',
  bare: "floor: bare KV, get(key, 'json') or load and put",
  text: 'bare KV, the text passed on unparsed',
  metadata: 'bare KV, getWithMetadata and JSON.parse',
  client: 'this package: new CacheClient, getOrSet',
  scope: 'this package: container, scope, @Cached service',
  adapter: 'cachified 5.6.3 over this package’s adapter',
  cachified: 'cachified 5.6.3 over cachified-adapter-cloudflare-kv 2.3.0',
};

const miniflare = startWorkerd(await bundleWorker(WORKER), { kvNamespaces: ['CACHE_KV'] });
const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
try {
  const url = await miniflare.ready;
  const pid = workerdPid();
  await fillAndCompare(url);
  const rows = await measure(url, pid);
  print(rows, await measureAlone(url, pid));
} finally {
  agent.destroy();
  await miniflare.dispose();
}

/** Fills the cache, and holds that every route answers the same. */
async function fillAndCompare(url) {
  const answers = {};
  for (const name of Object.keys(NAMES)) {
    // A fill may go on after its answer.
    const fill = ['text', 'metadata', 'nothing'].includes(name) ? 'client' : name;
    if (name !== 'nothing')
      await ask(url, `/${fill === 'client' && name === 'text' ? 'bare' : fill}/creator-1?alone=1`);
    if (fill === name || name === 'text')
      for (let id = 0; id < 10; id += 1) await ask(url, `/${name === 'text' ? 'bare' : name}/creator-${id}`);
    if (name === 'metadata') for (let id = 0; id < 10; id += 1) await ask(url, `/client/creator-${id}`);
    await new Promise((resolve) => setImmediate(resolve));
    if (name !== 'nothing') answers[name] = (await ask(url, `/${name}/creator-1`)).body;
  }
  const different = Object.keys(answers).filter((name) => answers[name] !== answers.bare);
  if (different.length > 0) throw new Error(`These answer otherwise than bare KV: ${different.join(', ')}.`);
}

async function measure(url, pid) {
  const rows = Object.fromEntries(
    Object.keys(NAMES).map((name) => [name, { cpu: [], ratios: [], times: [], seconds: 0, wallRatios: [] }]),
  );
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    // In another order each time: collections of garbage would befall the same route in every round.
    for (const name of shuffled(Object.keys(NAMES))) {
      const before = await slice(url, pid, 'bare');
      const own = await slice(url, pid, name);
      const after = await slice(url, pid, 'bare');
      if (round < 0) continue;
      const row = rows[name];
      row.cpu.push(own.cpu);
      row.ratios.push(own.cpu / ((before.cpu + after.cpu) / 2));
      row.wallRatios.push(own.seconds / ((before.seconds + after.seconds) / 2));
      row.times.push(...own.times);
      row.seconds += own.seconds;
    }
  }
  return rows;
}

/** CPU of the code alone, without KV and HTTP: so many calls in one request, less a request without. */
async function measureAlone(url, pid) {
  const times = Object.fromEntries(Object.keys(NAMES).map((name) => [name, []]));
  for (let round = -2; round < ALONE_ROUNDS; round += 1) {
    for (const name of shuffled(Object.keys(NAMES))) {
      const before = cpuMicroseconds(pid);
      const { status, body } = await ask(url, `/${name}/creator-1?alone=${ALONE_CALLS}`);
      if (status !== 200) throw new Error(`/${name} answered ${status}: ${body}`);
      if (round >= 0) times[name].push((cpuMicroseconds(pid) - before) / ALONE_CALLS);
    }
  }
  // The mean: collections of garbage are part of what a call costs.
  return Object.fromEntries(Object.entries(times).map(([name, each]) => [name, mean(each)]));
}

async function slice(url, pid, name) {
  const times = [];
  let next = 0;
  const client = async () => {
    for (let index = next++; index < REQUESTS; index = next++) {
      const started = performance.now();
      const { status } = await ask(url, `/${name}/creator-${index % 10}`);
      if (status !== 200) throw new Error(`/${name} answered ${status}.`);
      times.push(performance.now() - started);
    }
  };
  const cpuBefore = cpuMicroseconds(pid);
  const started = performance.now();
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  return { times, seconds: (performance.now() - started) / 1000, cpu: (cpuMicroseconds(pid) - cpuBefore) / REQUESTS };
}

function ask(url, path) {
  return new Promise((resolve, reject) => {
    get(new URL(path, url), { agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    }).on('error', reject);
  });
}

function print(rows, alone) {
  console.log(
    `\nA cached endpoint in workerd: 20 items (6 kB of JSON), hits, ${ROUNDS} slices of ${REQUESTS} requests each, ${CONCURRENCY} at a time\n`,
  );
  console.log(
    '| case | CPU us | x bare KV | quartiles | x wall | requests/s | p50 ms | p99 ms | alone us | over bare us |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [name, title] of Object.entries(NAMES)) {
    const { cpu, ratios, times, seconds, wallRatios } = rows[name];
    const quartiles = [0.25, 0.75].map((part) => quantile(ratios, part).toFixed(2)).join(' to ');
    const numbers = [
      median(cpu).toFixed(0),
      median(ratios).toFixed(2),
      quartiles,
      median(wallRatios).toFixed(2),
      ((ROUNDS * REQUESTS) / seconds).toFixed(0),
    ];
    console.log(
      `| ${title} | ${numbers.join(' | ')} | ${quantile(times, 0.5).toFixed(2)} | ${quantile(times, 0.99).toFixed(2)} | ${alone[name].toFixed(1)} | ${(alone[name] - alone.bare).toFixed(1)} |`,
    );
  }
}
