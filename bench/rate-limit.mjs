// Rate limits in workerd: checks a second of each store beside the limiter that everyone writes first (KV get, add one, put), in one run and in turns,
// so read the ratios; then what refusing a blocked client from the isolate costs, in workerd and in Node. Objects and KV store first in memory, where
// there is a RAM disk, which shows what a check takes, and then on the local disk, whose commits decide. Neither says anything about the distance
// to an object's home.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RateLimiterClient } from '../dist/index.js';
import { median, quantile } from './statistics.mjs';
import { bundleWorker, cpuSeconds, startWorkerd, workerdPid } from './workerd.mjs';

const ROUNDS = 5;
const WARM_UP_ROUNDS = 1;
const SEQUENTIAL = 200;
const AT_ONCE = 128;
const BATCHES = 2;
const REFUSALS = 200_000;

const WORKER = `
import { LayeredRateLimitStore, ObjectRateLimitStore, RateLimiterClient } from './dist/index.js';
import { DurableObject } from 'cloudflare:workers';
export { RateLimiterObject } from './dist/durable-objects.js';

// The least that an exact limit can be: one number, read and written. It knows no window, and counts a retry twice.
export class BareCounter extends DurableObject {
  check(limit) {
    const count = this.ctx.storage.kv.get('count') ?? 0;
    if (count >= limit) return false;
    this.ctx.storage.kv.put('count', count + 1);
    return true;
  }
}

const RULE = { limit: 1_000_000, window: 60, keyPrefix: 'rl:' };
const BINDING_RULE = { ...RULE, limit: 100_000 };

async function naive(env, name) {
  const count = Number((await env.KV.get(name)) ?? 0);
  if (count >= RULE.limit) return false;
  await env.KV.put(name, String(count + 1), { expirationTtl: 60 });
  return true;
}

const by = (source, options, rule = RULE) => (env) => {
  const limiter = new RateLimiterClient(source(env), options);
  return (name) => limiter.checkLimit(name, rule);
};
const makers = {
  naive: (env) => (name) => naive(env, name),
  bare: (env) => (name) => env.BARE.get(env.BARE.idFromName(name)).check(RULE.limit),
  exact: by((env) => env.RATE_LIMITER),
  log: by((env) => env.RATE_LIMITER, {}, { ...RULE, limit: 10_000, window: 1, algorithm: 'sliding-log' }),
  gcra: by((env) => env.RATE_LIMITER, {}, { ...RULE, algorithm: 'gcra' }),
  lease: by((env) => env.RATE_LIMITER, { lease: { units: 100, ttlMs: 10_000 } }),
  layered: by((env) => new LayeredRateLimitStore(env.BINDING, new ObjectRateLimitStore(env.RATE_LIMITER))),
  kv: by((env) => env.KV),
  binding: by((env) => env.BINDING, { bindingRule: { limit: 100_000, period: 60 } }, BINDING_RULE),
};

const modes = {
  async sequential(check, name, count) {
    for (let index = 0; index < count; index += 1) await check(name);
  },
  async atOnce(check, name, count, batches) {
    for (let batch = 0; batch < batches; batch += 1) await Promise.all(Array.from({ length: count }, () => check(name)));
  },
};

async function refusals(env, count) {
  const limiter = new RateLimiterClient(env.RATE_LIMITER);
  const rule = { limit: 1, window: 86_400, keyPrefix: 'rl:login:' };
  for (let index = 0; index < 2; index += 1) await limiter.checkLimit('192.168.1.1', rule);
  let refused = 0;
  for (let index = 0; index < count; index += 1) {
    const { decidedBy } = await limiter.checkLimit('192.168.1.1', rule);
    if (decidedBy === 'isolate') refused += 1;
  }
  return refused;
}

export default {
  async fetch(request, env) {
    const query = new URL(request.url).searchParams;
    const count = Number(query.get('count'));
    if (query.has('refusals')) return Response.json(await refusals(env, count));
    const check = makers[query.get('case')](env);
    await modes[query.get('mode')](check, query.get('name'), count, Number(query.get('batches')));
    return new Response('done');
  },
};
`;

const NAMES = {
  naive: 'KV: get, add one, put (lets 50 of 50 through a limit of 5)',
  bare: 'floor: an object that adds one to a number',
  exact: 'this package: objects, sliding window',
  gcra: 'this package: objects, gcra',
  log: 'this package: objects, sliding log',
  layered: 'this package: binding, then objects',
  lease: 'this package: objects, leases of 100',
  kv: 'this package: KV',
  binding: 'this package: the rate-limit binding',
};

const script = await bundleWorker(WORKER);
const RAM_DISK = '/dev/shm';
const DISKS = existsSync(RAM_DISK) ? { memory: RAM_DISK, 'the local disk': tmpdir() } : { 'the local disk': tmpdir() };
let url;
let pid;
let cpu;

