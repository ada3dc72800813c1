import type {
  CheckReply,
  ObjectRule,
  RateLimitAlgorithm,
} from '../../../src/durable-objects/rate-limit/rate-limit-api.js';
import { RateLimitMachine } from '../../../src/durable-objects/rate-limit/rate-limit-machine.js';
import { CountingHost } from '../../support/counting-host.js';
import { fc } from '../../support/kv.js';
import type { Counted, Oracle } from '../../support/rate-limit-oracle.js';
import { boundOf, judgeFixed, judgeGcra, judgeLog, worstWindow } from '../../support/rate-limit-oracle.js';

const ALGORITHMS: readonly RateLimitAlgorithm[] = ['sliding-window', 'sliding-log', 'fixed-window', 'gcra'];
const SLOTS = 64;

/** Refuses only what an attempt that came a 64th of a window earlier would justify, and admits nothing that the log does not. */
const judgeWindow = {
  mayAdmit: judgeLog,
  mayRefuse: (history: readonly Counted[], rule: ObjectRule, cost: number, now: number): boolean =>
    !judgeLog(history, { ...rule, windowMs: rule.windowMs + Math.ceil(rule.windowMs / SLOTS) }, cost, now),
};
const exactly = (judge: Oracle): typeof judgeWindow => ({
  mayAdmit: judge,
  mayRefuse: (...given) => !judge(...given),
});
const JUDGES: Readonly<Record<RateLimitAlgorithm, typeof judgeWindow>> = {
  'sliding-window': judgeWindow,
  'sliding-log': exactly(judgeLog),
  'fixed-window': exactly(judgeFixed),
  gcra: exactly(judgeGcra),
};

/** Milliseconds that pass; below 0 it is the edge of a window that they pass to: see `World.pass`. */
const pause = (windowMs: number): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.nat({ max: 3 }) },
    { weight: 3, arbitrary: fc.nat({ max: Math.ceil(windowMs / 8) }) },
    { weight: 1, arbitrary: fc.nat({ max: 2 * windowMs }) },
    { weight: 2, arbitrary: fc.integer({ min: -40, max: -1 }) },
  );

const ruleOf = (algorithm: RateLimitAlgorithm): fc.Arbitrary<ObjectRule> =>
  fc.record({
    algorithm: fc.constant(algorithm),
    limit: fc.integer({ min: 1, max: 12 }),
    windowMs: fc.constantFrom(1, 7, 64, 100, 1000, 12_345),
    burst: fc.integer({ min: 1, max: 12 }),
  });

/** An object under test, and what is known about it. */
class World {
  readonly host: CountingHost;
  machine: RateLimitMachine;
  readonly #times: number[] = [];
  #ids = 0;

  constructor(host = new CountingHost()) {
    this.host = host;
    this.machine = new RateLimitMachine(host);
  }

  evict(): void {
    this.machine = new RateLimitMachine(this.host);
  }

  newId(): string {
    this.#ids += 1;
    return `id-${this.#ids}`;
  }

  check(rules: readonly ObjectRule[], cost: number, more: { id?: string; countRejected?: boolean } = {}): CheckReply {
    const { id = this.newId(), countRejected = false } = more;
    this.mark(this.host.nowMs);
    return this.machine.check({ rules, cost, countRejected, operationId: id, rememberMs: 0 });
  }

  /** Keeps a time at which something was counted. */
  mark(at: number): void {
    this.#times.push(at);
  }

  /** Lets time pass: so much, or until one of the last ten attempts is a window old, give or take two milliseconds. Answers how much. */
  pass(pauseMs: number, windowMs: number): number {
    const from = this.host.nowMs;
    const edge = -1 - pauseMs;
    const at = this.#times.at(-1 - (edge >> 2)) ?? from;
    this.host.nowMs = pauseMs >= 0 ? from + pauseMs : Math.max(from, at + windowMs + (edge & 3) - 2);
    return this.host.nowMs - from;
  }

  /** What a copy of the object would answer `ms` later. */
  peekLater(rules: readonly ObjectRule[], cost: number, ms: number): CheckReply {
    return new RateLimitMachine(this.host.fork(this.host.nowMs + ms)).peek({ rules, cost });
  }

