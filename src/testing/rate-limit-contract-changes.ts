import { expectSame } from './kv-contract-expect.js';
import type { RateLimitBench, RateLimitCaseTemplate } from './rate-limit-contract.js';

/** Cases about what is looked at, given back, blocked and forgotten. */
export const rateLimitChangeCases: readonly RateLimitCaseTemplate[] = [
  {
    name: 'peeks without counting',
    needs: ['peek', 'remaining'],
    run: async ({ consume, store, attempt, rule: { limit } }) => {
      for (let look = 0; look < 3; look += 1) {
        const seen = await store.peek?.(attempt());
        expectSame([seen?.allowed, seen?.rules[0]?.remaining], [true, limit]);
      }
      for (let index = 0; index < limit; index += 1) await consume();
      const seen = await store.peek?.(attempt());
      expectSame([seen?.allowed, seen?.reason], [false, 'limit-exceeded']);
    },
  },
  {
    name: 'gives units back, as many as were taken at most',
    needs: ['refund', 'cost'],
    run: async ({ consume, store, attempt, rule: { limit } }) => {
      await consume({ cost: limit });
      expectSame((await consume()).allowed, false);
      expectSame(await store.refund?.(attempt({ cost: 1 })), 1);
      expectSame([(await consume()).allowed, (await consume()).allowed], [true, false]);
      expectSame(await store.refund?.(attempt({ cost: limit })), limit);
      expectSame(await store.refund?.(attempt({ cost: 1 })), 0);
    },
  },
  {
    name: 'gives back once what an attempt with an id took',
    needs: ['refund', 'request-id', 'remaining'],
    run: async ({ consume, store, attempt, rule: { limit } }) => {
      await consume({ requestId: 'paid', cost: 2 });
      const refunds = await Promise.all(
        Array.from({ length: 50 }, async () => store.refund?.(attempt({ requestId: 'paid' }))),
      );
      expectSame(refunds.reduce((sum: number, refunded = 0) => sum + refunded, 0), 2); // prettier-ignore
      expectSame((await consume()).rules[0]?.remaining, limit - 1);
    },
  },
  {
    name: 'refuses everything of a blocked key, whatever the rule, and tells until when',
    needs: ['block', 'reset'],
    run: async (bench) => {
      const { consume, store, key } = bench;
      await store.block?.(key, 'contract:', 30_000);
      const { allowed, reason, retryAfterMs } = await consume();
      expectSame([allowed, reason, isAbout(retryAfterMs, 30_000)], [false, 'blocked', true]);
      expectSame((await consume({ rules: [{ ...bench.rule, limit: 1_000 }] })).reason, 'blocked');
      await store.reset(key, 'contract:');
      expectSame((await consume()).allowed, true);
    },
  },
  {
    name: 'ends a block by itself',
    needs: ['block', 'time'],
    run: async ({ consume, store, key, advance }) => {
      await store.block?.(key, 'contract:', 30_000);
      await advance(29_999);
      expectSame((await consume()).allowed, false);
      await advance(1);
      expectSame((await consume()).allowed, true);
    },
  },
  {
    name: 'forgets what was counted',
    needs: ['reset'],
    run: async (bench) => {
      await exhaust(bench);
      await bench.store.reset(bench.key, 'contract:');
      await exhaust(bench);
    },
  },
];

async function exhaust({ consume, rule }: RateLimitBench): Promise<void> {
  for (let attempt = 0; attempt < rule.limit; attempt += 1) expectSame((await consume()).allowed, true);
  expectSame((await consume()).allowed, false);
}

function isAbout(ms: number, expected: number): boolean {
  return ms <= expected && ms > expected - 10_000;
}
