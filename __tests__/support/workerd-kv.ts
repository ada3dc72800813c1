import { build } from 'esbuild';
import { Miniflare } from 'miniflare';

// Bundled from the built package by its own name, as a consumer's bundler does: `npm run build` comes first.
const WORKER = `
import { CacheClient, RateLimiterClient, SessionCacheClient } from '@codex/cloudflare-clients';
import { kvNamespaceContract } from '@codex/cloudflare-clients/testing';

async function runContract(kv) {
  const results = {};
  for (const { name, run } of kvNamespaceContract) {
    try {
      await run(kv);
      results[name] = 'passed';
    } catch (error) {
      results[name] = String(error?.stack ?? error);
    }
  }
  return results;
}

/** A namespace whose reads and writes never answer. */
function hanging(kv) {
  const hang = () => new Promise(() => undefined);
  return { get: hang, getWithMetadata: hang, put: hang, delete: hang, list: (options) => kv.list(options) };
}

const routes = {
  contract: (_query, env) => runContract(env.KV),
  async attempt(query, env, ctx) {
    const options = query.wait === undefined ? {} : { waitUntil: ctx.waitUntil.bind(ctx) };
    const limiter = new RateLimiterClient(env.KV, options);
    return limiter.checkLimit(query.id, { limit: 5, window: 900, keyPrefix: 'rl:login:' });
  },
  async attempts(query, env, ctx) {
    return Promise.all(Array.from({ length: 50 }, () => routes.attempt(query, env, ctx)));
  },
  async resetAttempts(query, env) {
    await new RateLimiterClient(env.KV).reset(query.id, 'rl:login:');
    return null;
  },
  async record(query, env) {
    return env.KV.get('rl:login:' + query.id, 'json');
  },
  async cached(query, env) {
    const now = () => Date.now() + Number(query.offset ?? 0);
    let loads = 0;
    const value = await new CacheClient(env.KV, { now }).getOrSet(query.key, Number(query.ttl), async () => {
      loads += 1;
      return { text: 'loaded' };
    });
    return { value, loads };
  },
  async cachedOnHangingKV(_query, env) {
    const events = [];
    const cache = new CacheClient(hanging(env.KV), { timeoutMs: 50, events: { emit: (event) => events.push(event) } });
    const value = await cache.getOrSet('cache:hang:1', 60, () => 'loaded');
    return { value, codes: events.filter((event) => event.type === 'client.error' || event.type === 'cache.error').map((event) => event.code) };
  },
  async cachedTogether(_query, env) {
    const cache = new CacheClient(env.KV);
    let loads = 0;
    const load = async () => {
      loads += 1;
      await scheduler.wait(5);
      return { list: [1] };
    };
    const values = await Promise.all(Array.from({ length: 50 }, () => cache.getOrSet('cache:together:1', 60, load)));
    return { loads, objects: new Set(values).size };
  },
  async many(_query, env) {
    const cache = new CacheClient(env.KV);
    const keys = [...Array.from({ length: 120 }, (_, index) => 'cache:many:' + index), '42', '__proto__'];
    await Promise.all(keys.map((key) => cache.set(key, key, 60)));
    const values = await cache.getMany([...keys, 'absent']);
    const wrong = keys.filter((key) => values.get(key) !== key);
    const report = await cache.deletePrefix('cache:many:');
    return { size: values.size, wrong, absent: values.get('absent'), report };
  },
  async session(query, env) {
    const now = () => Date.now() + Number(query.offset ?? 0);
    const sessions = new SessionCacheClient(env.KV, { now, hashKeys: query.hash !== undefined });
    const { token } = query;
    if (query.act === 'get') return sessions.get(token);
    if (query.act === 'delete') return (await sessions.delete(token)) ?? null;
    if (query.act === 'deleteAll') return (await sessions.deleteAllForUser('user-id')) ?? null;
    const expiresAt = new Date(Date.now() + Number(query.lifetime)).toISOString();
    const user = { id: 'user-id', email: 'user@example.com', name: 'John', role: 'creator', emailVerified: true };
    await sessions.set(token, { session: { id: 's', userId: 'user-id', token, expiresAt }, user });
    return null;
  },
};

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    try {
      return Response.json(await routes[url.pathname.slice(1)](Object.fromEntries(url.searchParams), env, ctx));
    } catch (error) {
      return new Response(String(error?.stack ?? error), { status: 500 });
    }
  },
};
`;

/** The KV clients inside workerd. */
export interface KVWorker {
  /** Calls a route of the Worker and gives its JSON; fails on any other answer. */
  call<T>(route: string, query?: Record<string, string>): Promise<T>;
  dispose(): Promise<void>;
}

/** Bundles the built package and starts a Worker on it, with one KV namespace. */
export async function startKVWorker(): Promise<KVWorker> {
  const bundle = await build({
    stdin: { contents: WORKER, resolveDir: process.cwd(), loader: 'js' },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'error',
  });
  const miniflare = new Miniflare({
    modules: [{ type: 'ESModule', path: 'index.mjs', contents: bundle.outputFiles[0]!.text }],
    compatibilityDate: '2026-07-30',
    kvNamespaces: ['KV'],
  });
  const origin = await miniflare.ready;
  return {
    async call<T>(route: string, query: Record<string, string> = {}) {
      const response = await fetch(new URL(`/${route}?${new URLSearchParams(query).toString()}`, origin));
      const text = await response.text();
      if (!response.ok) throw new Error(`${route} answered ${response.status}: ${text}`);
      return JSON.parse(text) as T;
    },
    dispose: () => miniflare.dispose(),
  };
}