  /** Runs the alarm if it is due. */
  ring(): void {
    const { alarmAt, nowMs } = this.host;
    if (alarmAt === undefined || alarmAt > nowMs) return;
    this.host.alarmAt = undefined;
    this.machine.alarm();
  }
}

function expectExactWait(world: World, rules: readonly ObjectRule[], cost: number, reply: CheckReply): void {
  const { retryAfterMs } = reply;
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(world.peekLater(rules, cost, retryAfterMs).allowed).toBe(true);
  expect(world.peekLater(rules, cost, retryAfterMs - 1).allowed).toBe(false);
}

function expectExactReset(world: World, rules: readonly ObjectRule[], { rules: replies }: CheckReply): void {
  replies.forEach(({ remaining, resetAt }, index) => {
    const rule = rules[index]!;
    const waitMs = resetAt - world.host.nowMs;
    const remainingAfter = (ms: number): number => world.peekLater([rule], 1, ms).rules[0]!.remaining;
    if (waitMs === 0) {
      expect(remaining).toBe(rule.algorithm === 'gcra' ? rule.burst : rule.limit);
      return;
    }
    expect(remainingAfter(waitMs - 1)).toBe(remaining);
    expect(remainingAfter(waitMs)).toBeGreaterThan(remaining);
  });
}

interface Step {
  readonly kind: 'check' | 'lost reply' | 'evict' | 'peek' | 'reset';
  readonly pauseMs: number;
  readonly cost: number;
}

const stepsOf = (windowMs: number, kinds: Step['kind'][], maxCost: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      kind: fc.oneof({ weight: 6, arbitrary: fc.constant('check' as const) }, fc.constantFrom(...kinds)),
      pauseMs: pause(windowMs),
      cost: fc.integer({ min: 1, max: maxCost }),
    }),
    { minLength: 1, maxLength: 60 },
  );

const isCostOf = (rules: readonly ObjectRule[], cost: number): boolean =>
  rules.every(({ algorithm, limit, burst }) => cost <= (algorithm === 'gcra' ? burst : limit));

/** Checks steps against the judges of all rules; answers what was admitted. */
function play(rules: readonly ObjectRule[], steps: readonly Step[]): Counted[] {
  const world = new World();
  const admitted: Counted[] = [];
  let counted: Counted[] = [];
  for (const { kind, pauseMs, cost } of steps) {
    world.pass(pauseMs, rules[cost % rules.length]!.windowMs);
    world.ring();
    if (kind === 'evict') world.evict();
    if (kind === 'reset') {
      world.machine.reset();
      counted = [];
      admitted.length = 0;
    }
    if (!isCostOf(rules, cost)) continue;
    const now = world.host.nowMs;
    const { puts } = world.host;
    const peeked = world.machine.peek({ rules, cost });
    expect(world.host.puts).toBe(puts);
    if (kind === 'peek') continue;
    const id = world.newId();
    let reply = world.check(rules, cost, { id });
    expect([reply.allowed, reply.retryAfterMs]).toEqual([peeked.allowed, peeked.retryAfterMs]);
    expectDecision(counted, rules, cost, now, reply);
    if (!reply.allowed) expect(world.host.puts).toBe(puts);
    if (kind === 'lost reply' && reply.allowed) {
      if (cost % 2 === 0) world.evict();
      const again = world.check(rules, cost, { id });
      expect(again).toEqual({ ...reply, replayed: true });
      reply = again;
    }
    if (reply.allowed) {
      counted.push({ at: now, cost });
      admitted.push({ at: now, cost });
    } else {
      expectExactWait(world, rules, cost, reply);
    }
    expectExactReset(world, rules, reply);
  }
  return admitted;
}

