import { MemoryObjectNamespace } from '../../../src/durable-objects/memory-object-namespace.js';
import type {
  CheckReply,
  CheckRequest,
  ObjectRule,
  RateLimitAlgorithm,
  RefundRequest,
} from '../../../src/durable-objects/rate-limit/rate-limit-api.js';
import { RateLimitMachine } from '../../../src/durable-objects/rate-limit/rate-limit-machine.js';
import { CountingHost } from '../../support/counting-host.js';
import { fc } from '../../support/kv.js';
import { seededRandom } from '../../support/seeded.js';

const ALGORITHMS: readonly RateLimitAlgorithm[] = ['sliding-window', 'sliding-log', 'fixed-window', 'gcra'];
const MINUTE_MS = 60_000;

const ruleOf = (rule: Partial<ObjectRule> = {}): ObjectRule => ({
  algorithm: 'sliding-window',
  limit: 5,
  windowMs: MINUTE_MS,
  burst: rule.limit ?? 5,
  ...rule,
});

let host: CountingHost;
let machine: RateLimitMachine;
let ids = 0;

beforeEach(() => {
  host = new CountingHost();
  machine = new RateLimitMachine(host);
  ids = 0;
});

const evict = (): void => void (machine = new RateLimitMachine(host));
const newId = (): string => `id-${(ids += 1)}`;

const requestOf = (rules: ObjectRule | readonly ObjectRule[], more: Partial<CheckRequest> = {}): CheckRequest => ({
  rules: [rules].flat(),
  cost: 1,
  countRejected: false,
  operationId: newId(),
  rememberMs: 0,
  ...more,
});
const check = (rules: ObjectRule | readonly ObjectRule[], more: Partial<CheckRequest> = {}): CheckReply =>
  machine.check(requestOf(rules, more));
const remaining = (rule: ObjectRule): number => machine.peek({ rules: [rule], cost: 1 }).rules[0]!.remaining;
const refund = (rule: ObjectRule, more: Partial<RefundRequest>): number =>
  machine.refund({ rules: [rule], cost: 1, operationId: newId(), ...more }).refunded;

/** Lets time pass to the alarm, and runs it. */
function ring(): void {
  expect(host.alarmAt).toBeDefined();
  host.nowMs = Math.max(host.nowMs, host.alarmAt!);
  host.alarmAt = undefined;
  machine.alarm();
}

