import type { AcquireLockOptions } from '../../src/clients/durable/lock-options.js';
import type { Locks } from '../../src/decorators/locked.js';

/** Locks that run one work after the other under each name, and record what they were asked. */
export class FakeLocks implements Locks {
  readonly calls: { name: string; options: AcquireLockOptions }[] = [];
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(name: string, options: AcquireLockOptions, work: (lock: never) => T | Promise<T>): Promise<T> {
    this.calls.push({ name, options });
    const before = this.#tails.get(name) ?? Promise.resolve();
    const turn = before.catch(() => undefined).then(() => work(undefined as never));
    this.#tails.set(name, turn);
    return turn;
  }
}
