import type { AddOperation, ChangeReply, CounterOperation } from '../../../src/durable-objects/counter/counter-api.js';
import { CountedObject } from '../../support/counters.js';
import { fc } from '../../support/kv.js';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const MAX = Number.MAX_SAFE_INTEGER;

let ids = 0;

function add(by: number, more: Partial<AddOperation> = {}): AddOperation {
  return { kind: 'add', operationId: `op-${(ids += 1)}`, by, floor: null, max: null, remember: null, ...more };
}

function change(object: CountedObject, ...operations: CounterOperation[]): readonly ChangeReply[] {
  return object.machine.change({ shards: 1, operations }).replies;
}

const done = (value: number): ChangeReply => ({ outcome: 'applied', value, replayed: false });

describe('the rows of a counter', () => {
  it('are one per increment, every 64th one more, and an alarm a minute', () => {
    const object = new CountedObject();
    for (let index = 0; index < 6_400; index += 1) {
      object.advance(10);
      change(object, add(1));
    }
    // 64 seconds: the alarm was set at the start and once after a minute, when it fired and wrote the row.
    expect(object.alarms).toBe(2);
    expect(object.written).toBeLessThanOrEqual(6_400 + 2 * 100 + 3);
    expect(object.machine.read().value).toBe(6_400);
  });

  it('are none for a read and for what changes nothing', () => {
    const object = new CountedObject();
    change(object, { kind: 'set', operationId: 'set', value: 3, expected: null });
    const written = object.writtenBy(() => {
      object.machine.read();
      change(object, add(-4, { floor: 0 }), add(1, { max: 3 }), add(MAX));
      change(object, { kind: 'set', operationId: 'cas', value: 9, expected: 4 });
    });
    expect(written).toBe(0);
    expect(new CountedObject().machine.read()).toEqual({ value: 0, shards: 0 });
  });

  it('are one for several operations that come together', () => {
    const object = new CountedObject();
    change(object, add(1));
    expect(object.writtenBy(() => change(object, add(1), add(2), add(3)))).toBe(1);
  });

  it('are one more with an idempotency key, and none for its replay', () => {
    const object = new CountedObject();
    change(object, add(1));
    const remember = { key: 'k', ttlMs: HOUR };
    expect(object.writtenBy(() => change(object, add(1, { remember })))).toBe(2);
    expect(object.writtenBy(() => change(object, add(1, { remember })))).toBe(0);
  });

  it('are one, without an alarm, when the journal is past its minute', () => {
    const object = new CountedObject();
    for (let index = 0; index < 200; index += 1) change(object, add(1));
    object.advance(2 * MINUTE);
    expect([...object.rows.keys()]).toEqual(['counter']);
    expect(object.alarmAt).toBeUndefined();
    object.evict();
    expect(object.machine.read().value).toBe(200);
  });

  it('are none when the value is 0 and nothing is remembered', () => {
    const object = new CountedObject();
    change(object, add(5), add(-5));
    object.advance(MINUTE - 1);
    expect(object.rows.size).toBe(1);
    object.advance(1);
    expect(object.rows.size).toBe(0);
    expect(object.alarmAt).toBeUndefined();
    // Its memory is as new.
    expect(change(object, add(2))).toEqual([done(2)]);
    expect(object.alarmAt).toBe(object.nowMs + MINUTE);
  });

  it('of expired keys are swept in batches of 500, those of others stay', () => {
    const object = new CountedObject();
    for (let index = 0; index < 1_200; index += 1) {
      const ttlMs = index % 2 === 0 ? 2 * HOUR : 30 * HOUR;
      change(object, add(1, { remember: { key: `k${String(index).padStart(4, '0')}`, ttlMs } }));
    }
    const keys = (): number => [...object.rows.keys()].filter((key) => key.startsWith('key:')).length;
    expect(object.alarmAt).toBe(object.nowMs + 2 * HOUR);
    object.advance(2 * HOUR - 1);
    expect(keys()).toBe(1_200);
    object.nowMs += 1;
    for (const left of [950, 700, 600]) {
      object.alarmAt = undefined;
      object.machine.alarm();
      expect(keys()).toBe(left);
    }
    expect(object.alarmAt).toBe(object.nowMs + 28 * HOUR);
    object.advance(30 * HOUR);
    expect(keys()).toBe(0);
    expect(object.alarmAt).toBeUndefined();
    expect(object.machine.read().value).toBe(1_200);
  });

  it('stay while a key is remembered, also when the value is 0', () => {
    const object = new CountedObject();
    const remember = { key: 'a', ttlMs: 24 * HOUR };
    change(object, add(5, { remember }), add(-5));
    object.advance(23 * HOUR);
    expect(change(object, add(5, { remember }))).toEqual([{ outcome: 'applied', value: 5, replayed: true }]);
  });

  it('leave no memory behind when they are cleared', () => {
    const object = new CountedObject();
    object.machine.change({ shards: 1, operations: [add(5), add(-5)] });
    expect(object.machine.read()).toEqual({ value: 0, shards: 1 });
    object.advance(MINUTE);
    expect(object.machine.read()).toEqual({ value: 0, shards: 0 });
    expect(object.rows.size).toBe(0);
    expect(object.writtenBy(() => change(object, { kind: 'delete', operationId: 'delete' }))).toBe(0);
  });

  it('are none once the keys of a counter of value 0 have expired', () => {
    const object = new CountedObject();
    change(object, add(5, { remember: { key: 'a', ttlMs: MINUTE } }), add(-5));
    object.advance(HOUR + 1);
    expect(object.rows.size).toBe(0);
    expect(object.alarmAt).toBeUndefined();
  });

  it('of a key that comes while expired ones are swept are kept, and swept in their turn', () => {
    const object = new CountedObject();
    for (let index = 0; index < 700; index += 1)
      change(object, add(1, { remember: { key: `k${index}`, ttlMs: HOUR } }));
    change(object, { kind: 'set', operationId: 'zero', value: 0, expected: null });
    object.nowMs += HOUR;
    object.machine.alarm();
    const late = { key: 'a', ttlMs: 5 * HOUR };
    change(object, add(1, { remember: late }), add(-1));
    object.advance(2 * HOUR);
    expect(change(object, add(1, { remember: late }))).toEqual([{ outcome: 'applied', value: 1, replayed: true }]);
    object.advance(5 * HOUR);
    expect(object.rows.size).toBe(0);
  });

  it('of a counter that was deleted are gone after a minute, with its keys', () => {
    const object = new CountedObject();
    for (let index = 0; index < 1_200; index += 1) {
      change(object, add(1, { remember: { key: `k${index}`, ttlMs: 24 * HOUR } }));
    }
    change(object, { kind: 'delete', operationId: 'delete' });
    object.advance(MINUTE);
    expect(object.rows.size).toBe(0);
    expect(object.alarmAt).toBeUndefined();
  });

  it('are written by no delete of what does not exist', () => {
    const object = new CountedObject();
    expect(object.writtenBy(() => change(object, { kind: 'delete', operationId: 'delete' }))).toBe(0);
  });

  it('of the journal are kept for a minute from each operation, whenever the alarm fires', () => {
    const object = new CountedObject();
    change(object, add(1));
    object.advance(MINUTE - 1_000);
    const late = add(1);
    change(object, late);
    object.advance(2_000);
    object.evict();
    expect(change(object, late)).toEqual([done(2)]);
    expect(object.machine.read().value).toBe(2);
    object.advance(MINUTE);
    expect(object.alarmAt).toBeUndefined();
  });

  it('get an alarm again where one was lost', () => {
    const object = new CountedObject();
    change(object, add(1));
    object.alarmAt = undefined;
    object.nowMs += 5 * MINUTE;
    change(object, add(1));
    expect(object.alarmAt).toBe(object.nowMs + MINUTE);
  });
});

