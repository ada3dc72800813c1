import { get as httpGet } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { Miniflare } from 'miniflare';
import { counterContract } from '../../src/testing/counter-contract.js';
import { startWorker } from '../support/worker.js';

interface Many {
  readonly distinct: number;
  readonly value: number;
  readonly approximate: boolean;
  readonly total: number;
}

interface Once {
  readonly value: { readonly by: string; readonly fence: number };
  readonly replayed: boolean;
}

type Query = Readonly<Record<string, string | number>>;

// A loaded machine takes many times what an idle one does.
jest.setTimeout(120_000);

// The older one is from before deleteAll() took the alarm with it; RPC came with it.
describe.each([
  { compatibilityDate: '2026-07-30', calls: 12_000, rounds: 20 },
  { compatibilityDate: '2024-04-03', calls: 1_200, rounds: 4 },
])('counters in a Worker of $compatibilityDate', ({ compatibilityDate, calls, rounds }) => {
  let url: URL;
  let miniflare: Miniflare;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('counters-worker.ts', {
      compatibilityDate,
      durableObjects: {
        COUNTERS: { className: 'CounterObject', useSQLite: true },
        FRAGILE: { className: 'FragileCounter', useSQLite: true },
        OTHER: { className: 'OtherObject', useSQLite: true },
      },
    }));
  });
  afterAll(() => miniflare.dispose());

  /** A request with a connection of its own: the runtime closes one that was idle while it was busy. */
  function send(
    path: string,
    query: Query,
    answered: (response: IncomingMessage) => void = () => undefined,
  ): ClientRequest {
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query)) target.searchParams.set(name, String(value));
    return httpGet(String(target), { agent: false }, answered);
  }

  async function call<T>(path: string, query: Query): Promise<T> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      send(path, query, resolve).on('error', reject);
    });
    return JSON.parse(await text(response)) as T;
  }

  test('keep to the contract', async () => {
    const results = await call<Record<string, string>>('/contract', {});
    expect(results).toEqual(Object.fromEntries(counterContract.map(({ name }) => [name, 'passed'])));
  });

  test(`count ${rounds * 50} requests, 50 at a time, each with a value of its own`, async () => {
    const values: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const batch = Array.from({ length: 50 }, () => call<{ value: number }>('/increment', { name: 'visits:http' }));
      values.push(...(await Promise.all(batch)).map(({ value }) => value));
    }
    expect(values.sort((one, other) => one - other)).toEqual(
      Array.from({ length: rounds * 50 }, (_, index) => index + 1),
    );
  });

  test(`count ${calls} in eight invocations at once over 16 shards`, async () => {
    const query = { name: 'visits:shards', shards: 16 };
    const [single, batched] = [calls / 10, (calls * 9) / 10];
    const rounds = await Promise.all([
      ...[1, 2, 3, 4].map(() => call<Many>('/many', { ...query, count: single / 4 })),
      ...[1, 2, 3, 4].map(() => call<number>('/batches', { ...query, calls: batched / 4 / 30 })),
    ]);
    const counted = rounds.map((round) => (typeof round === 'number' ? round : round.total));
    expect(counted.reduce((sum, count) => sum + count)).toBe(calls);
    const { value, approximate } = await call<Many>('/many', { ...query, count: 0 });
    expect({ value, approximate }).toEqual({ value: calls, approximate: true });
  });

  test('count 500 in one invocation and object, each with a value of its own', async () => {
    const result = await call<Many>('/many', { name: 'visits:one', count: 500 });
    expect(result).toEqual({ distinct: 500, value: 500, approximate: false, total: 500 });
  });

  test.each([1, 4])('count 800 over %d objects that are reset in between', async (shards) => {
    const name = `visits:fragile-${shards}`;
    const result = await call<Many>('/many', { name, shards, count: 800, fragile: 'yes' });
    expect(result).toMatchObject({ value: 800, total: 800 });
    if (shards === 1) expect(result.distinct).toBe(800);
  });

  test('store a row, and one per key', async () => {
    const rows = await call<string[]>('/rows', { name: 'visits:fragile-1' });
    expect(rows.filter((row) => row.startsWith('key:'))).toHaveLength(800);
    expect(rows.filter((row) => !row.startsWith('key:'))).toEqual(['counter']);
  });

  test('do work once for 50 requests at once', async () => {
    const query = { key: 'charge:http', workMs: 300 };
    const results = await Promise.all(Array.from({ length: 50 }, (_, id) => call<Once>('/once', { ...query, id })));
    expect(await call('/runs', query)).toHaveLength(1);
    expect(results.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(results.map(({ value }) => JSON.stringify(value))).size).toBe(1);
  });

  test('replace a runner whose client has left', async () => {
    const query = { key: 'charge:left', leaseMs: 1_000 };
    const first = send('/once', { ...query, id: 'first', workMs: 20_000 });
    const closed = new Promise<void>((resolve) => first.on('error', () => resolve()).on('close', () => resolve()));
    while ((await call<string[]>('/runs', query)).length === 0);
    first.socket?.resetAndDestroy();
    await closed;
    const next = await call<Once>('/once', { ...query, id: 'second' });
    expect(next).toMatchObject({ value: { by: 'second' }, replayed: false });
    expect(await call('/runs', query)).toEqual(['first', 'second']);
  });

  test('tell a binding of another class', async () => {
    expect(await call('/other', { name: 'visits:x' })).toEqual({
      code: 'INVALID_BINDING',
      message: expect.stringContaining('check that the binding names CounterObject') as string,
    });
  });
});
