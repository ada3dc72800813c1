// Locks in workerd: object calls of one acquire and release, how many `run()` a second there are alone and with 50 who wait, and how
// long a lock lies idle between two holders. Beside them what is built first: a lock object without a line, which is asked again
// every so often. Both take turns in one process.
import { median } from './statistics.mjs';
import { bundleWorker, startWorkerd } from './workerd.mjs';

const ROUNDS = 5;
const ALONE = 300;
const WAITERS = 50;
/** How long each of those who wait holds the lock, in milliseconds. */
const HOLD_MS = 5;

const WORKER = `
import { DurableObject } from 'cloudflare:workers';
import { LockClient } from './dist/index.js';
import { LockObject } from './dist/durable-objects.js';
export { LockObject };

// The floor: stores an owner and a time, and nothing else.
export class PlainLock extends DurableObject {
  tryAcquire(owner, ttlMs) {
    const held = this.ctx.storage.kv.get('held');
    if (held !== undefined && held.expiresAt > Date.now()) return false;
    this.ctx.storage.kv.put('held', { owner, expiresAt: Date.now() + ttlMs });
    return true;
  }
  release(owner) {
    if (this.ctx.storage.kv.get('held')?.owner === owner) this.ctx.storage.kv.delete('held');
  }
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let calls = 0;
const counted = (namespace) => ({
  idFromName: (name) => namespace.idFromName(name),
  get: (id) => {
    const stub = namespace.get(id);
    return new Proxy({}, { get: (_, method) => (...args) => { calls += 1; return stub[method](...args); } });
  },
});

function polling(namespace, everyMs) {
  const objects = counted(namespace);
  return async (name, work) => {
    const owner = crypto.randomUUID();
    const stub = () => objects.get(objects.idFromName(name));
    while (!(await stub().tryAcquire(owner, 60_000))) await sleep(everyMs * (0.5 + Math.random()));
    try { return await work(); } finally { await stub().release(owner); }
  };
}

export default {
  async fetch(request, env) {
    const query = new URL(request.url).searchParams;
    const locks = new LockClient(counted(env.LOCKS));
    const ours = (name, work) => locks.run(name, { ttlMs: 60_000, timeoutMs: 60_000 }, work);
    const run = query.get('case') === 'LockClient' ? ours : polling(env.PLAIN, Number(query.get('everyMs')));
    const [name, waiters, holdMs] = [query.get('name'), Number(query.get('waiters')), Number(query.get('holdMs'))];
    await run(name, () => undefined);
    calls = 0;
    const startedAt = performance.now();
    const holds = [];
    const hold = async () => {
      const from = performance.now();
      if (holdMs > 0) await sleep(holdMs);
      holds.push([from, performance.now()]);
    };
    if (waiters === 0) for (let index = 0; index < ${ALONE}; index += 1) await run(name, hold);
    else await Promise.all(Array.from({ length: waiters }, () => run(name, hold)));
    const tookMs = performance.now() - startedAt;
    const idle = holds.slice(1).map(([from], index) => from - holds[index][1]).sort((a, b) => a - b);
    const overlaps = idle.filter((ms) => ms < 0).length;
    return Response.json({ calls: calls / holds.length, perSecond: (1000 * holds.length) / tookMs, handoffMs: idle[idle.length >> 1], overlaps });
  },
};`;

const miniflare = startWorkerd(await bundleWorker(WORKER), {
  durableObjects: {
    LOCKS: { className: 'LockObject', useSQLite: true },
    PLAIN: { className: 'PlainLock', useSQLite: true },
  },
});

const CASES = [
  { name: 'LockClient', query: {} },
  { name: 'asks again every 10 ms', query: { everyMs: 10 } },
  { name: 'asks again every 100 ms', query: { everyMs: 100 } },
];
const fixed = (number, digits) => number.toFixed(digits);

async function measure(name, query, waiters) {
  const url = new URL('http://bench/');
  const all = { case: name, name: `job:${name}:${waiters}`, waiters, holdMs: waiters === 0 ? 0 : HOLD_MS, ...query };
  for (const [key, value] of Object.entries(all)) url.searchParams.set(key, String(value));
  return (await miniflare.dispatchFetch(url)).json();
}

try {
  for (const waiters of [0, WAITERS]) {
    const results = new Map(CASES.map(({ name }) => [name, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const { name, query } of CASES) results.get(name).push(await measure(name, query, waiters));
    }
    const of = (name, field) => median(results.get(name).map((result) => result[field]));
    const what =
      waiters === 0 ? 'one caller, nothing to wait for' : `${waiters} callers at once, ${HOLD_MS} ms of work each`;
    console.log(`\nLocks in workerd: ${what}; medians of ${ROUNDS} rounds\n`);
    console.log(
      '| lock | object calls a run | runs a second | x the plain one | idle between holders, ms | overlaps |',
    );
    console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
    for (const { name } of CASES) {
      const ratio = of(name, 'perSecond') / of('asks again every 10 ms', 'perSecond');
      const row = [name, fixed(of(name, 'calls'), 2), fixed(of(name, 'perSecond'), 0), fixed(ratio, 2), fixed(of(name, 'handoffMs'), 1), of(name, 'overlaps')]; // prettier-ignore
      console.log(`| ${row.join(' | ')} |`);
    }
    if (waiters === 0 && of('LockClient', 'calls') !== 2)
      throw new Error('acquire and release are not two object calls');
  }
} finally {
  await miniflare.dispose();
}
