import type { Miniflare } from 'miniflare';
import type { CheckReply, CheckRequest, ObjectRule } from '../../src/durable-objects/rate-limit/rate-limit-api.js';
import { fastFolder } from '../support/fast-disk.js';
import { startWorker } from '../support/worker.js';

const RUNS = 20;
/** A shared machine can take ten times as long. */
const TIMEOUT_MS = 120_000;
/** Requests under way at once: more connections than that say nothing more, as the object takes one call after the other. */
const CONNECTIONS = 50;

type Answer = CheckReply & { readonly error?: string };

jest.setTimeout(TIMEOUT_MS);

let url: URL;
let miniflare: Miniflare;
let number = 0;
let folder: ReturnType<typeof fastFolder>;

async function start(compatibilityDate: string): Promise<void> {
  folder = fastFolder();
  ({ url, miniflare } = await startWorker('rate-limit-object-worker.ts', {
    durableObjects: {
      RATE_LIMITER: { className: 'OpenRateLimiterObject', useSQLite: true },
      LEGACY: { className: 'LegacyRateLimiterObject', useSQLite: false },
    },
    durableObjectsPersist: folder.path,
    compatibilityDate,
  }));
}

async function stop(): Promise<void> {
  await miniflare.dispose();
  folder.remove();
}

const newKey = (): string => `rl:test:${(number += 1)}`;

const ruleOf = (limit: number, rule: Partial<ObjectRule> = {}): ObjectRule => ({
  algorithm: 'sliding-window',
  limit,
  windowMs: 3_600_000,
  burst: limit,
  ...rule,
});

const requestOf = (limit: number, rule: Partial<ObjectRule> = {}): CheckRequest => ({
  rules: [ruleOf(limit, rule)],
  cost: 1,
  countRejected: false,
  operationId: crypto.randomUUID(),
  rememberMs: 0,
});

async function ask<T>(question: object): Promise<T> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(question) });
  return await response.json();
}

const call = (key: string, method: string, ...args: unknown[]): Promise<Answer> => ask({ key, method, args });

/** Makes `count` attempts over HTTP, `batch` to a request, with a bounded number of requests under way. */
async function overHttp(key: string, limit: number, count: number, batch: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  let left = count / batch;
  const client = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const times = batch === 1 ? undefined : batch;
      answers.push(...[await ask<Answer | Answer[]>({ key, method: 'check', args: [requestOf(limit)], times })].flat());
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  return answers;
}

function expectExactly(limit: number, count: number, answers: readonly Answer[]): void {
  expect(answers).toHaveLength(count);
  expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
  expect(answers.filter(({ allowed }) => allowed)).toHaveLength(limit);
}

describe('in a Worker of today', () => {
  beforeAll(() => start('2026-07-30'));
  afterAll(stop);

  describe.each([5, 100])('a limit of %d', (limit) => {
    test.each([50, 200, 1000])(
      'lets exactly so many of %d attempts at once of one invocation through, in 20 runs',
      async (count) => {
        const admitted = Math.min(limit, count);
        for (let run = 0; run < RUNS; run += 1) {
          const args = [requestOf(limit)];
          expectExactly(admitted, count, await ask<Answer[]>({ key: newKey(), method: 'check', args, times: count }));
        }
      },
    );

    test.each([
      [50, 1],
      [200, 4],
      [1000, 20],
    ])('lets exactly so many of %d attempts over HTTP through, %d to a request, in 20 runs', async (count, batch) => {
      for (let run = 0; run < RUNS; run += 1) {
        expectExactly(Math.min(limit, count), count, await overHttp(newKey(), limit, count, batch));
      }
    });
  });

  test('1,000 attempts over HTTP, each in a request of its own, let exactly the limit through', async () => {
    for (const limit of [5, 100]) expectExactly(limit, 1000, await overHttp(newKey(), limit, 1000, 1));
  });

  test.each(['sliding-log', 'fixed-window', 'gcra'] as const)(
    '%s lets exactly the limit of 200 attempts through',
    async (algorithm) => {
      const args = [requestOf(100, { algorithm })];
      expectExactly(100, 200, await ask<Answer[]>({ key: newKey(), method: 'check', args, times: 200 }));
    },
  );
});