describe.each(ALGORITHMS)('a rule of %s', (algorithm) => {
  const rule = ruleOf({ algorithm });

  test('admits up to its limit, says what is left, and refuses what is more', () => {
    const replies = Array.from({ length: 7 }, () => check(rule));
    expect(replies.map(({ allowed }) => allowed)).toEqual([true, true, true, true, true, false, false]);
    expect(replies.map(({ rules }) => rules[0]!.remaining)).toEqual([4, 3, 2, 1, 0, 0, 0]);
    expect(replies[6]).toMatchObject({ reason: 'limit-exceeded', leased: 0, replayed: false });
    const waitMs = algorithm === 'gcra' ? 12_000 : MINUTE_MS;
    expect(replies[6]!.retryAfterMs).toBe(waitMs);
    expect(replies[6]!.rules[0]!.resetAt).toBe(host.nowMs + waitMs);
  });

  test('takes the cost, and refuses an attempt that takes more than is left', () => {
    expect(check(rule, { cost: 3 }).rules[0]!.remaining).toBe(2);
    expect(check(rule, { cost: 3 })).toMatchObject({ allowed: false, rules: [{ remaining: 2 }] });
    expect(check(rule, { cost: 2 })).toMatchObject({ allowed: true, rules: [{ remaining: 0 }] });
  });

  test('answers that a cost above its limit never comes through', () => {
    const { allowed, retryAfterMs } = check(rule, { cost: 6 });
    expect([allowed, retryAfterMs]).toEqual([false, Number.MAX_SAFE_INTEGER]);
    expect(host.puts).toBe(0);
  });

  test('goes on with the same count when its limit changes', () => {
    check(rule, { cost: 4 });
    evict();
    expect(remaining({ ...rule, limit: 10, burst: 10 })).toBe(6);
    expect(remaining({ ...rule, limit: 3, burst: 3 })).toBe(0);
    expect(check({ ...rule, limit: 3, burst: 3 }).allowed).toBe(false);
  });

  test('counts nothing of what it refuses, unless told to', () => {
    check(rule, { cost: 5 });
    host.nowMs += 1000;
    for (let index = 0; index < 100; index += 1) check(rule);
    host.nowMs += MINUTE_MS - 1000;
    expect(check(rule, { cost: 5 }).allowed).toBe(true);
  });

  test('gives an attempt back once, and knows the same refund again', () => {
    check(rule, { operationId: 'a', cost: 3 });
    expect(refund(rule, { attemptId: 'a', operationId: 'r' })).toBe(3);
    evict();
    expect(refund(rule, { attemptId: 'a', operationId: 'r' })).toBe(3);
    expect(refund(rule, { attemptId: 'a' })).toBe(0);
    expect(remaining(rule)).toBe(5);
    expect(check(rule, { operationId: 'a', cost: 3 })).toMatchObject({ allowed: true, replayed: false });
    expect(remaining(rule)).toBe(2);
  });

  test('gives back so many units, and never more than it counted', () => {
    check(rule, { cost: 4 });
    expect(refund(rule, { cost: 1 })).toBe(1);
    expect(remaining(rule)).toBe(2);
    expect(refund(rule, { cost: 9 })).toBe(3);
    expect(remaining(rule)).toBe(5);
    expect(refund(rule, { cost: 9 })).toBe(0);
    expect(check(rule, { cost: 5 }).allowed).toBe(true);
    expect(check(rule).allowed).toBe(false);
  });

  test('gives nothing back of a window that is over', () => {
    check(rule, { operationId: 'old', cost: 5, rememberMs: 3_600_000 });
    host.nowMs += MINUTE_MS;
    check(rule, { cost: 5 });
    expect(refund(rule, { attemptId: 'old' })).toBe(0);
    expect(check(rule).allowed).toBe(false);
  });

  test('gives nothing back of an attempt that was refused, or is not known', () => {
    check(rule, { cost: 5 });
    check(rule, { operationId: 'refused' });
    expect(refund(rule, { attemptId: 'refused', cost: 5 })).toBe(0);
    expect(refund(rule, { attemptId: 'never made', cost: 5 })).toBe(0);
    expect(check(rule).allowed).toBe(false);
  });
});

test.each(['sliding-window', 'sliding-log', 'gcra'] as const)(
  '%s keeps a client out that never stops when refused attempts count, in a small row',
  (algorithm) => {
    const rule = ruleOf({ algorithm });
    check(rule, { cost: 5 });
    for (let index = 0; index < 2000; index += 1) {
      host.nowMs += 100;
      expect(check(rule, { countRejected: true }).allowed).toBe(false);
    }
    expect(JSON.stringify(host.rows.get('state'), (_, value: unknown) => String(value)).length).toBeLessThan(2000);
    expect(host.rows.size).toBe(1);
    host.nowMs += MINUTE_MS;
    expect(check(rule, { cost: 5 }).allowed).toBe(true);
  },
);

test('a fixed window of which all was given back starts anew with the next attempt', () => {
  const rule = ruleOf({ algorithm: 'fixed-window' });
  check(rule, { operationId: 'a', cost: 2 });
  refund(rule, { attemptId: 'a' });
  host.nowMs += 1000;
  expect(check(rule).rules[0]!.resetAt).toBe(host.nowMs + MINUTE_MS);
});

test('a refused attempt of a smaller burst does not empty the bucket of a larger one', () => {
  const large = ruleOf({ algorithm: 'gcra', limit: 1, burst: 10 });
  check(large, { cost: 10 });
  expect(check({ ...large, burst: 2 }, { countRejected: true }).allowed).toBe(false);
  expect(remaining(large)).toBe(0);
});

