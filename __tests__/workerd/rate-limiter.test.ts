import { Agent, get } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Miniflare } from 'miniflare';
import { fastFolder } from '../support/fast-disk.js';
import { startWorker } from '../support/worker.js';

const RUNS = 20;
const ALGORITHMS = ['sliding-window', 'sliding-log', 'fixed-window', 'gcra'] as const;

interface Summary {
  readonly allowed: number;
  readonly deciders: Record<string, number>;
  readonly last: Record<string, unknown>;
}

describe('RateLimiterClient in workerd', () => {
  let miniflare: Miniflare;
  let url: URL;
  const folder = fastFolder();

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('rate-limiter-worker.ts', {
      durableObjects: { RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true } },
      durableObjectsPersist: folder.path,
      ratelimits: { FLOOD_FILTER: { namespace_id: '1001', simple: { limit: 20, period: 60 } } },
    }));
  });
  afterAll(async () => {
    await miniflare.dispose();
    folder.remove();
  });

  async function call<T = Summary>(route: string, query: Record<string, string | number> = {}): Promise<T> {
    const text = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const response = await fetch(new URL(`/${route}?${new URLSearchParams(text).toString()}`, url));
    return await response.json();
  }

  /** An attempt over a connection of the agent: as many as it has are under way at once. */
  async function callOver(agent: Agent, query: Record<string, string | number>): Promise<Summary> {
    const text = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]);
    const target = new URL(`/attempts?${new URLSearchParams(text).toString()}`, url);
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(target.href, { agent }, resolve).on('error', reject);
    });
    return JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as Summary;
  }

  let names = 0;
  const newName = (): string => `name-${(names += 1)}`;
  const algorithmOf = (run: number): string => ALGORITHMS[run % ALGORITHMS.length]!;

  test.each([50, 200, 1_000])(
    'of %i attempts at once in one invocation, over two bindings, exactly the limit is allowed, in each of 20 runs',
    async (count) => {
      for (const limit of [5, 100]) {
        for (let run = 0; run < RUNS; run += 1) {
          const query = { name: newName(), limit, count, algorithm: algorithmOf(run), over: 'both' };
          expect((await call('attempts', query)).allowed).toBe(Math.min(limit, count));
        }
      }
    },
    120_000,
  );

  test.each([50, 200, 1_000])(
    'of %i requests at once over HTTP, each on a connection of its own, exactly the limit is allowed, in each of 20 runs',
    async (count) => {
      const connections = new Agent({ keepAlive: true, maxSockets: count });
      for (const limit of [5, 100]) {
        for (let run = 0; run < RUNS; run += 1) {
          const query = { name: newName(), limit, algorithm: algorithmOf(run), over: 'objects' };
          const answers = await Promise.all(Array.from({ length: count }, () => callOver(connections, query)));
          const allowed = answers.reduce((sum, answer) => sum + answer.allowed, 0);
          expect(allowed).toBe(Math.min(limit, count));
        }
      }
      connections.destroy();
    },
    240_000,
  );

  test('leases never let more than the limit through', async () => {
    for (let run = 0; run < RUNS; run += 1) {
      const query = { name: newName(), limit: 100, count: 50, over: 'leases' };
      const answers = [];
      for (let request = 0; request < 4; request += 1) answers.push(await call('attempts', query));
      const allowed = answers.reduce((sum, answer) => sum + answer.allowed, 0);
      expect(allowed).toBeLessThanOrEqual(100);
      expect(allowed).toBeGreaterThan(90);
    }
  });

  test('who is refused is answered from the isolate, in later requests as well, until a reset', async () => {
    const query = { name: newName(), limit: 5 };
    await call('attempts', { ...query, count: 20 });
    const { deciders } = await call('attempts', { ...query, count: 50 });
    expect(deciders).toEqual({ isolate: 50 });
    await call('reset', query);
    expect(await call('attempts', query)).toMatchObject({ allowed: 1, deciders: { object: 1 } });
  });

  test('the rate-limit binding decides by its own count', async () => {
    const query = { name: newName(), limit: 20, window: 60, over: 'binding' };
    await untilWindowIsFresh();
    const { allowed, deciders, last } = await call('attempts', { ...query, count: 50 });
    expect({ allowed, deciders }).toEqual({ allowed: 20, deciders: { binding: 50 } });
    expect(last).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 60_000, approximate: true });
    expect(await call('attempts', { ...query, limit: 5 })).toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('the layered store filters a flood and lets the objects decide about the rest', async () => {
    await untilWindowIsFresh();
    const { allowed, deciders } = await call('attempts', { name: newName(), limit: 5, count: 50, over: 'layered' });
    expect({ allowed, deciders }).toEqual({ allowed: 5, deciders: { object: 20, binding: 30 } });
  });

  test('the provider takes the objects', async () => {
    expect(await call('provided', { name: newName(), limit: 5 })).toMatchObject({ allowed: true, decidedBy: 'object' });
  });

  test('the object store keeps the contract', async () => {
    const outcomes = await call<Record<string, string>>('contract');
    expect(Object.keys(outcomes)).toHaveLength(13);
    expect(new Set(Object.values(outcomes))).toEqual(new Set(['passed']));
  });

  /** Miniflare's binding counts in windows aligned to the clock: a burst across the border of two would get twice the limit. */
  async function untilWindowIsFresh(): Promise<void> {
    const left = 60_000 - (Date.now() % 60_000);
    if (left < 10_000) await new Promise((resolve) => setTimeout(resolve, left + 50));
  }
});