function expectDecision(
  counted: readonly Counted[],
  rules: readonly ObjectRule[],
  cost: number,
  now: number,
  { allowed }: CheckReply,
): void {
  const given = rules.map((rule) => [counted, rule, cost, now] as const);
  if (allowed) {
    expect(given.every((question) => JUDGES[question[1].algorithm].mayAdmit(...question))).toBe(true);
  } else {
    expect(given.some((question) => JUDGES[question[1].algorithm].mayRefuse(...question))).toBe(true);
  }
}

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const seed = ALGORITHMS.indexOf(algorithm) + 1;

  test('admits and refuses as its definition does, through evictions, lost replies and resets', () => {
    const world = ruleOf(algorithm).chain((rule) =>
      fc.tuple(fc.constant(rule), stepsOf(rule.windowMs, ['lost reply', 'evict', 'peek', 'reset'], 4)),
    );
    fc.assert(
      fc.property(world, ([rule, steps]) => {
        const admitted = play([rule], steps);
        expect(worstWindow(admitted, rule.windowMs)).toBeLessThanOrEqual(boundOf(rule));
      }),
      { numRuns: 400, seed },
    );
  });

  test('admits no more than its bound while limits change, attempts are given back and the clock is set back', () => {
    const kinds = fc.constantFrom(
      'check',
      'check',
      'check',
      'refund',
      'evict',
      'limit',
      'clock back',
      'count rejected',
    );
    const world = ruleOf(algorithm).chain((rule) =>
      fc.tuple(
        fc.constant(rule),
        fc.array(fc.tuple(kinds, pause(rule.windowMs), fc.integer({ min: 1, max: 12 })), { maxLength: 60 }),
      ),
    );
    fc.assert(
      fc.property(world, ([{ windowMs, ...first }, steps]) => {
        const { host, ...object } = playUnsteadily({ ...first, windowMs }, steps);
        const { limit, burst } = object;
        const bound = boundOf({ algorithm, windowMs, limit, burst });
        expect(worstWindow(object.kept, windowMs)).toBeLessThanOrEqual(bound);
        // Nobody waits for longer than a window and what the clock was set back by.
        host.nowMs += Math.max(windowMs, Math.ceil((windowMs * burst) / object.last.limit)) + object.skewMs;
        expect(new RateLimitMachine(host).peek({ rules: [object.last], cost: 1 }).allowed).toBe(true);
      }),
      { numRuns: 400, seed },
    );
  });

  const leasing = ruleOf(algorithm).chain(({ windowMs, ...rule }) =>
    fc.tuple(
      fc.constant({ ...rule, windowMs: windowMs * 10, limit: rule.limit * 20 }),
      fc.array(
        fc.record({
          kind: fc.constantFrom('check', 'check', 'evict', 'again'),
          pauseMs: pause(windowMs * 10),
          units: fc.integer({ min: 0, max: 40 }),
          ttlMs: fc.integer({ min: 1, max: windowMs * 5 }),
          offset: fc.nat(),
        }),
        { minLength: 1, maxLength: 80 },
      ),
    ),
  );

  test('leases no more than its bound, whenever in the life of a lease its units are spent', () => {
    let most = 0;
    fc.assert(
      fc.property(leasing, ([rule, steps]) => {
        const { spent, leased } = playLeases(rule, steps);
        most = Math.max(most, leased);
        expect(worstWindow(spent, rule.windowMs)).toBeLessThanOrEqual(boundOf(rule));
      }),
      { numRuns: 300, seed },
    );
    expect(most > 0).toBe(algorithm !== 'gcra');
  });
});

interface LeaseStep {
  readonly kind: string;
  readonly pauseMs: number;
  readonly units: number;
  readonly ttlMs: number;
  readonly offset: number;
}

/** Takes attempts with leases, and spends those at any time of their life. */
function playLeases(rule: ObjectRule, steps: readonly LeaseStep[]): { spent: Counted[]; leased: number } {
  const world = new World();
  const spent: Counted[] = [];
  let sum = 0;
  for (const { kind, pauseMs, units, ttlMs, offset } of steps) {
    world.pass(pauseMs, rule.windowMs);
    world.ring();
    if (kind === 'evict') world.evict();
    const now = world.host.nowMs;
    world.mark(now);
    world.mark(now + ttlMs);
    const request = { rules: [rule], cost: 1, countRejected: false, operationId: world.newId(), rememberMs: 0 };
    const reply = world.machine.check({ ...request, lease: { units, ttlMs } });
    const { allowed, leased, rules } = reply;
    expect(leased).toBeLessThanOrEqual(Math.min(units, (rules[0]!.remaining + leased) / 8));
    if (kind === 'again' && allowed) {
      const again = world.machine.check({ ...request, lease: { units, ttlMs } });
      expect(again).toEqual({ ...reply, leased: 0, replayed: true });
    }
    if (allowed) spent.push({ at: now, cost: 1 });
    for (let unit = 0; unit < leased; unit += 1) spent.push({ at: now + ((offset + unit * 7919) % ttlMs), cost: 1 });
    sum += leased;
  }
  return { spent, leased: sum };
}