describe('several rules', () => {
  const second = ruleOf({ windowMs: 1000, limit: 2 });
  const minute = ruleOf({ algorithm: 'fixed-window', limit: 3 });

  test('count by algorithm and window, and answer in the order asked', () => {
    expect(check([second, minute]).rules.map(({ remaining: left }) => left)).toEqual([1, 2]);
    expect(check(minute).rules[0]!.remaining).toBe(1);
    expect(check([minute, second]).rules.map(({ remaining: left }) => left)).toEqual([0, 0]);
  });

  test('wait for the last of them, and say which admits', () => {
    check([second, minute], { cost: 2 });
    host.nowMs += 400;
    expect(check([second, minute])).toMatchObject({
      allowed: false,
      retryAfterMs: 600,
      rules: [
        { remaining: 0, retryAfterMs: 600 },
        { remaining: 1, retryAfterMs: 0 },
      ],
    });
    expect(remaining(minute)).toBe(1);
  });

  test('count once where two share algorithm and window', () => {
    const { rules } = check([ruleOf(), ruleOf({ limit: 9 })], { cost: 2 });
    expect(rules.map(({ remaining: left }) => left)).toEqual([3, 7]);
  });

  test('are dropped from the row when they are over', () => {
    check([second, minute]);
    host.nowMs += 1000;
    check(minute);
    const { counts } = host.rows.get('state') as { counts: unknown[][] };
    expect(counts.map(([algorithm]) => algorithm)).toEqual(['fixed-window']);
  });
});

