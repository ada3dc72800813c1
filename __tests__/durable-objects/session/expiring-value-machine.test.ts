import type { ExpiringValueApi } from '../../../src/durable-objects/session/expiring-value-api.js';
import { SessionMachine } from '../../../src/durable-objects/session/session-machine.js';
import type { MemoryObjectNamespaceOptions } from '../../../src/testing.js';
import { ManualClock, MemoryObjectNamespace } from '../../../src/testing.js';
import { fc } from '../../support/kv.js';

type Stub = {
  [Method in keyof ExpiringValueApi]: (
    ...args: Parameters<ExpiringValueApi[Method]>
  ) => Promise<ReturnType<ExpiringValueApi[Method]>>;
};

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

function setUp(options: MemoryObjectNamespaceOptions = {}) {
  const clock = new ManualClock();
  const objects = new MemoryObjectNamespace((host) => new SessionMachine(host), { now: clock.now, ...options });
  let ids = 0;
  return {
    clock,
    objects,
    /** A new stub for each call, as an `ObjectCaller` has it. */
    stub: () => objects.getByName('value:x') as Stub,
    id: () => `operation ${(ids += 1)}`,
  };
}

describe('ExpiringValueMachine', () => {
  test('answers null before anything is stored, and stores nothing for having been asked', async () => {
    const { objects, stub, id } = setUp();
    expect(await stub().getValue()).toEqual({ text: null });
    expect(await stub().takeValue({ operationId: id() })).toEqual({ text: null });
    expect(await stub().deleteValue({ operationId: id(), sealMs: 0 })).toEqual({ isDeleted: true });
    expect(objects.stored).toEqual([]);
  });

  test('keeps a text until its time is over, to the millisecond', async () => {
    const { clock, stub, id } = setUp();
    await stub().setValue({ operationId: id(), text: 'one', ttlMs: 10_000 });
    clock.advance(9_999);
    expect(await stub().getValue()).toEqual({ text: 'one' });
    clock.advance(1);
    expect(await stub().getValue()).toEqual({ text: null });
    expect(await stub().takeValue({ operationId: id() })).toEqual({ text: null });
  });

  test('replaces text and time together, and keeps what has no time', async () => {
    const { clock, stub, id } = setUp();
    await stub().setValue({ operationId: id(), text: 'one', ttlMs: 1000 });
    await stub().setValue({ operationId: id(), text: 'two', ttlMs: null });
    clock.advance(1000 * HOUR_MS);
    expect(await stub().getValue()).toEqual({ text: 'two' });
    await stub().setValue({ operationId: id(), text: '', ttlMs: 1000 });
    expect(await stub().getValue()).toEqual({ text: '' });
  });

  test('says that a text is too long, and keeps the one before', async () => {
    const { stub, id } = setUp();
    await stub().setValue({ operationId: id(), text: 'a'.repeat(500_000), ttlMs: null });
    const longer = { operationId: id(), text: 'b'.repeat(500_001), ttlMs: null };
    expect(await stub().setValue(longer)).toEqual({ outcome: 'too-long' });
    expect((await stub().getValue()).text?.[0]).toBe('a');
  });

  test('gives a text to one of 50 takers', async () => {
    const { stub, id } = setUp();
    await stub().setValue({ operationId: id(), text: 'once', ttlMs: MINUTE_MS });
    const takes = await Promise.all(Array.from({ length: 50 }, () => stub().takeValue({ operationId: id() })));
    expect(takes.filter(({ text }) => text !== null)).toEqual([{ text: 'once' }]);
    expect(await stub().getValue()).toEqual({ text: null });
  });

  test('gives a taken text again to who took it, also after a reset, another text and another take', async () => {
    const { clock, objects, stub, id } = setUp();
    await stub().setValue({ operationId: id(), text: 'one', ttlMs: MINUTE_MS });
    expect(await stub().takeValue({ operationId: 'first' })).toEqual({ text: 'one' });
    objects.reset();
    await stub().setValue({ operationId: id(), text: 'two', ttlMs: MINUTE_MS });
    expect(await stub().takeValue({ operationId: 'first' })).toEqual({ text: 'one' });
    clock.advance(59_999);
    expect(await stub().takeValue({ operationId: 'second' })).toEqual({ text: 'two' });
    expect(await stub().takeValue({ operationId: 'first' })).toEqual({ text: 'one' });
    expect(await stub().takeValue({ operationId: 'second' })).toEqual({ text: 'two' });
  });

  test('counts 50 increments at once as 50, from 1 on', async () => {
    const { stub, id } = setUp();
    const increment = () => stub().incrementValue({ operationId: id(), ttlMs: 10_000 });
    const counts = await Promise.all(Array.from({ length: 50 }, increment));
    expect(counts.map(({ count }) => count)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    expect(await stub().getValue()).toEqual({ text: '50' });
  });

  test('lets a counter end when its first increment said, whatever the later ones say', async () => {
    const { clock, stub, id } = setUp();
    await stub().incrementValue({ operationId: id(), ttlMs: 10_000 });
    clock.advance(9_999);
    expect(await stub().incrementValue({ operationId: id(), ttlMs: 50_000 })).toEqual({ count: 2 });
    clock.advance(1);
    expect(await stub().incrementValue({ operationId: id(), ttlMs: 10_000 })).toEqual({ count: 1 });
    clock.advance(9_999);
    expect(await stub().incrementValue({ operationId: id(), ttlMs: 10_000 })).toEqual({ count: 2 });
  });

  test('counts on from a text of digits, and says null for what is no count or as high as counts go', async () => {
    const { stub, id } = setUp();
    const after = async (text: string): Promise<number | null> => {
      await stub().setValue({ operationId: id(), text, ttlMs: null });
      return (await stub().incrementValue({ operationId: id(), ttlMs: 1000 })).count;
    };
    expect([await after('41'), await after('0'), await after('9007199254740990')]).toEqual([42, 1, 9007199254740991]);
    for (const text of ['', 'x', '-1', '01', '1.5', '1e3', ' 1', '9007199254740991', '99999999999999999999']) {
      expect([text, await after(text)]).toEqual([text, null]);
      expect(await stub().getValue()).toEqual({ text });
    }
  });

  test('does nothing twice that is asked for twice with one id, also after a reset', async () => {
    const { objects, stub } = setUp();
    const set = (text: string) => stub().setValue({ operationId: 'set', text, ttlMs: null });
    await set('1');
    const increment = () => stub().incrementValue({ operationId: 'increment', ttlMs: 1000 });
    expect([await increment(), await increment()]).toEqual([{ count: 2 }, { count: 2 }]);
    objects.reset();
    expect(await increment()).toEqual({ count: 2 });
    await set('1');
    expect(await stub().getValue()).toEqual({ text: '2' });
    await stub().deleteValue({ operationId: 'delete', sealMs: 0 });
    await stub().setValue({ operationId: 'again', text: 'new', ttlMs: null });
    await stub().deleteValue({ operationId: 'delete', sealMs: 0 });
    expect(await stub().getValue()).toEqual({ text: 'new' });
  });

  test('remembers 500 increments of a minute', async () => {
    const { clock, objects, stub } = setUp();
    const increment = (index: number) => stub().incrementValue({ operationId: `${index}`, ttlMs: HOUR_MS });
    for (let index = 1; index <= 500; index += 1) {
      await increment(index);
      clock.advance(100);
    }
    objects.reset();
    for (let index = 1; index <= 500; index += 1) expect(await increment(index)).toEqual({ count: index });
  });

  test('stores nothing for as long as it was sealed, also after a reset, and is clean after that', async () => {
    const { clock, objects, stub, id } = setUp();
    const set = () => stub().setValue({ operationId: id(), text: 'back', ttlMs: 24 * HOUR_MS });
    await stub().deleteValue({ operationId: id(), sealMs: HOUR_MS });
    expect(await set()).toEqual({ outcome: 'stored' });
    await stub().deleteValue({ operationId: id(), sealMs: 10 * MINUTE_MS });
    clock.advance(10 * MINUTE_MS - 1);
    objects.runAlarms();
    objects.reset();
    expect(await set()).toEqual({ outcome: 'sealed' });
    expect(await stub().getValue()).toEqual({ text: null });
    clock.advance(1);
    expect(await set()).toEqual({ outcome: 'stored' });
    expect(await stub().getValue()).toEqual({ text: 'back' });
    await stub().deleteValue({ operationId: id(), sealMs: 10 * MINUTE_MS });
    clock.advance(10 * MINUTE_MS);
    objects.runAlarms();
    expect(objects.stored).toEqual([]);
  });

  describe('cleaning', () => {
    test('leaves nothing stored once the time is over and the last change is forgotten', async () => {
      const { clock, objects, stub, id } = setUp();
      await stub().setValue({ operationId: id(), text: 'one', ttlMs: 10_000 });
      clock.advance(59_999);
      objects.runAlarms();
      expect(objects.stored).toEqual(['value:x']);
      clock.advance(1);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
      await stub().setValue({ operationId: id(), text: 'two', ttlMs: 10_000 });
      expect(await stub().getValue()).toEqual({ text: 'two' });
      clock.advance(60_000);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
    });

    test('leaves a memory as new: an id from before is a new one', async () => {
      const { clock, objects, stub } = setUp();
      const set = () => stub().setValue({ operationId: 'same', text: 'one', ttlMs: MINUTE_MS });
      await set();
      clock.advance(MINUTE_MS);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
      await set();
      expect(await stub().getValue()).toEqual({ text: 'one' });
    });

    test('comes a minute after a delete or a take, however long the text could have lived', async () => {
      for (const end of ['deleteValue', 'takeValue'] as const) {
        const { clock, objects, stub, id } = setUp();
        await stub().setValue({ operationId: id(), text: 'one', ttlMs: 24 * HOUR_MS });
        await stub()[end]({ operationId: id(), sealMs: 0 });
        clock.advance(MINUTE_MS);
        objects.runAlarms();
        expect(objects.stored).toEqual([]);
      }
    });

    test('forgets what was taken, though the key goes on being used', async () => {
      const clock = new ManualClock();
      const rows: number[] = [];
      const objects = new MemoryObjectNamespace(
        (host) => {
          rows.push([...host.storage.list({ prefix: 'taken:' })].length);
          return new SessionMachine(host);
        },
        { now: clock.now },
      );
      const stub = () => objects.getByName('value:x') as Stub;
      for (let index = 0; index < 20; index += 1) {
        await stub().setValue({ operationId: `set ${index}`, text: 'x', ttlMs: 24 * HOUR_MS });
        await stub().takeValue({ operationId: `take ${index}` });
        clock.advance(30_000);
        objects.evict();
      }
      expect(Math.max(...rows)).toBeLessThanOrEqual(3);
    });

    test('never ends a text that was prolonged, nor one without a time', async () => {
      const { clock, objects, stub, id } = setUp();
      await stub().setValue({ operationId: id(), text: 'one', ttlMs: MINUTE_MS });
      await stub().setValue({ operationId: id(), text: 'two', ttlMs: 3 * MINUTE_MS });
      clock.advance(MINUTE_MS);
      objects.runAlarms();
      objects.evict();
      clock.advance(MINUTE_MS);
      expect(await stub().getValue()).toEqual({ text: 'two' });
      await stub().setValue({ operationId: id(), text: 'three', ttlMs: null });
      clock.advance(HOUR_MS);
      objects.runAlarms();
      clock.advance(1000 * HOUR_MS);
      objects.runAlarms();
      objects.evict();
      expect(await stub().getValue()).toEqual({ text: 'three' });
      await stub().deleteValue({ operationId: id(), sealMs: 0 });
      clock.advance(MINUTE_MS);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
    });

    test('asks for one alarm for many increments', async () => {
      const clock = new ManualClock();
      const alarms: number[] = [];
      const objects = new MemoryObjectNamespace(
        (host) => {
          const setAlarm = (at: number): void => {
            alarms.push(at);
            host.setAlarm(at);
          };
          return new SessionMachine({ ...host, setAlarm });
        },
        { now: clock.now },
      );
      for (let index = 0; index < 100; index += 1) {
        await (objects.getByName('value:x') as Stub).incrementValue({ operationId: `${index}`, ttlMs: 10_000 });
        clock.advance(10);
      }
      expect(alarms).toHaveLength(1);
    });
  });

  test('is one register to callers whose replies are lost, whatever is asked, lost, evicted and reset', async () => {
    const operation = fc.record({
      act: fc.constantFrom('set', 'short', 'delete', 'take', 'increment', 'get'),
      fault: fc.constantFrom(undefined, undefined, 'lost-reply', 'reset-after', 'reset', 'unavailable'),
      before: fc.constantFrom('nothing', 'evict', 'wait', 'alarm'),
      waitMs: fc.integer({ min: 0, max: 40_000 }),
    });
    const property = fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 60 }), async (operations) => {
      const { clock, objects, stub, id } = setUp();
      let text: string | null = null;
      let expiresAt = Infinity;
      for (const { act, fault, before, waitMs } of operations) {
        if (before === 'evict') objects.evict();
        if (before === 'wait') clock.advance(waitMs);
        if (before === 'alarm') objects.runAlarms();
        if (expiresAt <= clock.now()) text = null;
        if (fault !== undefined) objects.failNext(fault);
        const operationId = id();
        const attempt = <T>(send: () => Promise<T>): Promise<T> => send().catch(send);
        if (act === 'get') expect(await attempt(() => stub().getValue())).toEqual({ text });
        if (act === 'take') {
          expect(await attempt(() => stub().takeValue({ operationId }))).toEqual({ text });
          text = null;
        }
        if (act === 'delete') {
          await attempt(() => stub().deleteValue({ operationId, sealMs: 0 }));
          text = null;
        }
        if (act === 'set' || act === 'short') {
          const ttlMs = act === 'short' ? 5_000 : 90_000;
          await attempt(() => stub().setValue({ operationId, text: '7', ttlMs }));
          text = '7';
          expiresAt = clock.now() + ttlMs;
        }
        if (act === 'increment') {
          const count: number = text === null ? 1 : Number(text) + 1;
          if (text === null) expiresAt = clock.now() + 30_000;
          expect(await attempt(() => stub().incrementValue({ operationId, ttlMs: 30_000 }))).toEqual({ count });
          text = String(count);
        }
      }
      clock.advance(24 * HOUR_MS);
      objects.runAlarms();
      expect(objects.stored).toEqual([]);
    });
    await fc.assert(property, { numRuns: 500, seed: 5 });
  });

  test("shares its class with the revocations of users, and neither clears what is the other's", async () => {
    const { clock, objects, stub, id } = setUp();
    const user = () => objects.getByName('user:x') as unknown as { endAll(request: object): Promise<object> };
    await user().endAll({ at: clock.now(), keepMs: 10 * MINUTE_MS });
    await stub().setValue({ operationId: id(), text: 'one', ttlMs: 10 * MINUTE_MS });
    clock.advance(5 * MINUTE_MS);
    objects.runAlarms();
    expect(objects.stored).toEqual(['user:x', 'value:x']);
    clock.advance(5 * MINUTE_MS);
    objects.runAlarms();
    expect(objects.stored).toEqual([]);
  });
});
