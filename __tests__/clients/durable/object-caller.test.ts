import { ObjectCaller } from '../../../src/clients/durable/object-caller.js';
import type { ObjectCallerOptions } from '../../../src/clients/durable/object-caller.js';
import { codeOf, deferred, errorOf, fc } from '../../support/kv.js';
import { settled, VirtualTime } from '../../support/virtual-time.js';

interface Api {
  greet(who: string, times: number): Promise<string>;
}

type Answer = (...args: unknown[]) => unknown;

/** A namespace whose stubs answer in turn; it remembers what was asked of it. */
class ScriptedNamespace {
  readonly ids: string[] = [];
  /** The stub of each call. */
  readonly called: object[] = [];
  readonly options: unknown[] = [];
  readonly calls: unknown[][] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  idFromName(name: string): object {
    this.ids.push(name);
    return { name };
  }

  get(_id: object, options?: unknown): object {
    this.options.push(options);
    const stub = {
      greet: async (...args: unknown[]): Promise<unknown> => {
        this.calls.push(args);
        this.called.push(stub);
        const answer = this.#answers[Math.min(this.calls.length, this.#answers.length) - 1]!;
        return answer(...args);
      },
    };
    return stub;
  }
}

const fail =
  (properties: object, message = 'Network connection lost.') =>
  (): never => {
    throw Object.assign(new Error(message), properties);
  };
const hang = (): Promise<never> => new Promise(() => undefined);

function callerOf(namespace: object, options: Partial<ObjectCallerOptions> = {}): ObjectCaller<Api> {
  const defaults = { className: 'LockObject', timeoutMs: 1_000, delay: async () => undefined, random: () => 0.5 };
  return new ObjectCaller<Api>(namespace as never, { ...defaults, ...options });
}

const NAME = 'lock:user-42:secret';

describe('a call of an object', () => {
  it('hands arguments in and the answer out', async () => {
    const namespace = new ScriptedNamespace((who, times) => `${String(who)} x ${String(times)}`);
    expect(await callerOf(namespace).call(NAME, 'greet', 'Ada', 2)).toBe('Ada x 2');
    expect(namespace.ids).toEqual([NAME]);
  });

  it('leaves no timer behind, whether it succeeds or fails', async () => {
    const time = new VirtualTime();
    const restore = time.install();
    try {
      await callerOf(new ScriptedNamespace(() => 'hello')).call(NAME, 'greet', 'Ada', 1);
      await errorOf(() => callerOf(new ScriptedNamespace(fail({}))).call(NAME, 'greet', 'Ada', 1));
      expect(time.pending).toBe(0);
    } finally {
      restore();
    }
  });

  it('names a location hint where there is one', async () => {
    const namespace = new ScriptedNamespace(() => 'hello');
    await callerOf(namespace, { locationHint: 'weur' }).call(NAME, 'greet', 'Ada', 1);
    await callerOf(namespace).call(NAME, 'greet', 'Ada', 1);
    expect(namespace.options).toEqual([{ locationHint: 'weur' }, undefined]);
  });
});