async function withWorker(disk, run) {
  const folder = mkdtempSync(join(disk, 'bench-rate-limit-'));
  const miniflare = startWorkerd(script, {
    kvNamespaces: ['KV'],
    kvPersist: join(folder, 'kv'),
    durableObjects: {
      RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true },
      BARE: { className: 'BareCounter', useSQLite: true },
    },
    durableObjectsPersist: join(folder, 'objects'),
    ratelimits: { BINDING: { namespace_id: '1001', simple: { limit: 100_000, period: 60 } } },
  });
  try {
    url = await miniflare.ready;
    pid = workerdPid();
    await run();
  } finally {
    await miniflare.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Asks on a connection of its own: one that is kept can be closed under a request that takes long. */
function ask(query) {
  const target = new URL(`/?${new URLSearchParams(query).toString()}`, url);
  return new Promise((resolve, reject) => {
    const request = get(target, { agent: false }, async (response) => {
      const text = (await response.setEncoding('utf8').toArray()).join('');
      if (response.statusCode === 200) resolve(text);
      else reject(new Error(text));
    });
    request.on('error', reject);
  });
}

async function checksPerSecond(name, mode, round) {
  const key = `${name}-${mode}-${round}`;
  const query = { case: name, mode, name: key, count: mode === 'sequential' ? SEQUENTIAL : AT_ONCE };
  // The first check of a key makes its object, which takes as long as many checks; in KV there is nothing to make.
  await ask({ ...query, mode: 'sequential', count: 1, batches: 1 });
  const checks = mode === 'sequential' ? SEQUENTIAL : AT_ONCE * BATCHES;
  const before = { time: performance.now(), cpu: cpuSeconds(pid) };
  await ask({ ...query, batches: BATCHES });
  if (round >= 0) cpu[name][mode] += ((cpuSeconds(pid) - before.cpu) / checks / ROUNDS) * 1e6;
  return checks / ((performance.now() - before.time) / 1000);
}

async function measureChecks(where) {
  const rates = Object.fromEntries(Object.keys(NAMES).map((name) => [name, { sequential: [], atOnce: [] }]));
  cpu = Object.fromEntries(Object.keys(NAMES).map((name) => [name, { sequential: 0, atOnce: 0 }]));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    for (const mode of ['sequential', 'atOnce']) {
      for (const name of Object.keys(NAMES)) {
        const rate = await checksPerSecond(name, mode, round);
        if (round >= 0) rates[name][mode].push(rate);
      }
    }
  }

  console.log(`\nChecks of one key in workerd: ${SEQUENTIAL} one after the other, ${AT_ONCE} at once in one invocation; stored in ${where}; medians of ${ROUNDS} rounds\n`); // prettier-ignore
  console.log(
    '| limiter | one after the other: checks/s | x KV by hand | CPU us | at once: checks/s | x KV by hand | CPU us |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const [name, title] of Object.entries(NAMES)) {
    const cells = ['sequential', 'atOnce'].flatMap((mode) => {
      const ratios = rates[name][mode].map((rate, round) => rate / rates.naive[mode][round]);
      return [Math.round(median(rates[name][mode])), median(ratios).toFixed(1), Math.round(cpu[name][mode])];
    });
    console.log(`| ${title} | ${cells.join(' | ')} |`);
  }
}

const inWorkerd = [];
async function measureRefusals() {
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const before = cpuSeconds(pid);
    const refused = Number(await ask({ refusals: '', count: REFUSALS }));
    if (refused !== REFUSALS) throw new Error(`${REFUSALS - refused} refusals asked the object.`);
    if (round >= 0) inWorkerd.push(((cpuSeconds(pid) - before) / REFUSALS) * 1e6);
  }
}

for (const [where, disk] of Object.entries(DISKS)) await withWorker(disk, () => measureChecks(where));
await withWorker(tmpdir(), measureRefusals);
const inNode = await refusalsInNode();

console.log(
  `\nRefusing a blocked client from the isolate: CPU of the process, ${REFUSALS} calls, medians of ${ROUNDS}\n`,
);
console.log('| where | CPU us | quartiles |');
console.log('| --- | ---: | ---: |');
for (const [where, times] of Object.entries({ workerd: inWorkerd, [`Node ${process.version}`]: inNode })) {
  const quartiles = [0.25, 0.75].map((part) => quantile(times, part).toFixed(2));
  console.log(`| ${where} | ${median(times).toFixed(2)} | ${quartiles.join(' to ')} |`);
}

async function refusalsInNode() {
  const refusal = {
    allowed: false,
    reason: 'limit-exceeded',
    rules: [{ remaining: 0, resetAt: Date.now() + 86_400_000, retryAfterMs: 86_400_000 }],
    retryAfterMs: 86_400_000,
    leased: 0,
    replayed: false,
  };
  const objects = { idFromName: () => ({}), get: () => ({ check: () => Promise.resolve(refusal) }) };
  const limiter = new RateLimiterClient(objects);
  const rule = { limit: 1, window: 86_400, keyPrefix: 'rl:login:' };
  const times = [];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let index = 0; index < REFUSALS; index += 1) await limiter.checkLimit('192.168.1.1', rule);
    const { user, system } = process.cpuUsage(before);
    if (round >= 0) times.push((user + system) / REFUSALS);
  }
  return times;
}
