import type { MemoryObjectNamespaceOptions, ObjectCall } from '../../src/durable-objects/memory-object-namespace.js';
import { MemoryObjectNamespace } from '../../src/durable-objects/memory-object-namespace.js';
import type { ObjectHost, ObjectMachine } from '../../src/durable-objects/object-host.js';
import { ManualClock } from '../../src/testing/manual-clock.js';

/** Counts in storage and in memory, waits when it is asked to, and is emptied by its alarm. */
class Probe implements ObjectMachine {
  readonly #host: ObjectHost;
  inMemory = 0;

  constructor(host: ObjectHost) {
    this.#host = host;
  }

  add(): { stored: number; inMemory: number } {
    const stored = ((this.#host.storage.get('count') as number | undefined) ?? 0) + 1;
    this.#host.storage.put('count', stored);
    this.inMemory += 1;
    return { stored, inMemory: this.inMemory };
  }

  keep(key: string, value: unknown): void {
    this.#host.storage.put(key, value);
  }

  read(key: string): unknown {
    return this.#host.storage.get(key);
  }

  drop(key: string): boolean {
    return this.#host.storage.delete(key);
  }

  list(prefix: string): unknown[] {
    return [...this.#host.storage.list({ prefix })];
  }

  wakeAt(at: number): void {
    this.#host.setAlarm(at);
  }

  sleep(ms: number): Promise<string> {
    return new Promise((resolve) => this.#host.setTimer(() => resolve('woken'), ms));
  }

  cancelled(ms: number): Promise<string> {
    this.#host.setTimer(() => void this.add(), ms)();
    return this.sleep(ms);
  }

  fail(): never {
    throw new RangeError('of the machine');
  }

  later(ms: number): void {
    this.#host.setTimer(() => void this.add(), ms);
  }

  alarm(): void {
    if (this.#host.storage.get('broken') === true) throw new RangeError('of the alarm');
    this.#host.clear();
  }
}

type Stub = {
  [Method in keyof Probe]: Probe[Method] extends (...args: infer Args) => infer Answer
    ? (...args: Args) => Promise<Awaited<Answer>>
    : never;
};

const made = (options?: MemoryObjectNamespaceOptions): MemoryObjectNamespace =>
  new MemoryObjectNamespace((host) => new Probe(host), options);
const stubOf = (objects: MemoryObjectNamespace, name = 'a'): Stub => objects.getByName(name) as Stub;

describe('MemoryObjectNamespace', () => {
  test('has an object for each name, found by id and by name', async () => {
    const objects = made();
    await stubOf(objects).add();
    expect(await (objects.get(objects.idFromName('a')) as Stub).add()).toEqual({ stored: 2, inMemory: 2 });
    expect(await stubOf(objects, 'b').add()).toEqual({ stored: 1, inMemory: 1 });
    expect(objects.stored).toEqual(['a', 'b']);
    expect(objects.calls).toBe(3);
  });

  test('copies what goes in, what comes out and what is stored', async () => {
    const stub = stubOf(made());
    const value = { list: [1] };
    const kept = stub.keep('x', value);
    value.list.push(2);
    await kept;
    const read = (await stub.read('x')) as typeof value;
    expect(read).toEqual({ list: [1] });
    read.list.push(3);
    expect(await stub.read('x')).toEqual({ list: [1] });
    await expect(stub.keep('x', () => undefined)).rejects.toThrow('could not be cloned');
  });

  test('lists by prefix in the order of keys, and tells whether there was something to delete', async () => {
    const stub = stubOf(made());
    for (const key of ['b:2', 'a:1', 'b:10']) await stub.keep(key, key.length);
    expect(await stub.list('b:')).toEqual([
      ['b:10', 4],
      ['b:2', 3],
    ]);
    expect([await stub.drop('b:2'), await stub.drop('b:2')]).toEqual([true, false]);
  });

  test('has stubs that are no promises, and refuse a method that the machine does not have', async () => {
    const stub = stubOf(made());
    expect(await Promise.resolve(stub)).toBe(stub);
    await expect((stub as unknown as Record<string, () => Promise<void>>)['other']!()).rejects.toThrow(
      'The RPC receiver does not implement the method "other".',
    );
    await expect(stub.fail()).rejects.toThrow('of the machine');
  });

  test('lets other calls come in between', async () => {
    const stub = stubOf(made());
    const order: string[] = [];
    const calls = ['first', 'second'].map(async (name) => {
      order.push(`${name} sent`);
      await stub.add();
      order.push(`${name} done`);
    });
    await Promise.all(calls);
    expect(order).toEqual(['first sent', 'second sent', 'first done', 'second done']);
  });

  test('keeps what is stored through an eviction, and stubs work after it', async () => {
    const objects = made();
    const stub = stubOf(objects);
    await stub.add();
    objects.evict('a');
    expect(await stub.add()).toEqual({ stored: 2, inMemory: 1 });
    objects.evict();
    expect(await stub.add()).toEqual({ stored: 3, inMemory: 1 });
  });

  test('does not evict an object while a call is under way', async () => {
    const clock = new ManualClock();
    const objects = made({ now: clock.now, delay: clock.delay });
    const stub = stubOf(objects);
    await stub.add();
    const sleeping = stub.sleep(10);
    await Promise.resolve();
    objects.evict();
    expect(await stub.add()).toEqual({ stored: 2, inMemory: 2 });
    clock.advance(10);
    expect(await sleeping).toBe('woken');
  });

  test('breaks what is under way and every stub at a reset, and a new stub finds what was stored', async () => {
    const clock = new ManualClock();
    const objects = made({ now: clock.now, delay: clock.delay });
    const stub = stubOf(objects);
    const other = stubOf(objects, 'b');
    await stub.add();
    const sleeping = stub.sleep(10);
    await Promise.resolve();
    objects.reset('a');
    await expect(sleeping).rejects.toMatchObject({ durableObjectReset: true, retryable: true });
    await expect(stub.add()).rejects.toMatchObject({ durableObjectReset: true });
    expect(await stubOf(objects).add()).toEqual({ stored: 2, inMemory: 1 });
    expect(await other.add()).toEqual({ stored: 1, inMemory: 1 });
    objects.reset();
    await expect(other.add()).rejects.toMatchObject({ durableObjectReset: true });
  });

  test('fires timers, not those that were cancelled, and none of an object that was reset', async () => {
    const clock = new ManualClock();
    const objects = made({ now: clock.now, delay: clock.delay });
    const cancelled = stubOf(objects).cancelled(10);
    await Promise.resolve();
    clock.advance(10);
    expect(await cancelled).toBe('woken');
    expect(await stubOf(objects).read('count')).toBeUndefined();
    const sleeping = stubOf(objects)
      .sleep(5)
      .catch(() => 'broken');
    await Promise.resolve();
    objects.reset();
    clock.advance(5);
    expect(await sleeping).toBe('broken');
    expect(await stubOf(made()).cancelled(1)).toBe('woken');
  });

  test('runs an alarm when its time has come, before the next call or when told to', async () => {
    const clock = new ManualClock();
    const objects = made({ now: clock.now });
    await stubOf(objects).add();
    await stubOf(objects).wakeAt(clock.now() + 10);
    clock.advance(9);
    expect(await stubOf(objects).add()).toMatchObject({ stored: 2 });
    clock.advance(1);
    expect(await stubOf(objects).add()).toMatchObject({ stored: 1 });
    await stubOf(objects).wakeAt(clock.now() + 10);
    clock.advance(10);
    objects.runAlarms();
    expect(objects.stored).toEqual([]);
  });

  it('fires no timer of an object that was evicted since', async () => {
    const fire: (() => void)[] = [];
    const objects = made({ delay: () => new Promise((resolve) => fire.push(resolve)) });
    const stub = stubOf(objects);
    await stub.later(10);
    objects.evict();
    fire[0]!();
    await Promise.resolve();
    expect(await stub.read('count')).toBeUndefined();
    await stub.later(10);
    fire[1]!();
    await Promise.resolve();
    expect(await stub.read('count')).toBe(1);
  });

  it('runs an alarm that throws again after two seconds, and fails no call for it', async () => {
    const clock = new ManualClock(0);
    const objects = made({ now: clock.now });
    const stub = stubOf(objects);
    await stub.keep('broken', true);
    await stub.wakeAt(1_000);
    clock.advance(1_000);
    expect(() => objects.runAlarms()).toThrow(RangeError);
    clock.advance(1_999);
    expect(() => objects.runAlarms()).not.toThrow();
    clock.advance(1);
    expect(await stub.read('broken')).toBe(true);
    await stub.keep('broken', false);
    clock.advance(2_000);
    objects.runAlarms();
    expect(objects.stored).toEqual([]);
  });

  describe('makes a call go wrong', () => {
    test.each([
      ['unavailable', { retryable: true }, 1],
      ['overloaded', { overloaded: true }, 1],
      ['failed', { message: 'internal error; reference = memory' }, 1],
      ['reset', { durableObjectReset: true }, 1],
      ['lost-reply', { retryable: true }, 2],
      ['reset-after', { durableObjectReset: true }, 2],
    ] as const)('as %s', async (fault, error, stored) => {
      const objects = made();
      objects.failNext(fault);
      await expect(stubOf(objects).add()).rejects.toMatchObject(error);
      const wasReset = fault === 'reset' || fault === 'reset-after';
      const inMemory = wasReset ? 1 : stored;
      expect(await stubOf(objects).add()).toEqual({ stored, inMemory });
    });

    test('as hang: no answer, and nothing is done', async () => {
      const objects = made();
      objects.failNext('hang');
      const hanging = stubOf(objects).add();
      expect(
        await Promise.race([
          hanging,
          stubOf(objects)
            .read('count')
            .then(() => 'nothing'),
        ]),
      ).toBe('nothing');
      expect(await stubOf(objects).add()).toMatchObject({ stored: 1 });
    });

    test('as often as it was told to, and then as the option says', async () => {
      const calls: ObjectCall[] = [];
      const objects = made({
        faults: (call) => {
          calls.push(call);
          return call.method === 'add' && call.index === 2 ? 'failed' : undefined;
        },
      });
      objects.failNext('unavailable', 2);
      await expect(stubOf(objects).add()).rejects.toMatchObject({ retryable: true });
      await expect(stubOf(objects).add()).rejects.toMatchObject({ retryable: true });
      await expect(stubOf(objects).add()).rejects.toThrow('internal error');
      await stubOf(objects, 'b').add();
      expect(calls).toEqual([
        { name: 'a', method: 'add', index: 2 },
        { name: 'b', method: 'add', index: 3 },
      ]);
    });
  });
});
