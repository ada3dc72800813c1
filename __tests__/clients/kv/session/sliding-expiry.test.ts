import { OperationBudget } from '../../../../src/clients/kv/operation-budget.js';
import { fc } from '../../../support/kv.js';
import {
  answerDigestsAtOnce,
  DAY_MS,
  keysOf,
  sessionAt,
  setupSessions,
  setupStrong,
  TOKEN,
  USER,
} from '../../../support/sessions.js';

const sliding = { idleSeconds: 1800, refreshAfterSeconds: 300 };
const IDLE_MS = 1_800_000;
const REFRESH_MS = 300_000;

describe('sliding expiry', () => {
  test('ends a session that is not used, to the millisecond, and keeps one that is', async () => {
    const { sessions, clock, sink } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    for (let use = 0; use < 10; use += 1) {
      clock.advance(IDLE_MS - 1);
      expect(await sessions.get(TOKEN)).not.toBeNull();
    }
    clock.advance(IDLE_MS);
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(sink.ofType('session.miss')).toEqual([{ type: 'session.miss', reason: 'expired' }]);
  });

  test('never extends what ends it anyway: its own end, and 24 hours', async () => {
    for (const lifetimeMs of [2 * 3_600_000, 30 * DAY_MS]) {
      const { sessions, clock } = setupSessions({ sliding });
      const end = clock.now() + Math.min(lifetimeMs, DAY_MS);
      await sessions.set(TOKEN, sessionAt(clock.now(), { lifetimeMs }));
      while (clock.now() + REFRESH_MS < end) {
        clock.advance(REFRESH_MS);
        expect(await sessions.get(TOKEN)).not.toBeNull();
      }
      clock.advance(end - clock.now());
      expect(await sessions.get(TOKEN)).toBeNull();
    }
  });

  test('is noted at most once in so many seconds, however often it is read, by 50 at once', async () => {
    // Else each read would be over before the next begins.
    answerDigestsAtOnce();
    const { kv, make, clock } = setupSessions({ sliding });
    await make().set(TOKEN, sessionAt(clock.now()));
    const { put } = kv.counts;
    for (let second = 0; second < 900; second += 60) {
      await Promise.all(Array.from({ length: 50 }, () => make().get(TOKEN)));
      clock.advance(60_000);
    }
    expect(kv.counts.put - put).toBe(2);
    expect(await keysOf(kv)).toHaveLength(2);
    jest.restoreAllMocks();
  });

  test('costs no operation more to read', async () => {
    const { kv, sessions, clock } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    await sessions.get(TOKEN);
    expect(kv.counts.get).toBe(2);
    await sessions.get(TOKEN);
    expect(kv.counts.get).toBe(3);
  });

  test('is noted beside the entry, so that what was changed meanwhile is not put back', async () => {
    const { kv, sessions, clock } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    const changed = sessionAt(clock.now());
    changed.user.role = 'customer';
    clock.advance(REFRESH_MS);
    const real = kv.getWithMetadata.bind(kv) as (...args: unknown[]) => Promise<unknown>;
    Object.assign(kv, {
      getWithMetadata: async (...args: unknown[]) => {
        const answer = await real(...args);
        Object.assign(kv, { getWithMetadata: real });
        await sessions.set(TOKEN, changed);
        return answer;
      },
    });
    expect((await sessions.get(TOKEN))?.user.role).toBe('creator');
    expect((await sessions.get(TOKEN))?.user.role).toBe('customer');
  });

  test('brings nothing back that was ended', async () => {
    for (const setup of [setupSessions, setupStrong]) {
      const { sessions, clock } = setup({ sliding });
      await sessions.set(TOKEN, sessionAt(clock.now()));
      clock.advance(REFRESH_MS);
      await Promise.all([sessions.get(TOKEN), sessions.deleteAllForUser(USER), sessions.get(TOKEN)]);
      for (let use = 0; use < 5; use += 1) {
        clock.advance(REFRESH_MS);
        expect(await sessions.get(TOKEN)).toBeNull();
      }
    }
  });

  test('goes on when a note cannot be written, and says so', async () => {
    const { kv, sessions, clock, sink } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    clock.advance(REFRESH_MS);
    kv.failAll('put');
    expect(await sessions.get(TOKEN)).not.toBeNull();
    expect(sink.ofType('client.error')).toMatchObject([{ operation: 'write', keyPrefix: 'session-seen:' }]);
  });

  test('makes a note again that failed, so that no session in use becomes idle by it, and does not press KV', async () => {
    const { kv, sessions, clock } = setupSessions({ sliding: { idleSeconds: 360, refreshAfterSeconds: 300 } });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    clock.advance(REFRESH_MS);
    kv.failAll('put');
    const { put } = kv.counts;
    for (let second = 0; second < 30; second += 1) {
      expect(await sessions.get(TOKEN)).not.toBeNull();
      clock.advance(1000);
    }
    expect(kv.counts.put - put).toBe(3);
    kv.heal();
    for (let second = 0; second < 1000; second += 10) {
      expect(await sessions.get(TOKEN)).not.toBeNull();
      clock.advance(10_000);
    }
    expect(kv.counts.put - put).toBe(3 + 4);
  });

  test('leaves it at the note of another isolate that KV took in the same second', async () => {
    const { kv, sessions, clock } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    clock.advance(REFRESH_MS);
    kv.failNext('put', new Error('KV PUT failed: 429 Too Many Requests'));
    const { put } = kv.counts;
    for (let second = 0; second < 60; second += 1) {
      await sessions.get(TOKEN);
      clock.advance(1000);
    }
    expect(kv.counts.put - put).toBe(1);
  });

  test('takes a note that is no time for a miss', async () => {
    const { kv, sessions, clock } = setupSessions({ sliding });
    await sessions.set(TOKEN, sessionAt(clock.now()));
    clock.advance(REFRESH_MS);
    await sessions.get(TOKEN);
    const note = (await keysOf(kv)).find((key) => key.startsWith('session-seen:'));
    await kv.put(note!, 'always');
    expect(await sessions.get(TOKEN)).toBeNull();
  });

  test('writes after the response, and not when the budget is small', async () => {
    const pending: Promise<unknown>[] = [];
    const budget = new OperationBudget(5);
    const { kv, make, clock } = setupSessions({ sliding, waitUntil: (work) => void pending.push(work) });
    await make().set(TOKEN, sessionAt(clock.now()));
    clock.advance(REFRESH_MS);
    expect(await make({ budget }).get(TOKEN)).not.toBeNull();
    expect(pending).toHaveLength(1);
    await Promise.all(pending);
    clock.advance(REFRESH_MS);
    while (budget.allowsAutomaticWrites) budget.take();
    const { put } = kv.counts;
    await make({ budget }).get(TOKEN);
    expect(kv.counts.put).toBe(put);
  });

  test('holds for entries that were written without it, and a clock that was put back does not keep one alive', async () => {
    const { make, clock } = setupSessions();
    await make().set(TOKEN, sessionAt(clock.now()));
    const sessions = make({ sliding });
    clock.advance(IDLE_MS);
    expect(await sessions.get(TOKEN)).toBeNull();
    expect(await make().get(TOKEN)).not.toBeNull();
  });

  test('a session lives while the pauses between uses are shorter than idle less refresh, and not over one that is idle', async () => {
    const minute = 60_000;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 30 }), async (pauses) => {
        const { sessions, clock } = setupSessions({ sliding });
        const end = clock.now() + DAY_MS;
        await sessions.set(TOKEN, sessionAt(clock.now()));
        for (const pause of pauses) {
          clock.advance(pause * minute);
          const isFound = (await sessions.get(TOKEN)) !== null;
          if (pause * minute >= IDLE_MS || clock.now() >= end) expect(isFound).toBe(false);
          else if (pause * minute < IDLE_MS - REFRESH_MS) expect(isFound).toBe(true);
          if (!isFound) return;
        }
      }),
    );
  });
});
