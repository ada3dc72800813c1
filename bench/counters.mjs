// Counters inside workerd, side by side: wall time outside of the Worker, of a request that counts many times, 50 at a time. Cases take turns in
// one process, so the ratios hold on a machine that others use as well. Nothing here is the latency of production: there an object is as far
// as its home.
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { median } from './statistics.mjs';
import { bundleWorker, startWorkerd } from './workerd.mjs';

const ROUNDS = 6;
const COUNT = 200;

const WORKER = `
import { DurableObject } from 'cloudflare:workers';
import { CounterClient } from './dist/index.js';
import { CounterObject } from './dist/durable-objects.js';

export { CounterObject };
export class BareCounter extends DurableObject {
  increment() {
    const value = (this.ctx.storage.kv.get('value') ?? 0) + 1;
    this.ctx.storage.kv.put('value', value);
    return value;
  }
}

const atOnce = async (count, act) => {
  for (let done = 0; done < count; done += 50) await Promise.all(Array.from({ length: 50 }, (_, index) => act(done + index)));
};
const cases = (env) => {
  const one = new CounterClient(env.COUNTERS);
  const many = new CounterClient(env.COUNTERS, { shards: 16 });
  return {
    bare: (count) => atOnce(count, () => env.BARE.getByName('views').increment()),
    kv: (count) => atOnce(count, async () => {
      await env.KV.put('views', String(Number(await env.KV.get('views')) + 1));
    }),
    increment: (count) => atOnce(count, () => one.increment('views:one')),
    keyed: (count, round) => atOnce(count, (index) => one.increment('views:keyed', { idempotencyKey: round + '-' + index })),
    sharded: (count) => atOnce(count, () => many.increment('views:sharded')),
    batch: (count) => one.incrementMany(Array.from({ length: count }, () => ({ name: 'views:batch' }))),
    spread: (count) => one.incrementMany(Array.from({ length: count }, (_, index) => ({ name: 'views:' + (index % 60) }))),
    get: (count) => atOnce(count, () => one.get('views:one')),
    once: (count, round) => atOnce(count, (index) => one.once(round + '-' + index, async () => 1)),
    replay: (count) => atOnce(count, () => one.once('charge:kept', async () => 1)),
  };
};
export default {
  async fetch(request, env) {
    const { searchParams } = new URL(request.url);
    if (searchParams.has('totals')) {
      const bare = await env.BARE.getByName('views').increment();
      const counted = await new CounterClient(env.COUNTERS).get('views:one');
      return Response.json({ kv: Number(await env.KV.get('views')), bare: bare - 1, counted: counted.value });
    }
    await cases(env)[searchParams.get('case')](Number(searchParams.get('count')), searchParams.get('round'));
    return new Response('done');
  },
};
`;

const NAMES = {
  bare: 'floor: a bare Durable Object, get and put, no retries',
  kv: 'naive KV counter: get and put (loses most of them)',
  increment: '`increment`',
  keyed: '`increment` with an idempotency key',
  sharded: '`increment` over 16 shards',
  batch: `\`incrementMany\` of ${COUNT} changes of one counter`,
  spread: `\`incrementMany\` of ${COUNT} changes of 60 counters`,
  get: '`get`',
  once: '`once`, each key new',
  replay: '`once`, replayed',
};

const miniflare = startWorkerd(await bundleWorker(WORKER), {
  kvNamespaces: ['KV'],
  durableObjects: {
    COUNTERS: { className: 'CounterObject', useSQLite: true },
    BARE: { className: 'BareCounter', useSQLite: true },
  },
});

try {
  const url = await miniflare.ready;
  // A connection each: the runtime resets one that was idle while it was busy.
  const ask = (query) =>
    new Promise((resolve, reject) => {
      get(String(new URL(query, url)), { agent: false }, (response) => resolve(text(response))).on('error', reject);
    });
  const time = async (name, round) => {
    const started = performance.now();
    const answer = await ask(`?case=${name}&count=${COUNT}&round=${round}`);
    if (answer !== 'done') throw new Error(`${name} failed: ${answer}`);
    return (performance.now() - started) / COUNT;
  };
  const times = Object.fromEntries(Object.keys(NAMES).map((name) => [name, []]));
  const ratios = Object.fromEntries(Object.keys(NAMES).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const name of Object.keys(NAMES)) {
      // The floor before each: what else the machine does weighs on both.
      const floor = await time('bare', round);
      const own = await time(name, `${name}${round}`);
      // The first round starts objects and warms up.
      if (round === 0) continue;
      times[name].push(own);
      ratios[name].push(own / floor);
    }
  }
  console.log(`\nCounters in workerd, ${COUNT} changes in one request, 50 at a time\n`);
  console.log('| case | us each | x bare object |\n| --- | ---: | ---: |');
  for (const [name, title] of Object.entries(NAMES)) {
    const us = Math.round(median(times[name]) * 1000);
    console.log(`| ${title} | ${us} | ${median(ratios[name]).toFixed(2)} |`);
  }
  const { kv, bare, counted } = JSON.parse(await ask('?totals'));
  const asked = ROUNDS * COUNT;
  console.log(
    `\nOf ${asked} increments the naive KV counter holds ${kv}, \`increment\` ${counted}; the bare object ${bare}.`,
  );
} finally {
  await miniflare.dispose();
}