describe('an operation', () => {
  test('is known again for a minute, over evictions, and counts once', () => {
    const rule = ruleOf({ limit: 2 });
    const first = check(rule, { operationId: 'a' });
    for (const passed of [0, 1000, 58_000]) {
      host.nowMs += passed;
      evict();
      expect(check(rule, { operationId: 'a' })).toEqual({ ...first, replayed: true });
    }
    expect(remaining(rule)).toBe(1);
  });

  test('is answered as before even when the key was blocked since', () => {
    check(ruleOf(), { operationId: 'a' });
    machine.block({ durationMs: 1000 });
    expect(check(ruleOf(), { operationId: 'a' })).toMatchObject({ allowed: true, replayed: true });
    expect(check(ruleOf(), { operationId: 'b' })).toMatchObject({ allowed: false, reason: 'blocked' });
  });

  test('that has a name is refused by a block all the same, which refuses everything', () => {
    check(ruleOf(), { operationId: 'a', rememberMs: 3_600_000 });
    machine.block({ durationMs: 1000 });
    expect(check(ruleOf(), { operationId: 'a', rememberMs: 3_600_000 })).toMatchObject({ reason: 'blocked' });
    host.nowMs += 1000;
    expect(check(ruleOf(), { operationId: 'a', rememberMs: 3_600_000 })).toMatchObject({ replayed: true });
  });

  test('that was refused is decided anew', () => {
    const rule = ruleOf({ limit: 1, burst: 1 });
    check(rule);
    expect(check(rule, { operationId: 'a' }).allowed).toBe(false);
    host.nowMs += MINUTE_MS;
    expect(check(rule, { operationId: 'a' })).toMatchObject({ allowed: true, replayed: false });
  });

  test('is known for as long as it was asked for, and then no more', () => {
    const rule = ruleOf({ windowMs: 1000 });
    const first = check(rule, { operationId: 'a', rememberMs: 3_600_000 });
    expect(host.puts).toBe(2);
    host.nowMs += 3_599_999;
    evict();
    check(rule);
    expect(check(rule, { operationId: 'a' })).toEqual({ ...first, replayed: true });
    host.nowMs += 1;
    expect(check(rule, { operationId: 'a' })).toMatchObject({ replayed: false });
  });

  test('that is to be known for long is given back once, however late', () => {
    const rule = ruleOf({ windowMs: 3_600_000 });
    check(rule, { operationId: 'a', cost: 2, rememberMs: 3_600_000 });
    // Of the same moment: what is given back twice is taken from it.
    check(rule);
    host.nowMs += 600_000;
    expect(refund(rule, { attemptId: 'a' })).toBe(2);
    host.nowMs += 600_000;
    check(rule);
    evict();
    expect(refund(rule, { attemptId: 'a' })).toBe(0);
    expect(remaining(rule)).toBe(3);
  });

  test.each([0, 3_600_000])('that was given back counts when it is made again, remembered for %d ms', (rememberMs) => {
    // As a queue does: work that fails is given back, and delivered again.
    const rule = ruleOf({ windowMs: 3_600_000 });
    const names = Array.from({ length: 100 }, (_, index) => `message-${index}`);
    for (const operationId of names) {
      expect(check(rule, { operationId, rememberMs }).allowed).toBe(true);
      expect(refund(rule, { attemptId: operationId })).toBe(1);
    }
    evict();
    const admitted = names.filter((operationId) => check(rule, { operationId, rememberMs }).allowed);
    expect(admitted).toHaveLength(5);
    evict();
    for (const operationId of admitted) expect(check(rule, { operationId, rememberMs }).replayed).toBe(true);
  });

  test('is not known after its time because nothing but refusals came since', () => {
    const rule = ruleOf({ windowMs: 30_000 });
    check(rule, { operationId: 'a', rememberMs: 30_000 });
    machine.block({ durationMs: 10 * MINUTE_MS });
    host.nowMs += 10 * MINUTE_MS;
    expect(check(rule, { operationId: 'a', rememberMs: 30_000 })).toMatchObject({ allowed: true, replayed: false });
  });

  test('is another one when it takes more or asks other rules: nothing passes for free under a known id', () => {
    const rule = ruleOf();
    check(rule, { operationId: 'a' });
    expect(check(rule, { operationId: 'a', cost: 5 }).allowed).toBe(false);
    expect(check(rule, { operationId: 'a', cost: 4 })).toMatchObject({ allowed: true, replayed: false });
    expect(check([rule, ruleOf({ windowMs: 1000 })], { operationId: 'a', cost: 4 }).rules).toHaveLength(2);
    expect(check(rule, { operationId: 'a', cost: 4 })).toMatchObject({ allowed: true, replayed: true });
  });

  test('is one of 1,024 that are known for long: the oldest is forgotten first, but not within its minute', () => {
    const rule = ruleOf({ limit: 5000 });
    for (let index = 0; index < 1100; index += 1) {
      check(rule, { operationId: `long-${index}`, rememberMs: 3_600_000 });
    }
    expect([...host.rows.keys()].filter((key) => key.startsWith('attempt:'))).toHaveLength(1024);
    expect(check(rule, { operationId: 'long-0' }).replayed).toBe(true);
    host.nowMs += MINUTE_MS;
    evict();
    check(rule, { rememberMs: 3_600_000 });
    const known = Array.from({ length: 1100 }, (_, index) => check(rule, { operationId: `long-${index}` }).replayed);
    expect(known.indexOf(true)).toBe(77);
    expect(known.filter(Boolean)).toHaveLength(1023);
  });

  test('that is not sent again leaves nothing beside its count, and is never taken for another', () => {
    const rule = ruleOf({ limit: 1000 });
    for (let index = 0; index < 500; index += 1) expect(check(rule, { operationId: '' }).replayed).toBe(false);
    expect(refund(rule, { operationId: '' })).toBe(1);
    expect(refund(rule, { operationId: '', cost: 2 })).toBe(2);
    expect(remaining(rule)).toBe(503);
    expect([...host.rows.keys()]).toEqual(['state']);
    expect(host.rows.get('state')).toMatchObject({ journal: { entries: [] } });
  });

  test('of a refund that gave nothing back gives nothing back later', () => {
    expect(refund(ruleOf(), { operationId: 'r' })).toBe(0);
    check(ruleOf());
    expect(refund(ruleOf(), { operationId: 'r' })).toBe(0);
    expect(remaining(ruleOf())).toBe(4);
  });
});