describe('a failure', () => {
  it.each([
    [{ retryable: true }],
    [{ durableObjectReset: true }],
    [{ durableObjectReset: true, retryable: true }],
    [{ retryable: true, overloaded: false }],
  ])('with %j is tried again, each time with a new stub and the same arguments', async (properties) => {
    const namespace = new ScriptedNamespace(fail(properties), fail(properties), () => 'hello');
    expect(await callerOf(namespace).call(NAME, 'greet', 'Ada', 2)).toBe('hello');
    expect(new Set(namespace.called).size).toBe(3);
    expect(namespace.calls).toEqual([
      ['Ada', 2],
      ['Ada', 2],
      ['Ada', 2],
    ]);
  });

  it('is given up after the third attempt', async () => {
    const namespace = new ScriptedNamespace(fail({ retryable: true }));
    expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
    expect(namespace.calls).toHaveLength(3);
  });

  it.each([
    [{ overloaded: true }],
    [{ overloaded: true, retryable: true }],
    [{ overloaded: true, durableObjectReset: true }],
  ])('with %j is never tried again: it would make it worse', async (properties) => {
    const namespace = new ScriptedNamespace(fail(properties));
    expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_OVERLOADED');
    expect(namespace.calls).toHaveLength(1);
  });

  it.each([[{}], [{ retryable: false }], [{ retryable: 'true' }], [{ remote: true }]])(
    'with %j is not tried again',
    async (properties) => {
      const namespace = new ScriptedNamespace(fail(properties));
      expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
      expect(namespace.calls).toHaveLength(1);
    },
  );

  it.each(['a string', undefined, null, 7])('that throws %p is coded as well', async (thrown) => {
    const namespace = new ScriptedNamespace(() => {
      throw thrown as unknown as Error;
    });
    expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
  });

  it('names the method and the object up to its prefix, and keeps the cause', async () => {
    for (const properties of [{}, { overloaded: true }]) {
      const error = await errorOf(() =>
        callerOf(new ScriptedNamespace(fail(properties))).call(NAME, 'greet', 'argument-secret', 1),
      );
      expect(error.message).toContain('lock:…');
      expect(error.message).toContain('greet');
      expect(error.message).not.toMatch(/user-42|secret/);
      expect(error.cause).toMatchObject({ message: 'Network connection lost.' });
    }
  });

  it('waits longer before the second attempt, and never less than half or more than one and a half', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0, max: 1, noNaN: true }), async (chance) => {
        const waits: number[] = [];
        const delay = async (ms: number): Promise<void> => void waits.push(ms);
        const namespace = new ScriptedNamespace(fail({ retryable: true }));
        await errorOf(() => callerOf(namespace, { delay, random: () => chance }).call(NAME, 'greet', 'Ada', 1));
        expect(waits).toHaveLength(2);
        const [first, second] = waits as [number, number];
        expect(first).toBeGreaterThanOrEqual(25);
        expect(first).toBeLessThanOrEqual(75);
        expect(second).toBeGreaterThanOrEqual(50);
        expect(second).toBeLessThanOrEqual(150);
        expect(first).toBe(50 * (0.5 + chance));
      }),
    );
  });
});

