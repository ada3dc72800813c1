import type { ObjectHost, ObjectStorage } from '../../src/durable-objects/object-host.js';

/** An object's host in memory that counts what would be billed, and can be copied with all that is stored. */
export class CountingHost implements ObjectHost {
  readonly rows: Map<string, unknown>;
  alarmAt: number | undefined;
  nowMs: number;
  puts = 0;
  deletes = 0;
  alarms = 0;
  clears = 0;
  /** Thrown by the next put. */
  failure: Error | undefined;

  constructor(nowMs = Date.UTC(2026, 0, 1), rows = new Map<string, unknown>()) {
    this.nowMs = nowMs;
    this.rows = rows;
  }

  readonly storage: ObjectStorage = {
    get: (key) => structuredClone(this.rows.get(key)),
    put: (key, value) => {
      const { failure } = this;
      this.failure = undefined;
      if (failure !== undefined) throw failure;
      this.puts += 1;
      this.rows.set(key, structuredClone(value));
    },
    delete: (key) => {
      this.deletes += 1;
      return this.rows.delete(key);
    },
    list: ({ prefix }) =>
      [...this.rows]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([key, value]): [string, unknown] => [key, structuredClone(value)]),
  };

  now(): number {
    return this.nowMs;
  }

  setAlarm(at: number): void {
    this.alarms += 1;
    this.alarmAt = at;
  }

  clear(): void {
    this.clears += 1;
    this.rows.clear();
    this.alarmAt = undefined;
  }

  setTimer(): () => void {
    throw new Error('no machine of this test sets timers');
  }

  /** The same object in another world, at another time. */
  fork(nowMs: number): CountingHost {
    const fork = new CountingHost(nowMs, new Map(this.rows));
    fork.alarmAt = this.alarmAt;
    return fork;
  }
}
