import { startTimer } from '../internal/start-timer.js';
import type { MemoryObjectNamespaceOptions, ObjectFault } from './memory-object-namespace.js';
import type { ObjectHost, ObjectMachine, ObjectStorage } from './object-host.js';

// https://developers.cloudflare.com/durable-objects/api/alarms/
const ALARM_RETRY_MS = 2_000;

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
  /** Counts machines: the timers of one that was dropped do not fire. */
  #life = 0;
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
    if (this.#breakers.size === 0) this.#drop();
  }

  /** Drops the memory and breaks what is under way and every stub. */
  reset(): void {
    this.#drop();
    this.generation += 1;
    const breakers = [...this.#breakers];
    this.#breakers.clear();
    for (const breakCall of breakers) breakCall(resetError());
  }

  /** Runs the alarm if its time has come. */
  runAlarm(): void {
    if (this.#alarmAt === undefined || this.#alarmAt > this.#now()) return;
    this.#alarmAt = undefined;
    try {
      this.#live().alarm();
    } catch (error) {
      // The platform tries again after 2 seconds, unless another time was asked for meanwhile.
      this.#alarmAt ??= this.#now() + ALARM_RETRY_MS;
      throw error;
    }
  }

  #drop(): void {
    this.#machine = undefined;
    this.#life += 1;
  }

  async #run(method: string, args: unknown[]): Promise<unknown> {
    this.#runDueAlarm();
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

  /** What an alarm throws is no call's business. */
  #runDueAlarm(): void {
    try {
      this.runAlarm();
    } catch {
      // Tried again.
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
    const life = this.#life;
    const isGone = (): boolean => life !== this.#life;
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
      setTimer: (fire, ms) => startTimer(() => isGone() || fire(), ms, this.#options.delay),
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