describe('an object that does not answer', () => {
  /** Runs with timers that fire when nothing else is left to do. */
  async function inVirtualTime<T>(scenario: (time: VirtualTime) => Promise<T>): Promise<T> {
    const time = new VirtualTime();
    const restore = time.install();
    try {
      const outcome = scenario(time);
      outcome.catch(() => undefined);
      await time.run();
      return await outcome;
    } finally {
      restore();
    }
  }

  it('is given up after the timeout, with an error that leaves open whether it was done', async () => {
    await inVirtualTime(async (time) => {
      const error = await errorOf(() => callerOf(new ScriptedNamespace(hang)).call(NAME, 'greet', 'Ada', 1));
      expect(error).toMatchObject({
        code: 'OBJECT_TIMEOUT',
        message: 'The object lock:… did not answer greet within 1000 ms; it may have been done.',
      });
      expect(time.elapsed()).toBe(1_000);
    });
  });

  it('has one timeout for all its attempts', async () => {
    await inVirtualTime(async (time) => {
      const namespace = new ScriptedNamespace(fail({ retryable: true }), hang);
      const caller = callerOf(namespace, { delay: time.delay });
      expect(await codeOf(() => caller.call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_TIMEOUT');
      expect(time.elapsed()).toBe(1_000);
    });
  });

  it('is not asked again when its caller has left', async () => {
    await inVirtualTime(async (time) => {
      const namespace = new ScriptedNamespace(fail({ retryable: true }));
      const caller = callerOf(namespace, { delay: () => time.delay(5_000) });
      expect(await codeOf(() => caller.call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_TIMEOUT');
      await time.delay(10_000);
      expect(namespace.calls).toHaveLength(1);
    });
  });

  it('leaves no timer behind when it is given up between two attempts', async () => {
    await inVirtualTime(async (time) => {
      const namespace = new ScriptedNamespace(fail({ retryable: true }));
      const caller = callerOf(namespace, { timeoutMs: 20, delay: undefined, random: () => 1 });
      expect(await codeOf(() => caller.call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_TIMEOUT');
      expect(time.pending).toBe(0);
    });
  });

  it('is not asked again half a minute after the first attempt: it may have forgotten it', async () => {
    await inVirtualTime(async (time) => {
      const lost = (ms: number) => async (): Promise<never> => {
        await time.delay(ms);
        return fail({ retryable: true })();
      };
      const early = new ScriptedNamespace(lost(29_900), () => 'hello');
      const options = { timeoutMs: 600_000, delay: undefined };
      expect(await callerOf(early, options).call(NAME, 'greet', 'Ada', 1)).toBe('hello');
      const late = new ScriptedNamespace(lost(30_000), () => 'hello');
      expect(await codeOf(() => callerOf(late, options).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
      expect(late.calls).toHaveLength(1);
      const between = new ScriptedNamespace(lost(29_990), () => 'hello');
      expect(await codeOf(() => callerOf(between, options).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
      expect(between.calls).toHaveLength(1);
      expect(time.pending).toBe(0);
    });
  });

  it.each([
    ['answers', (late: ReturnType<typeof deferred<string>>) => late.resolve('late')],
    ['fails', (late: ReturnType<typeof deferred<string>>) => late.reject(new Error('late'))],
    [
      'fails in a way that could be tried again',
      (late: ReturnType<typeof deferred<string>>) => late.reject(Object.assign(new Error('late'), { retryable: true })),
    ],
  ])('leaves no unhandled rejection and no second attempt when it %s too late', async (_, settle) => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    try {
      await inVirtualTime(async (time) => {
        const late = deferred<string>();
        const namespace = new ScriptedNamespace(() => late.promise);
        expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_TIMEOUT');
        settle(late);
        await time.delay(1_000);
        expect(namespace.calls).toHaveLength(1);
      });
      await settled();
      await settled();
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', listen);
    }
  });
});

describe('a binding that is wrong', () => {
  it.each([
    ['nothing', undefined],
    ['a string', 'LOCKS'],
    ['a KV namespace', { get: () => null, put: () => undefined }],
  ])('is refused at once: %s', async (_, namespace) => {
    const error = await errorOf(() => callerOf(namespace as never));
    expect(error).toMatchObject({ code: 'INVALID_BINDING' });
    expect(error.message).toContain('bind LockObject under durable_objects in wrangler.jsonc');
  });

  it.each([
    'The RPC receiver does not implement the method "greet".',
    'The receiving Durable Object does not support RPC, because its class was not declared with `extends DurableObject`.',
  ])('is told when it is called, and not called again: %s', async (message) => {
    const namespace = new ScriptedNamespace(() => {
      throw new TypeError(message);
    });
    const error = await errorOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1));
    expect(error).toMatchObject({ code: 'INVALID_BINDING' });
    expect(error.message).toContain('check that the binding names LockObject');
    expect(namespace.calls).toHaveLength(1);
  });

  it('is told when stubs have no methods, as before RPC', async () => {
    const namespace = { idFromName: (name: string) => ({ name }), get: () => ({ fetch: () => undefined }) };
    const error = await errorOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1));
    expect(error).toMatchObject({ code: 'INVALID_BINDING' });
    expect(error.message).toContain('set compatibility_date in wrangler.jsonc to 2024-04-03 or later');
  });

  it('is not what another TypeError says', async () => {
    const namespace = new ScriptedNamespace(() => {
      throw new TypeError('Cannot read properties of undefined');
    });
    expect(await codeOf(() => callerOf(namespace).call(NAME, 'greet', 'Ada', 1))).toBe('OBJECT_FAILED');
  });

  it.each([0, -1, NaN, Infinity, 2 ** 31])('does not excuse a timeout of %d', async (timeoutMs) => {
    expect(await codeOf(() => callerOf(new ScriptedNamespace(() => ''), { timeoutMs }))).toBe('INVALID_OPTION');
  });
});