describe('the keys of a counter', () => {
  const remember = { key: 'order', ttlMs: MINUTE };

  it('tell the same call, sent again, from another', () => {
    const object = new CountedObject();
    const first = add(2, { remember });
    expect(change(object, first)).toEqual([done(2)]);
    object.evict();
    expect(change(object, first)).toEqual([done(2)]);
    expect(change(object, add(2, { remember }))).toEqual([{ outcome: 'applied', value: 2, replayed: true }]);
    expect(object.machine.read().value).toBe(2);
  });

  it.each([{ by: 3 }, { by: -2 }, { floor: 0 }, { max: 9 }])('are for one change: not for %j', (other) => {
    const object = new CountedObject();
    change(object, add(2, { remember }));
    expect(change(object, add(2, { remember, ...other }))).toEqual([
      { outcome: 'conflict', value: 2, replayed: false },
    ]);
  });

  it('do not remember what was refused', () => {
    const object = new CountedObject();
    const take = (): readonly ChangeReply[] => change(object, add(-1, { remember, floor: 0 }));
    expect(take()).toEqual([{ outcome: 'refused', value: 0, replayed: false }]);
    change(object, add(1));
    expect(take()).toEqual([done(0)]);
  });

  it('are forgotten at the end of their time, not before', () => {
    const object = new CountedObject();
    change(object, add(2, { remember }));
    object.advance(MINUTE - 1);
    expect(change(object, add(2, { remember }))).toEqual([{ outcome: 'applied', value: 2, replayed: true }]);
    object.advance(1);
    expect(change(object, add(2, { remember }))).toEqual([done(4)]);
  });
});

