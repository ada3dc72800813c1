// What an entry adds to a request: a handler of defineWorker against the same handler that opens its scope by hand.
import { CACHE_CLIENT, createContainer, provideCache } from '../dist/index.js';
import { defineWorker } from '../dist/workers.js';
import { compare } from './measure.mjs';

const kv = { async get() {}, async getWithMetadata() {}, async put() {}, async delete() {}, async list() {} };
const env = { CACHE_KV: kv };
const app = createContainer(provideCache());
const request = new Request('http://app/');
const response = new Response('text');

class Context {
  waitUntil() {}
  passThroughOnException() {}
}

function handle(scope) {
  scope.resolve(CACHE_CLIENT);
  return response;
}

const byHand = { fetch: async (request, env, ctx) => handle(app.scope({ env, ctx, request })) };
const entry = defineWorker(app, { fetch: (_request, scope) => handle(scope) });

const repeated = (worker) => async (iterations) => {
  for (let index = 0; index < iterations; index += 1) await worker.fetch(request, env, new Context());
};

await compare({
  url: import.meta.url,
  title: 'Entries: a request with one client and nothing to dispose',
  iterations: 10_000,
  cases: {
    'floor: app.scope by hand': () => repeated(byHand),
    defineWorker: () => repeated(entry),
  },
});
