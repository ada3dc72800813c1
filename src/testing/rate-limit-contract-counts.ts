import type { RateLimitAlgorithm } from '../durable-objects/rate-limit/rate-limit-api.js';
import { expectSame } from './kv-contract-expect.js';
import type { RateLimitCaseTemplate } from './rate-limit-contract.js';

const algorithmCase = (algorithm: RateLimitAlgorithm): RateLimitCaseTemplate => ({
  name: `counts by ${algorithm}: of 50 attempts at once 7 are admitted, and one more when the time told has passed`,
  needs: [algorithm, 'time'],
  run: async ({ consume, advance }) => {
    const rules = [{ limit: 7, windowMs: 10_000, algorithm }];
    const decisions = await Promise.all(Array.from({ length: 50 }, () => consume({ rules })));
    expectSame(decisions.filter(({ allowed }) => allowed).length, 7);
    const wait = decisions.find(({ allowed }) => !allowed)?.retryAfterMs ?? 0;
    await advance(wait - 1);
    expectSame((await consume({ rules })).allowed, false);
    await advance(1);
    expectSame((await consume({ rules })).allowed, true);
  },
});

/** Cases about what is counted. */
export const rateLimitCountCases: readonly RateLimitCaseTemplate[] = [
  {
    name: 'admits as many attempts as the limit says and refuses the next, telling when to come again',
    needs: [],
    run: async ({ consume, rule }) => {
      for (let attempt = 0; attempt < rule.limit; attempt += 1) {
        const { allowed, reason, retryAfterMs } = await consume();
        expectSame({ allowed, reason, retryAfterMs }, { allowed: true, reason: 'allowed', retryAfterMs: 0 });
      }
      const { allowed, reason, retryAfterMs, rules } = await consume();
      expectSame(
        { allowed, reason, isLater: retryAfterMs > 0 },
        { allowed: false, reason: 'limit-exceeded', isLater: true },
      );
      expectSame([rules.length, rules[0]?.remaining, rules[0]?.retryAfterMs], [1, 0, retryAfterMs]);
    },
  },
  {
    name: 'counts down what is left',
    needs: ['remaining'],
    run: async ({ consume, rule: { limit } }) => {
      const left: unknown[] = [];
      for (let attempt = 0; attempt <= limit; attempt += 1) left.push((await consume()).rules[0]?.remaining);
      expectSame(left, [...Array.from({ length: limit }, (_, index) => limit - 1 - index), 0]);
    },
  },
  {
    name: 'admits exactly the limit of 50 attempts at once',
    needs: [],
    run: async ({ consume, rule }) => {
      const decisions = await Promise.all(Array.from({ length: 50 }, () => consume()));
      expectSame(decisions.filter(({ allowed }) => allowed).length, rule.limit);
    },
  },
  {
    name: 'keeps keys apart',
    needs: [],
    run: async ({ consume, key, rule }) => {
      for (let attempt = 0; attempt <= rule.limit; attempt += 1) await consume();
      expectSame((await consume({ key: `${key}:other` })).allowed, true);
    },
  },
  {
    name: 'takes the units that an attempt costs, and none when it is refused',
    needs: ['cost'],
    run: async ({ consume, rule: { limit } }) => {
      const admitted: boolean[] = [];
      for (const cost of [limit - 2, 3, 1, 2, 1, 1]) admitted.push((await consume({ cost })).allowed);
      expectSame(admitted, [true, false, true, false, true, false]);
    },
  },
  {
    name: 'decides under several rules by all of them, and counts by none when one refuses',
    needs: ['several-rules', 'remaining'],
    run: async ({ consume }) => {
      const rules = [
        { limit: 2, windowMs: 10_000 },
        { limit: 100, windowMs: 60_000 },
      ];
      for (let index = 0; index < 5; index += 1) await consume({ rules });
      const refused = await consume({ rules });
      expectSame([refused.allowed, refused.rules.length, refused.rules[0]?.remaining], [false, 2, 0]);
      expectSame(refused.rules[1]?.remaining, 98);
    },
  },
  {
    name: 'counts an attempt once that is made again under its id, also when nothing is left',
    needs: ['request-id'],
    run: async ({ consume, rule: { limit } }) => {
      for (let again = 0; again < 3; again += 1) expectSame((await consume({ requestId: 'one' })).allowed, true);
      for (let attempt = 1; attempt < limit; attempt += 1) expectSame((await consume()).allowed, true);
      expectSame((await consume()).allowed, false);
      expectSame((await consume({ requestId: 'one' })).allowed, true);
      expectSame((await consume({ requestId: 'another' })).allowed, false);
    },
  },
  {
    name: 'counts 50 attempts at once under one id once',
    needs: ['request-id', 'remaining'],
    run: async ({ consume, rule: { limit } }) => {
      const decisions = await Promise.all(Array.from({ length: 50 }, () => consume({ requestId: 'same' })));
      expectSame(decisions.every(({ allowed }) => allowed), true); // prettier-ignore
      expectSame((await consume()).rules[0]?.remaining, limit - 2);
    },
  },
  {
    name: 'keeps out who does not stop when refused attempts count',
    needs: ['count-rejected', 'sliding-log', 'time'],
    run: async ({ consume, advance }) => {
      const rules = [{ limit: 1, windowMs: 1_000, algorithm: 'sliding-log' }] as const;
      const admitted: boolean[] = [];
      for (let attempt = 0; attempt < 4; attempt += 1) {
        admitted.push((await consume({ rules, countRejected: true })).allowed);
        await advance(600);
      }
      await advance(1_000);
      admitted.push((await consume({ rules, countRejected: true })).allowed);
      expectSame(admitted, [true, false, false, false, true]);
    },
  },
  {
    name: 'admits again when the window has passed',
    needs: ['time'],
    run: async ({ consume, advance, rule }) => {
      for (let attempt = 0; attempt <= rule.limit; attempt += 1) await consume();
      await advance(rule.windowMs * 2);
      expectSame((await consume()).allowed, true);
    },
  },
  ...(['sliding-window', 'sliding-log', 'fixed-window', 'gcra'] as const).map(algorithmCase),
];