describe('a block', () => {
  test('refuses everything until it ends, whatever is left, and is no attempt', () => {
    expect(machine.block({ durationMs: 90_000 })).toEqual({ blockedUntil: host.nowMs + 90_000 });
    evict();
    const { puts } = host;
    expect(check(ruleOf(), { countRejected: true })).toMatchObject({
      allowed: false,
      reason: 'blocked',
      retryAfterMs: 90_000,
      rules: [{ remaining: 5, retryAfterMs: 0 }],
    });
    expect(machine.peek({ rules: [ruleOf()], cost: 1 })).toMatchObject({ allowed: false, reason: 'blocked' });
    expect(host.puts).toBe(puts);
    host.nowMs += 89_999;
    expect(check(ruleOf()).allowed).toBe(false);
    host.nowMs += 1;
    expect(check(ruleOf())).toMatchObject({ allowed: true, rules: [{ remaining: 4 }] });
  });

  test('tells the longer wait of limit and block', () => {
    check(ruleOf(), { cost: 5 });
    machine.block({ durationMs: 1000 });
    expect(check(ruleOf())).toMatchObject({ reason: 'blocked', retryAfterMs: MINUTE_MS });
  });

  test('outlives counts', () => {
    check(ruleOf());
    machine.block({ durationMs: 10 * MINUTE_MS });
    const endsAt = host.nowMs + 10 * MINUTE_MS;
    while (host.nowMs < endsAt) {
      expect(check(ruleOf()).reason).toBe('blocked');
      ring();
    }
    expect([host.rows.size, host.alarmAt]).toEqual([0, undefined]);
    expect(check(ruleOf()).allowed).toBe(true);
  });

  test('is replaced by the next, and ended by none', () => {
    machine.block({ durationMs: 30 * 24 * 3_600_000 });
    machine.block({ durationMs: 1000 });
    expect(host.alarmAt).toBe(host.nowMs + 1000);
    expect(check(ruleOf()).retryAfterMs).toBe(1000);
    expect(machine.block({ durationMs: 0 })).toEqual({ blockedUntil: host.nowMs });
    evict();
    expect(check(ruleOf()).allowed).toBe(true);
  });

  test('that ends none writes nothing', () => {
    machine.block({ durationMs: 0 });
    expect([host.puts, host.alarms]).toEqual([0, 0]);
  });
});

