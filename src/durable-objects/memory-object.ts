import type { MemoryObjectNamespaceOptions, ObjectFault } from './memory-object-namespace.js';
import type { ObjectHost, ObjectMachine, ObjectStorage } from './object-host.js';

type Machine = ObjectMachine & Record<string, unknown>;

/** One object in memory. */
export class MemoryObject {
  readonly #makeMachine: (host: ObjectHost) => ObjectMachine;
  readonly #options: MemoryObjectNamespaceOptions;
  readonly #rows = new Map<string, unknown>();
  #alarmAt: number | undefined;
  #machine: Machine | undefined;
  /** Counts resets: a stub of before one is broken. */
  generation = 0;
  #breakers = new Set<(error: Error) => void>();

  constructor(makeMachine: (host: ObjectHost) => ObjectMachine, options: MemoryObjectNamespaceOptions) {
    this.#makeMachine = makeMachine;
    this.#options = options;
  }

  /** Whether it stores anything, or waits for an alarm. */
  get isStored(): boolean {
    return this.#rows.size > 0 || this.#alarmAt !== undefined;
  }

  /** Calls a method as a stub of `generation` does. */
  async call(
    method: string,
    args: unknown[],
    { generation, fault }: { readonly generation: number; readonly fault: ObjectFault | undefined },
  ): Promise<unknown> {
    const given = structuredClone(args);
    // A call takes time: others come in between.
    await Promise.resolve();
    if (generation !== this.generation) throw resetError();
    if (fault === 'hang') return new Promise<never>(() => undefined);
    if (fault === 'reset') this.reset();
    if (fault !== undefined && fault !== 'lost-reply' && fault !== 'reset-after') throw faultError(fault);
    const answer = await this.#run(method, given);
    if (fault === 'reset-after') this.reset();
    if (fault !== undefined) throw faultError(fault);
    return structuredClone(answer);
  }

  /** Drops the memory, not while a call is under way. */
  evict(): void {
    if (this.#breakers.size === 0) this.#machine = undefined;
  }

  /** Drops the memory and breaks what is under way and every stub. */
  reset(): void {
    this.#machine = undefined;
    this.generation += 1;
    const breakers = [...this.#breakers];
    this.#breakers.clear();
    for (const breakCall of breakers) breakCall(resetError());
  }

  /** Runs the alarm if its time has come. */
  runAlarm(): void {
    if (this.#alarmAt === undefined || this.#alarmAt > this.#now()) return;
    this.#alarmAt = undefined;
    this.#live().alarm();
  }

  async #run(method: string, args: unknown[]): Promise<unknown> {
    this.runAlarm();
    const machine = this.#live();
    const call = machine[method];
    if (typeof call !== 'function') {
      throw new TypeError(`The RPC receiver does not implement the method "${method}".`);
    }
    let breaker: (error: Error) => void = () => undefined;
    const broken = new Promise<never>((_, reject) => (breaker = reject));
    this.#breakers.add(breaker);
    try {
      return await Promise.race([call.apply(machine, args) as unknown, broken]);
    } finally {
      this.#breakers.delete(breaker);
    }
  }

  #live(): Machine {
    this.#machine ??= this.#makeMachine(this.#host()) as Machine;
    return this.#machine;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  #host(): ObjectHost {
    const { generation } = this;
    const isGone = (): boolean => generation !== this.generation;
    return {
      storage: storageOver(this.#rows),
      now: () => this.#now(),
      setAlarm: (at) => {
        this.#alarmAt = at;
      },
      clear: () => {
        this.#rows.clear();
        this.#alarmAt = undefined;
      },
      setTimer: (fire, ms) => this.#setTimer(() => isGone() || fire(), ms),
    };
  }

  #setTimer(fire: () => void, ms: number): () => void {
    const { delay } = this.#options;
    if (delay === undefined) {
      const timer = setTimeout(fire, ms);
      return () => clearTimeout(timer);
    }
    let isCancelled = false;
    void delay(ms).then(() => isCancelled || fire());
    return () => {
      isCancelled = true;
    };
  }
}

function storageOver(rows: Map<string, unknown>): ObjectStorage {
  return {
    get: (key) => structuredClone(rows.get(key)),
    put: (key, value) => void rows.set(key, structuredClone(value)),
    delete: (key) => rows.delete(key),
    list: ({ prefix, startAfter = '', limit }) =>
      [...rows]
        .filter(([key]) => key.startsWith(prefix) && key > startAfter)
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .slice(0, limit)
        .map(([key, value]): [string, unknown] => [key, structuredClone(value)]),
  };
}

function faultError(fault: Exclude<ObjectFault, 'hang'>): Error {
  if (fault === 'overloaded') {
    return Object.assign(new Error('Durable Object is overloaded. Too many requests queued.'), { overloaded: true });
  }
  if (fault === 'failed') return new Error('internal error; reference = memory');
  if (fault === 'reset' || fault === 'reset-after') return resetError();
  return Object.assign(new Error('Network connection lost.'), { retryable: true });
}

function resetError(): Error {
  const error = new Error('Durable Object reset because its code was updated.');
  return Object.assign(error, { durableObjectReset: true, retryable: true });
}
