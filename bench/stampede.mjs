// A popular key over many isolates: how often is its loader run each time the value expires? In virtual time, with the built
// package: 100 isolates (a client per request, a KV binding of its own per isolate over one store) ask for one key at random
// times. A load takes a second, and a write is seen by the others at once: KV's own delay would add the same loads to every row.
import { CacheClient } from '../dist/index.js';
import { InstantKV } from './cache-fixture.mjs';

const ISOLATES = 100;
const REQUESTS_PER_SECOND = 100;
const TTL_SECONDS = 60;
const LOAD_MS = 1_000;
const EXPIRIES = 20;
const KEY = 'cache:content:popular';

const CASES = {
  'each request for itself': {},
  "singleFlight: 'isolate'": { singleFlight: 'isolate' },
  'staleWhileRevalidate: 60': { staleWhileRevalidate: 60 },
  'earlyRefresh: 1': { earlyRefresh: 1 },
  'earlyRefresh: 1, ttlJitter: 0.1': { earlyRefresh: 1, ttlJitter: 0.1 },
  "earlyRefresh: 1, singleFlight: 'isolate'": { earlyRefresh: 1, singleFlight: 'isolate' },
};

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Things that happen at times of their own, in order. */
class Timeline {
  now = 0;
  #events = [];

  at(time, act) {
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#events[middle].time > time) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, { time, act });
  }

  delay(ms) {
    return new Promise((resolve) => this.at(this.now + ms, resolve));
  }

  async run(until) {
    while (this.#events.length > 0 && this.#events.at(-1).time <= until) {
      const { time, act } = this.#events.pop();
      this.now = time;
      act();
      // Everything that follows from it at the same moment.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

async function simulate(options) {
  const random = randomFrom(42);
  const timeline = new Timeline();
  const store = new InstantKV();
  // Bindings are told apart by identity, so that each isolate has memory of its own.
  const bindings = Array.from({ length: ISOLATES }, () => Object.create(store));
  let loads = 0;
  let waited = 0;
  let requests = 0;
  const loader = async () => {
    loads += 1;
    await timeline.delay(LOAD_MS);
    return { loads };
  };
  const request = async () => {
    requests += 1;
    const startedAt = timeline.now;
    const namespace = bindings[Math.floor(random() * ISOLATES)];
    const cache = new CacheClient(namespace, {
      ...options,
      random,
      now: () => timeline.now,
      waitUntil: () => undefined,
    });
    await cache.getOrSet(KEY, TTL_SECONDS, loader);
    if (timeline.now > startedAt) waited += 1;
  };
  const arrive = () => {
    void request();
    timeline.at(timeline.now + (-Math.log(1 - random()) * 1000) / REQUESTS_PER_SECOND, arrive);
  };
  timeline.at(0, arrive);
  // The first load of an empty cache is no expiry.
  await timeline.run(TTL_SECONDS * 500);
  const before = { loads, waited, requests };
  await timeline.run(TTL_SECONDS * 500 + (TTL_SECONDS * 1000 + LOAD_MS) * EXPIRIES);
  return { loads: (loads - before.loads) / EXPIRIES, waited: (waited - before.waited) / (requests - before.requests) };
}

console.log(
  `\nLoads per expiry: one key, ${ISOLATES} isolates, ${REQUESTS_PER_SECOND} requests a second, TTL ${TTL_SECONDS} s, a load takes ${LOAD_MS / 1000} s\n`,
);
console.log('| options | loads per expiry | requests that wait |');
console.log('| --- | ---: | ---: |');
for (const [name, options] of Object.entries(CASES)) {
  const { loads, waited } = await simulate(options);
  console.log(`| ${name} | ${loads.toFixed(1)} | ${(waited * 100).toFixed(2)} % |`);
}