describe('what it costs', () => {
  test('is a row for an attempt that is admitted, one more in 65, and none for a refusal, a replay or a peek', () => {
    const rule = ruleOf({ limit: 650 });
    for (let index = 0; index < 650; index += 1) expect(check(rule).allowed).toBe(true);
    expect([host.puts, host.deletes, host.alarms]).toEqual([660, 0, 1]);
    for (let index = 0; index < 100; index += 1) {
      check(rule);
      check(rule, { operationId: 'id-1' });
      machine.peek({ rules: [rule], cost: 1 });
    }
    expect([host.puts, host.deletes, host.alarms]).toEqual([660, 0, 1]);
  });

  test.each([1000, MINUTE_MS, 3_600_000])('is one alarm in a window of %d ms at most, or in a minute', (windowMs) => {
    const rule = ruleOf({ windowMs, limit: 1_000_000 });
    const startedAt = host.nowMs;
    const interval = Math.max(windowMs, MINUTE_MS);
    while (host.nowMs < startedAt + 20 * interval) {
      if (host.alarmAt !== undefined && host.alarmAt <= host.nowMs) ring();
      check(rule);
      host.nowMs += interval / 40;
    }
    expect(host.alarms).toBeLessThanOrEqual(21);
  });

  test('is nothing when all is over: the alarm empties the object, which starts anew', () => {
    const rule = ruleOf({ windowMs: 100 });
    check(rule, { operationId: 'a', cost: 5, rememberMs: 2 * MINUTE_MS });
    while (host.alarmAt !== undefined) ring();
    expect([host.rows.size, host.clears]).toEqual([0, 1]);
    expect(host.nowMs).toBe(Date.UTC(2026, 0, 1) + 2 * MINUTE_MS);
    expect(check(rule, { operationId: 'a' })).toMatchObject({
      allowed: true,
      replayed: false,
      rules: [{ remaining: 4 }],
    });
    expect(host.alarmAt).toBeDefined();
  });

  test('is an alarm that the platform can set, also where something is not over for ages', () => {
    const rule = ruleOf({ algorithm: 'gcra', limit: 1, windowMs: 2_592_000_000, burst: 1_000_000_000 });
    check(rule, { cost: 1_000_000_000 });
    expect(host.alarmAt).toBe(host.nowMs + 365 * 86_400_000);
    ring();
    expect(host.alarmAt).toBe(host.nowMs + 365 * 86_400_000);
    evict();
    expect(check(rule, { cost: 1_000_000_000 }).allowed).toBe(false);
  });

  test('is an alarm again where one was lost, once all that it waited for is over', () => {
    check(ruleOf());
    host.alarmAt = undefined;
    host.nowMs += 2 * MINUTE_MS;
    evict();
    check(ruleOf());
    expect(host.alarmAt).toBe(host.nowMs + MINUTE_MS);
  });

  test('is nothing after a reset, which forgets counts, block and operations', () => {
    check(ruleOf(), { operationId: 'a', cost: 5, rememberMs: 3_600_000 });
    machine.block({ durationMs: 1000 });
    machine.reset();
    expect([host.rows.size, host.alarmAt]).toEqual([0, undefined]);
    expect(check(ruleOf(), { operationId: 'a' })).toMatchObject({ replayed: false, rules: [{ remaining: 4 }] });
  });
});

describe('a lease', () => {
  const lease = { units: 100, ttlMs: 1000 };

  test('is an eighth of what is left at most, and counts', () => {
    const rule = ruleOf({ limit: 81 });
    expect(check(rule, { lease })).toMatchObject({ leased: 10, rules: [{ remaining: 70 }] });
    expect(check(rule, { lease: { units: 3, ttlMs: 1000 } })).toMatchObject({ leased: 3, rules: [{ remaining: 66 }] });
    expect(check(ruleOf({ limit: 20 }), { lease })).toMatchObject({ leased: 0 });
  });

  test('counts until a window after its end', () => {
    const rule = ruleOf({ algorithm: 'sliding-log', limit: 17, windowMs: 1000 });
    check(rule, { lease: { units: 9, ttlMs: 300 } });
    host.nowMs += 1299;
    expect(remaining(rule)).toBe(15);
    host.nowMs += 1;
    expect(remaining(rule)).toBe(17);
  });

  test('is not given again to who asks again, and not given back with its attempt', () => {
    const rule = ruleOf({ limit: 81 });
    check(rule, { operationId: 'a', lease });
    expect(check(rule, { operationId: 'a', lease })).toMatchObject({ leased: 0, replayed: true });
    expect(refund(rule, { attemptId: 'a' })).toBe(1);
    expect(remaining(rule)).toBe(71);
  });

  test('is none with gcra, and none of a fixed window that ends before it', () => {
    const fixed = ruleOf({ algorithm: 'fixed-window', limit: 80, windowMs: 2000 });
    expect(check([ruleOf({ limit: 80 }), ruleOf({ algorithm: 'gcra', limit: 80 })], { lease }).leased).toBe(0);
    expect(check(fixed, { lease }).leased).toBe(9);
    host.nowMs += 1000;
    expect(check(fixed, { lease }).leased).toBe(8);
    host.nowMs += 1;
    expect(check(fixed, { lease }).leased).toBe(0);
  });

  test.each([0, -5])('of %d units is none', (units) => {
    expect(check(ruleOf({ limit: 80 }), { lease: { units, ttlMs: 1000 } })).toMatchObject({
      leased: 0,
      rules: [{ remaining: 79 }],
    });
  });
});