interface Known {
  readonly asked: string;
  readonly operationId: string;
  readonly value: number;
  readonly until: number;
}

/** What a counter is, without rows, journal or alarms. */
class CounterModel {
  value = 0;
  readonly done = new Map<string, { readonly value: number; readonly at: number }>();
  keys = new Map<string, Known>();

  change(
    operation: CounterOperation,
    now: number,
    isStored: boolean,
  ): Omit<ChangeReply, 'value'> & { readonly value?: number } {
    const before = this.done.get(operation.operationId);
    if (before !== undefined) {
      return { outcome: 'applied', replayed: false, ...(operation.kind !== 'delete' && { value: before.value }) };
    }
    if (operation.kind === 'delete') {
      this.value = 0;
      this.keys = new Map();
      // What does not exist has nothing to remember it by: sent again, it is done then.
      if (isStored) this.done.set(operation.operationId, { value: 0, at: now });
      return { outcome: 'applied', replayed: false };
    }
    if (operation.kind === 'set') {
      if (operation.expected !== null && operation.expected !== this.value) return this.#unchanged('refused');
      return this.#applied(operation.operationId, operation.value, now);
    }
    return this.#add(operation, now);
  }

  #add(operation: AddOperation, now: number): ChangeReply {
    const { by, floor, max, remember, operationId } = operation;
    const asked = JSON.stringify([by, floor, max]);
    const known = remember === null ? undefined : this.keys.get(remember.key);
    if (known !== undefined && known.until > now) {
      if (known.asked !== asked) return this.#unchanged('conflict');
      return { outcome: 'applied', value: known.value, replayed: known.operationId !== operationId };
    }
    const value = this.value + by;
    if (value < (floor ?? -Infinity) || value > (max ?? Infinity)) return this.#unchanged('refused');
    if (Math.abs(value) > MAX) return this.#unchanged('out-of-bounds');
    if (remember !== null) {
      this.keys.set(remember.key, { asked, operationId, value, until: now + remember.ttlMs });
    }
    return this.#applied(remember === null ? operationId : '', value, now);
  }

  #applied(operationId: string, value: number, now: number): ChangeReply {
    this.value = value;
    if (operationId !== '') this.done.set(operationId, { value, at: now });
    return done(value);
  }

  #unchanged(outcome: ChangeReply['outcome']): ChangeReply {
    return { outcome, value: this.value, replayed: false };
  }
}

