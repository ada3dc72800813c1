import type { ObjectHost } from '../../src/durable-objects/object-host.js';

/** A host whose clock and alarm are in the hands of the test, and which counts what is written. */
export class ManualHost implements ObjectHost {
  readonly rows = new Map<string, unknown>();
  time = Date.UTC(2026, 0, 1);
  alarmAt: number | undefined;
  readonly counts = { put: 0, setAlarm: 0, clear: 0 };
  #timers: { readonly at: number; readonly fire: () => void }[] = [];

  readonly storage: ObjectHost['storage'] = {
    get: (key) => structuredClone(this.rows.get(key)),
    put: (key, value) => {
      this.counts.put += 1;
      this.rows.set(key, structuredClone(value));
    },
    delete: (key) => this.rows.delete(key),
    list: ({ prefix }) => [...this.rows].filter(([key]) => key.startsWith(prefix)),
  };

  now(): number {
    return this.time;
  }

  setAlarm(at: number): void {
    this.counts.setAlarm += 1;
    this.alarmAt = at;
  }

  clear(): void {
    this.counts.clear += 1;
    this.rows.clear();
    this.alarmAt = undefined;
  }

  setTimer(fire: () => void, ms: number): () => void {
    const timer = { at: this.time + ms, fire };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Moves the clock on and runs the timers that are due; answers whether the alarm is. */
  advance(ms: number): boolean {
    this.time += ms;
    const due = this.#timers.filter(({ at }) => at <= this.time);
    this.#timers = this.#timers.filter(({ at }) => at > this.time);
    due.forEach(({ fire }) => fire());
    return this.alarmAt !== undefined && this.alarmAt <= this.time;
  }
}