describe('trouble', () => {
  test('with storage counts nothing in memory that is not stored', () => {
    check(ruleOf());
    host.failure = new Error('disk');
    expect(() => check(ruleOf(), { cost: 4, operationId: 'a' })).toThrow('disk');
    expect(remaining(ruleOf())).toBe(4);
    expect(check(ruleOf(), { cost: 4, operationId: 'a' })).toMatchObject({ allowed: true, replayed: false });
  });

  test('is not made by what is stored, whatever it is', () => {
    const broken = fc.oneof(
      fc.anything(),
      fc.record(
        {
          version: fc.constantFrom(0, 1),
          counts: fc.oneof(
            fc.anything(),
            fc.array(
              fc.tuple(fc.constantFrom(...ALGORITHMS, 'x'), fc.oneof(fc.integer(), fc.anything()), fc.anything()),
            ),
          ),
          blockedUntil: fc.oneof(fc.integer({ max: 1000 }), fc.string()),
          journal: fc.anything(),
          next: fc.anything(),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(broken, fc.anything(), (row, other) => {
        const rows = new Map([
          ['state', row],
          ['attempt:1', other],
          ['journal:1', other],
        ]);
        const damaged = new RateLimitMachine(new CountingHost(undefined, rows));
        const rules = ALGORITHMS.map((algorithm) => ruleOf({ algorithm }));
        expect(damaged.peek({ rules, cost: 1 }).allowed).toBe(true);
        expect(damaged.refund({ rules, cost: 1, operationId: 'r' })).toEqual({ refunded: 0 });
        expect(damaged.check(requestOf(rules)).allowed).toBe(true);
        damaged.alarm();
      }),
      { numRuns: 300, seed: 3 },
    );
  });

  test('is not made by an older row: it counts as none', () => {
    check(ruleOf(), { cost: 5 });
    host.rows.set('state', { ...(host.rows.get('state') as object), version: 0 });
    evict();
    expect(remaining(ruleOf())).toBe(5);
  });

  test.each(ALGORITHMS)('with a clock that is set back by an hour lets nobody pass with %s', (algorithm) => {
    const rule = ruleOf({ algorithm });
    check(rule, { cost: 5 });
    host.nowMs -= 3_600_000;
    evict();
    const reply = check(rule);
    expect(reply.allowed).toBe(false);
    expect(reply.retryAfterMs).toBeLessThanOrEqual(3_600_000 + MINUTE_MS);
    host.nowMs += reply.retryAfterMs;
    expect(check(rule).allowed).toBe(true);
  });
});

test.each(ALGORITHMS)(
  'exactly the limit of 200 attempts at once come through with %s, whatever happens to replies',
  async (algorithm) => {
    const random = seededRandom(5);
    const faults = ['lost-reply', 'reset-after', 'reset', 'unavailable'] as const;
    const objects = new MemoryObjectNamespace((objectHost) => new RateLimitMachine(objectHost), {
      now: () => 1_000_000,
      faults: () => (random() < 0.4 ? faults[Math.floor(random() * faults.length)] : undefined),
    });
    const attempt = async (request: CheckRequest): Promise<CheckReply> => {
      for (;;) {
        try {
          return await (objects.getByName('key') as { check(given: CheckRequest): Promise<CheckReply> }).check(request);
        } catch {
          // A new stub, and the same operation.
        }
      }
    };
    const replies = await Promise.all(
      Array.from({ length: 200 }, () => attempt(requestOf(ruleOf({ algorithm, limit: 50, burst: 50 })))),
    );
    expect(replies.filter(({ allowed }) => allowed)).toHaveLength(50);
    expect(replies.filter(({ replayed }) => replayed).length).toBeGreaterThan(0);
  },
);
