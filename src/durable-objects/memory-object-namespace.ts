import { MemoryObject } from './memory-object.js';
import type { ObjectHost, ObjectMachine } from './object-host.js';

/**
 * What goes wrong with a call, as on the platform.
 *
 * - `unavailable`: the call does not arrive (`retryable`).
 * - `lost-reply`: it is done, what it wrote is stored, and the answer is lost (`retryable`).
 * - `reset`: it does not arrive, and the object loses its memory and whatever is under way in it (`durableObjectReset`).
 * - `reset-after`: as `lost-reply`, and the object is reset.
 * - `overloaded`: the object has too much to do; not to be tried again at once (`overloaded`).
 * - `failed`: the object threw something that trying again does not mend.
 * - `hang`: no answer ever comes; it is not done.
 */
export type ObjectFault = 'unavailable' | 'lost-reply' | 'reset' | 'reset-after' | 'overloaded' | 'failed' | 'hang';

/** A call of an object, for what decides about faults. */
export interface ObjectCall {
  /** The object's name. */
  readonly name: string;
  readonly method: string;
  /** How many calls there were before it, over all objects. */
  readonly index: number;
}

/** Options of `MemoryObjectNamespace`. */
export interface MemoryObjectNamespaceOptions {
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: (() => number) | undefined;
  /**
   * Waits for so many milliseconds: what timers inside objects are made of.
   *
   * @default a timer
   */
  readonly delay?: ((ms: number) => Promise<void>) | undefined;
  /** Says what goes wrong with a call, if anything does. Asked after `failNext`. */
  readonly faults?: ((call: ObjectCall) => ObjectFault | undefined) | undefined;
}

type MakeMachine = (host: ObjectHost) => ObjectMachine;

/**
 * Durable Objects in memory: the state machines of the real ones behind stubs that behave as the platform's do. Calls copy what goes in and
 * out, an object keeps its storage and loses its memory when it is evicted or reset, the stub of an object that was reset fails for ever, and
 * calls can be made to fail. Alarms are run when their time has come and the object is next called, or by `runAlarms`.
 */
export class MemoryObjectNamespace {
  readonly #makeMachine: MakeMachine;
  readonly #options: MemoryObjectNamespaceOptions;
  readonly #objects = new Map<string, MemoryObject>();
  readonly #nextFaults: ObjectFault[] = [];
  #calls = 0;

  constructor(makeMachine: MakeMachine, options: MemoryObjectNamespaceOptions = {}) {
    this.#makeMachine = makeMachine;
    this.#options = options;
  }

  /** The id of the object called `name`. */
  idFromName(name: string): { readonly name: string } {
    return { name };
  }

  /** A stub of an object: its methods answer with promises. */
  get(id: { readonly name: string }): object {
    return this.getByName(id.name);
  }

  /** As `get(idFromName(name))`. */
  getByName(name: string): object {
    const object = this.#object(name);
    const { generation } = object;
    return new Proxy(
      {},
      {
        get: (_, method) => {
          // What is awaited is asked for `then`: a stub is no promise.
          if (typeof method === 'symbol' || method === 'then') return undefined;
          return (...args: unknown[]) => object.call(method, args, { generation, fault: this.#fault(name, method) });
        },
      },
    );
  }

  /** How many calls there were, over all objects. */
  get calls(): number {
    return this.#calls;
  }

  /** The names of the objects that have something stored. */
  get stored(): string[] {
    return [...this.#objects].filter(([, object]) => object.isStored).map(([name]) => name);
  }

  /** Makes the next call, or the next `count`, go wrong. */
  failNext(fault: ObjectFault, count = 1): void {
    for (let index = 0; index < count; index += 1) this.#nextFaults.push(fault);
  }

  /** Drops the memory of an object, or of all, as when it has been idle: what is stored stays, and stubs work. */
  evict(name?: string): void {
    this.#each(name, (object) => object.evict());
  }

  /** Resets an object, or all: memory and calls under way are lost, stubs of before fail for ever. */
  reset(name?: string): void {
    this.#each(name, (object) => object.reset());
  }

  /** Runs the alarms whose time has come. One that throws is due again after two seconds, as on the platform, and its error is thrown here. */
  runAlarms(): void {
    for (const object of this.#objects.values()) object.runAlarm();
  }

  #fault(name: string, method: string): ObjectFault | undefined {
    const index = this.#calls;
    this.#calls += 1;
    return this.#nextFaults.shift() ?? this.#options.faults?.({ name, method, index });
  }

  #each(name: string | undefined, act: (object: MemoryObject) => void): void {
    if (name === undefined) this.#objects.forEach(act);
    else act(this.#object(name));
  }

  #object(name: string): MemoryObject {
    let object = this.#objects.get(name);
    if (object === undefined) this.#objects.set(name, (object = new MemoryObject(this.#makeMachine, this.#options)));
    return object;
  }
}