type Step =
  | { readonly kind: 'change'; readonly operations: readonly CounterOperation[] }
  | { readonly kind: 'again'; readonly which: number }
  | { readonly kind: 'evict' }
  | { readonly kind: 'advance'; readonly ms: number };

const amount = (): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: -6, max: 6 }).filter((by) => by !== 0) },
    { weight: 1, arbitrary: fc.constantFrom(MAX, -MAX, MAX - 1) },
  );

const operation = (): fc.Arbitrary<CounterOperation> =>
  fc.oneof(
    { weight: 6, arbitrary: addition() },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('set' as const),
        operationId: fc.uuid(),
        value: fc.integer({ min: -5, max: 5 }),
        expected: fc.option(fc.integer({ min: -3, max: 3 })),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), operationId: fc.uuid() }) },
  );

const addition = (): fc.Arbitrary<AddOperation> =>
  fc.record({
    kind: fc.constant('add' as const),
    operationId: fc.uuid(),
    by: amount(),
    floor: fc.option(fc.integer({ min: -4, max: 1 }), { freq: 3 }),
    max: fc.option(fc.integer({ min: 0, max: 9 }), { freq: 3 }),
    remember: fc.option(
      fc.record({ key: fc.constantFrom('a', 'b', 'c'), ttlMs: fc.constantFrom(MINUTE, HOUR, 26 * HOUR) }),
      { freq: 2 },
    ),
  });

const step = (): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('change' as const),
        operations: fc.oneof(
          { weight: 4, arbitrary: fc.array(operation(), { minLength: 1, maxLength: 3 }) },
          { weight: 1, arbitrary: fc.array(addition(), { minLength: 60, maxLength: 70 }) },
        ),
      }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('again' as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.constant<Step>({ kind: 'evict' }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('advance' as const),
        ms: fc.constantFrom(1, 1_000, 29_000, MINUTE, HOUR, 25 * HOUR),
      }),
    },
  );

describe('a counter, whatever happens to its object', () => {
  it('answers as a plain number with a list of keys does, and leaves nothing behind', () => {
    fc.assert(
      fc.property(fc.array(step(), { maxLength: 40 }), (steps) => {
        const object = new CountedObject();
        const model = new CounterModel();
        const sent: { readonly operation: CounterOperation; readonly at: number }[] = [];
        const run = (operations: readonly CounterOperation[]): void => {
          const isStored = object.rows.size > 0;
          const replies = change(object, ...operations);
          operations.forEach((asked, index) => {
            const wasStored = isStored || replies.slice(0, index).some(({ outcome }) => outcome === 'applied');
            expect(replies[index]).toMatchObject(model.change(asked, object.nowMs, wasStored));
          });
        };
        for (const taken of steps) {
          if (taken.kind === 'evict') object.evict();
          if (taken.kind === 'advance') object.advance(taken.ms);
          if (taken.kind === 'change') {
            run(taken.operations);
            sent.push(...taken.operations.map((asked) => ({ operation: asked, at: object.nowMs })));
          }
          if (taken.kind === 'again') {
            // A caller tries again for less than a minute; what was refused may be applied then, and is then known.
            const recent = sent.filter(({ at }) => object.nowMs - at < MINUTE);
            const again = recent[taken.which % Math.max(1, recent.length)];
            if (again !== undefined) run([again.operation]);
          }
          expect(object.machine.read().value).toBe(model.value);
        }
        object.advance(60 * 24 * HOUR);
        expect(object.alarmAt).toBeUndefined();
        expect(object.rows.size).toBe(model.value === 0 ? 0 : 1);
        object.evict();
        expect(object.machine.read().value).toBe(model.value);
      }),
      { numRuns: 400, seed: 5 },
    );
  });
});
