import type { Miniflare } from 'miniflare';
import { startWorker } from '../support/worker.js';

describe('honoRateLimitStore on Durable Objects, in workerd', () => {
  let miniflare: Miniflare;
  let url: URL;

  beforeAll(async () => {
    ({ miniflare, url } = await startWorker('hono-rate-limiter-worker.ts', {
      durableObjects: { RATE_LIMITER: { className: 'RateLimiterObject', useSQLite: true } },
    }));
  });

  afterAll(() => miniflare.dispose());

  const statusesOf = async (addresses: readonly string[]): Promise<number[]> =>
    Promise.all(addresses.map(async (address) => (await fetch(url, { headers: { 'client-ip': address } })).status));

  it('lets 5 of 50 requests at once through a limit of 5, every time', async () => {
    for (let run = 0; run < 5; run += 1) {
      const statuses = await statusesOf(Array<string>(50).fill(`203.0.113.${run}`));
      expect(statuses.filter((status) => status === 200)).toHaveLength(5);
      expect(statuses.filter((status) => status === 429)).toHaveLength(45);
    }
  });

  it('limits a network of IPv6 as one client', async () => {
    const statuses = await statusesOf(Array.from({ length: 50 }, (_, host) => `2001:db8::${host.toString(16)}`));
    expect(statuses.filter((status) => status === 200)).toHaveLength(5);
  });
});
