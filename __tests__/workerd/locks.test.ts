import { get as httpGet } from 'node:http';
import type { ClientRequest } from 'node:http';
import type { Miniflare } from 'miniflare';
import { lockContract } from '../../src/testing.js';
import { startWorker } from '../support/worker.js';

interface Log {
  readonly inside: number;
  readonly most: number;
  readonly entered: string[];
  readonly fences: number[];
  readonly stale: number[];
}
type Query = Record<string, string | number>;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ascending = (numbers: readonly number[]): number[] => [...new Set(numbers)].sort((a, b) => a - b);

// RPC is there from the second date on.
describe.each(['2026-07-30', '2024-04-03'])('LockClient and LockObject in a Worker of %s', (compatibilityDate) => {
  let url: URL;
  let miniflare: Miniflare;
  let name = '';
  let number = 0;

  beforeAll(async () => {
    ({ url, miniflare } = await startWorker('locks-worker.ts', {
      durableObjects: { LOCKS: { className: 'BreakableLockObject', useSQLite: true } },
      compatibilityDate,
    }));
  });
  afterAll(() => miniflare.dispose());
  beforeEach(() => {
    number += 1;
    name = `job:${number}`;
  });

  /** Sends a request; the answer comes apart, as a request may be cut. */
  function send(path: string, query: Query = {}): { readonly request: ClientRequest; readonly body: Promise<unknown> } {
    const target = new URL(path, url);
    target.searchParams.set('name', name);
    Object.entries(query).forEach(([key, value]) => target.searchParams.set(key, String(value)));
    let request!: ClientRequest;
    const body = new Promise<unknown>((resolve, reject) => {
      request = httpGet(target.href, { agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('end', () => resolve(JSON.parse(text))).on('error', reject);
      });
      request.on('error', reject);
    });
    return { request, body };
  }
  const call = async <T>(path: string, query?: Query): Promise<T> => (await send(path, query).body) as T;
  const log = (): Promise<Log> => call<Log>('/log');

  /** Waits until so many hold the lock and wait for it. */
  async function until(holders: number, waiters: number): Promise<void> {
    for (let tries = 0; tries < 200; tries += 1) {
      const status = await call<{ holders: number; waiters: number }>('/status');
      if (status.holders === holders && status.waiters === waiters) return;
      await sleep(20);
    }
    throw new Error(`never ${holders} holders and ${waiters} waiters`);
  }

  async function expectOneAtATime(count: number): Promise<Log> {
    const seen = await log();
    expect(seen).toMatchObject({ inside: 0, most: 1, stale: [] });
    expect(seen.fences).toHaveLength(count);
    expect(seen.fences).toEqual(ascending(seen.fences));
    return seen;
  }

  it('lets 50 concurrent requests through one at a time, with rising fences', async () => {
    const all = Array.from({ length: 50 }, (_, id) => call<{ fence?: number }>('/run', { id, holdMs: 2 }));
    expect((await Promise.all(all)).filter(({ fence }) => typeof fence !== 'number')).toEqual([]);
    await expectOneAtATime(50);
  });

  it('lets 50 concurrent callers in one invocation through one at a time, in the order in which they came', async () => {
    await call('/burst', { count: 50, holdMs: 2 });
    const { entered } = await expectOneAtATime(50);
    expect(entered).toEqual(entered.map((_, index) => String(index)));
  });

  it('lets no more than three into a semaphore of three', async () => {
    await call('/burst', { count: 50, permits: 3, holdMs: 20 });
    const seen = await log();
    expect(seen).toMatchObject({ inside: 0, most: 3 });
    expect(ascending(seen.fences)).toHaveLength(50);
  });

  it('never gives the lock to a client that went while it waited, and the others go on', async () => {
    const holder = call('/run', { id: 'holder', holdMs: 1_200 });
    await until(1, 0);
    const gone = send('/run', { id: 'gone' });
    gone.body.catch(() => undefined);
    await until(1, 1);
    const others = ['second', 'third'].map(async (id, index) => {
      await sleep(100 * index);
      return call('/run', { id });
    });
    await until(1, 3);
    gone.request.socket?.resetAndDestroy();
    await holder;
    await Promise.all(others);
    const { entered } = await expectOneAtATime(3);
    expect(entered).toEqual(['holder', 'second', 'third']);
    await until(0, 0);
  });

  it('gives the lock of a client that died to the next when its lease is over', async () => {
    const dead = send('/run', { id: 'dead', ttlMs: 1_500, holdMs: 60_000 });
    dead.body.catch(() => undefined);
    await until(1, 0);
    const startedAt = Date.now();
    dead.request.socket?.resetAndDestroy();
    await call('/run', { id: 'next' });
    expect(Date.now() - startedAt).toBeGreaterThan(500);
    const { entered, fences } = await log();
    expect(entered).toEqual(['dead', 'next']);
    expect(fences).toEqual(ascending(fences));
  });

  it('keeps its word when its object is broken in the middle', async () => {
    const all = Array.from({ length: 20 }, (_, id) => call<{ fence?: number }>('/run', { id, holdMs: 60 }));
    for (let times = 0; times < 3; times += 1) {
      await sleep(250);
      expect(await call('/break')).toContain('broken by the test');
    }
    expect((await Promise.all(all)).filter(({ fence }) => typeof fence !== 'number')).toEqual([]);
    await expectOneAtATime(20);
  });

  it.each(lockContract.map((each, index) => ({ ...each, index })))('$name', async ({ index }) => {
    expect(await call('/contract', { index })).toBe('as it should be');
  });

  it('serializes, restores and disposes', async () => {
    const { fence, restored, isLocked } = await call<Record<string, unknown>>('/using');
    expect(fence).toBeGreaterThan(1_700_000_000_000);
    expect({ restored, isLocked }).toEqual({ restored: fence, isLocked: false });
  });
});