// The first date with RPC, and one before which deleteAll leaves the alarm (2026-02-24).
describe.each(['2026-07-30', '2025-06-01', '2024-04-03'])('in a Worker of %s', (compatibilityDate) => {
  beforeAll(() => start(compatibilityDate));
  afterAll(stop);

  test('an object that is reset in the middle goes on with what it counted, and knows the attempt whose answer was lost', async () => {
    const key = newKey();
    for (let index = 0; index < 3; index += 1) await call(key, 'check', requestOf(5));
    const lost = requestOf(5);
    expect(await call(key, 'checkAndAbort', lost)).toMatchObject({
      error: expect.stringContaining('reset by the test') as string,
    });
    expect(await call(key, 'check', lost)).toMatchObject({ allowed: true, replayed: true, rules: [{ remaining: 1 }] });
    expect(await call(key, 'check', requestOf(5))).toMatchObject({
      allowed: true,
      replayed: false,
      rules: [{ remaining: 0 }],
    });
    expect(await call(key, 'check', requestOf(5))).toMatchObject({ allowed: false });
  });

  test.each(['sliding-window', 'sliding-log', 'fixed-window', 'gcra'] as const)(
    'a count of %s is read again as it was stored when the memory is gone',
    async (algorithm) => {
      const key = newKey();
      for (let index = 0; index < 70; index += 1) await call(key, 'check', requestOf(100, { algorithm }));
      const before = await call(key, 'peek', requestOf(100, { algorithm }));
      await call(key, 'checkAndAbort', requestOf(100, { algorithm }));
      const after = await call(key, 'peek', requestOf(100, { algorithm }));
      expect(after.rules[0]!.remaining).toBe(before.rules[0]!.remaining - 1);
    },
  );

  test('the alarm empties an object in which nothing matters any more', async () => {
    const key = newKey();
    await call(key, 'block', { durationMs: 100 });
    expect(await call(key, 'stored')).toMatchObject({ keys: ['state'], alarmAt: expect.any(Number) as number });
    const isEmpty = async (): Promise<boolean> => {
      const { keys, alarmAt } = await ask<{ keys: string[]; alarmAt: number | null }>({
        key,
        method: 'stored',
        args: [],
      });
      return keys.length === 0 && alarmAt === null;
    };
    let waited = 0;
    while (!(await isEmpty())) {
      if ((waited += 20) > 5000) throw new Error('not emptied');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(await call(key, 'check', requestOf(5))).toMatchObject({ allowed: true, rules: [{ remaining: 4 }] });
    expect(await call(key, 'stored')).toMatchObject({ keys: ['state'], alarmAt: expect.any(Number) as number });
  });

  test('a reset empties the object, which counts anew in the same step', async () => {
    const key = newKey();
    for (let index = 0; index < 5; index += 1) await call(key, 'check', requestOf(5));
    await call(key, 'reset');
    expect(await call(key, 'stored')).toEqual({ keys: [], alarmAt: null });
    await call(key, 'check', requestOf(5));
    expect(await call(key, 'resetAndCheck', requestOf(5))).toMatchObject({ allowed: true, rules: [{ remaining: 4 }] });
    expect(await call(key, 'stored')).toMatchObject({ keys: ['state'], alarmAt: expect.any(Number) as number });
    await call(key, 'checkAndAbort', requestOf(5));
    expect(await call(key, 'peek', requestOf(5))).toMatchObject({ rules: [{ remaining: 3 }] });
  });

  test('a class that is not SQLite-backed says what to write into wrangler.jsonc', async () => {
    const { error } = await ask<{ error: string }>({
      key: newKey(),
      method: 'check',
      args: [requestOf(5)],
      legacy: true,
    });
    expect(error).toContain(
      'RateLimiterObject needs SQLite-backed storage: declare RateLimiterObject under "new_sqlite_classes"',
    );
  });
});