test.each(['sliding-window', 'sliding-log', 'fixed-window'] as const)(
  '%s counts refused attempts as well when it is told to, exactly and in bounded space',
  (algorithm) => {
    const world = ruleOf(algorithm).chain((rule) =>
      fc.tuple(fc.constant(rule), stepsOf(rule.windowMs, ['evict'], rule.limit)),
    );
    fc.assert(
      fc.property(world, ([rule, steps]) => {
        const { host, ...object } = playRejected(rule, steps);
        expect(worstWindow(object.admitted, rule.windowMs)).toBeLessThanOrEqual(boundOf(rule));
        const { counts } = host.rows.get('state') as { counts: [string, number, { times?: number[] }][] };
        for (const [, , { times = [] }] of counts) expect(times.length).toBeLessThanOrEqual(rule.limit);
      }),
      { numRuns: 400, seed: 12 },
    );
  },
);

function playRejected(rule: ObjectRule, steps: readonly Step[]): { host: CountingHost; admitted: Counted[] } {
  const world = new World();
  const admitted: Counted[] = [];
  const counted: Counted[] = [];
  for (const { kind, pauseMs, cost } of steps) {
    world.pass(pauseMs, rule.windowMs);
    if (kind === 'evict') world.evict();
    const now = world.host.nowMs;
    const reply = world.check([rule], cost, { countRejected: true });
    expectDecision(counted, [rule], cost, now, reply);
    counted.push({ at: now, cost });
    if (reply.allowed) admitted.push({ at: now, cost });
    else expectExactWait(world, [rule], cost, reply);
    expectExactReset(world, [rule], reply);
  }
  return { host: world.host, admitted };
}

/** Plays what no judge follows exactly; answers with what was kept by the real time, and the largest limit and burst. */
function playUnsteadily(
  first: ObjectRule,
  steps: readonly (readonly [string, number, number])[],
): { host: CountingHost; kept: Counted[]; limit: number; burst: number; skewMs: number; last: ObjectRule } {
  const world = new World();
  const kept: (Counted & { id: string })[] = [];
  let rule = first;
  let { limit, burst } = first;
  let skewMs = 0;
  for (const [kind, pauseMs, size] of steps) {
    const passedMs = world.pass(pauseMs, rule.windowMs);
    if (kind === 'evict') world.evict();
    if (kind === 'clock back') {
      skewMs += passedMs;
      world.host.nowMs -= passedMs;
    }
    if (kind === 'limit') rule = { ...rule, limit: size, burst: 13 - size };
    [limit, burst] = [Math.max(limit, rule.limit), Math.max(burst, rule.burst)];
    const attempt = kept[size];
    if (kind === 'refund' && attempt !== undefined) {
      const attemptId = attempt.id;
      const { refunded } = world.machine.refund({ rules: [rule], cost: 99, attemptId, operationId: world.newId() });
      expect(refunded).toBeLessThanOrEqual(attempt.cost);
      attempt.cost = 0;
    }
    const cost = Math.min(1 + (size % 4), rule.limit, rule.burst);
    const id = world.newId();
    const { allowed } = world.check([rule], cost, { id, countRejected: kind === 'count rejected' });
    // The pause passes, and then the clock is set back by it: the real time is ahead of the clock by all of those.
    if (allowed) kept.push({ at: world.host.nowMs + skewMs, cost, id });
  }
  return { host: world.host, kept, limit, burst, skewMs, last: rule };
}

test('several rules admit an attempt together or none counts it', () => {
  const rules = fc
    .subarray([...ALGORITHMS], { minLength: 2 })
    .chain((algorithms) => fc.tuple(...algorithms.map(ruleOf)));
  const world = rules.chain((given) =>
    fc.tuple(
      fc.constant(given),
      stepsOf(Math.max(...given.map(({ windowMs }) => windowMs)), ['lost reply', 'evict', 'peek', 'reset'], 3),
    ),
  );
  fc.assert(
    fc.property(world, ([given, steps]) => {
      const admitted = play(given, steps);
      for (const rule of given) expect(worstWindow(admitted, rule.windowMs)).toBeLessThanOrEqual(boundOf(rule));
    }),
    { numRuns: 400, seed: 11 },
  );
});
