import type { DurableStorageLike } from '../../src/durable-objects/durable-object-host.js';
import { hostOf } from '../../src/durable-objects/durable-object-host.js';
import { CountingHost } from '../support/counting-host.js';
import { VirtualTime } from '../support/virtual-time.js';

function storage(): DurableStorageLike & { readonly calls: unknown[] } {
  const calls: unknown[] = [];
  const log =
    (name: string) =>
    (...args: unknown[]): Promise<void> => {
      calls.push([name, ...args]);
      return Promise.resolve();
    };
  return {
    calls,
    kv: new CountingHost().storage,
    sql: { exec: () => undefined },
    setAlarm: log('setAlarm'),
    deleteAlarm: log('deleteAlarm'),
    deleteAll: log('deleteAll'),
  };
}

describe('hostOf', () => {
  test('refuses a class that is not SQLite-backed, and says how to declare it', () => {
    const cause = new Error('SQL is not enabled for this Durable Object class.');
    const legacy = {
      ...storage(),
      sql: {
        exec: () => {
          throw cause;
        },
      },
    };
    const make = (): unknown => hostOf(legacy, 'LockObject');
    expect(make).toThrow('declare LockObject under "new_sqlite_classes", not "new_classes"');
    expect(make).toThrow(expect.objectContaining({ cause }) as Error);
  });

  test('deletes the alarm as well as all that is stored, which an older compatibility date leaves', () => {
    const given = storage();
    hostOf(given, 'LockObject').clear();
    expect(given.calls).toEqual([['deleteAlarm'], ['deleteAll']]);
  });

  test('sets the alarm, and tells the time of the runtime', () => {
    const given = storage();
    const host = hostOf(given, 'LockObject');
    host.setAlarm(5);
    expect(given.calls).toEqual([['setAlarm', 5]]);
    expect(Math.abs(host.now() - Date.now())).toBeLessThan(1000);
    expect(host.storage).toBe(given.kv);
  });

  test('fires a timer, unless it was cancelled', async () => {
    const time = new VirtualTime();
    const restore = time.install();
    const fired: string[] = [];
    const host = hostOf(storage(), 'LockObject');
    host.setTimer(() => fired.push('kept'), 20);
    host.setTimer(() => fired.push('cancelled'), 10)();
    await time.run();
    restore();
    expect(fired).toEqual(['kept']);
  });
});
