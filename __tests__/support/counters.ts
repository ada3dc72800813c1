import { CounterClient } from '../../src/clients/durable/counter-client.js';
import type { CounterClientOptions } from '../../src/clients/durable/counter-types.js';
import { CounterMachine } from '../../src/durable-objects/counter/counter-machine.js';
import { memoryCounters } from '../../src/durable-objects/counter/memory-counters.js';
import type {
  MemoryObjectNamespace,
  MemoryObjectNamespaceOptions,
  ObjectCall,
  ObjectFault,
} from '../../src/durable-objects/memory-object-namespace.js';
import type { ObjectHost } from '../../src/durable-objects/object-host.js';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import { seededRandom } from './seeded.js';
import { inVirtualTime } from './in-virtual-time.js';

export const START = Date.UTC(2026, 0, 1);

/** Counter objects in memory and clients of them, in time that passes when nothing else is left to do. */
export interface CounterWorld {
  readonly now: () => number;
  readonly namespace: MemoryObjectNamespace;
  readonly sink: RecordingSink;
  readonly counters: CounterClient;
  client<Shards extends number = 1>(options?: CounterClientOptions<Shards>): CounterClient<Shards>;
  sleep(ms: number): Promise<void>;
  /** How many timers are set. */
  timers(): number;
}

/** Runs a scenario to its end. Nothing may be left that waits. */
export function inCounterWorld<T>(
  scenario: (world: CounterWorld) => Promise<T>,
  options: MemoryObjectNamespaceOptions = {},
): Promise<T> {
  return inVirtualTime((time) => {
    const now = (): number => START + time.elapsed();
    const namespace = memoryCounters({ now, ...options });
    const sink = new RecordingSink();
    const random = seededRandom(1);
    let ids = 0;
    const client = <Shards extends number = 1>(more: CounterClientOptions<Shards> = {}): CounterClient<Shards> =>
      new CounterClient(namespace, { now, random, events: sink, newId: () => `id-${(ids += 1)}`, ...more });
    return scenario({
      now,
      namespace,
      sink,
      counters: client(),
      client,
      sleep: time.delay,
      timers: () => time.pending,
    });
  });
}

/** Faults with a probability, the same for the same seed. */
export function randomFaults(
  seed: number,
  probability: number,
  kinds: readonly ObjectFault[] = ['unavailable', 'lost-reply', 'reset', 'reset-after'],
): (call: ObjectCall) => ObjectFault | undefined {
  const random = seededRandom(seed);
  return () => (random() < probability ? kinds[Math.floor(random() * kinds.length)] : undefined);
}

/** A counter's object whose rows are counted as they are billed. */
export class CountedObject {
  readonly rows = new Map<string, unknown>();
  /** Rows written and deleted, and alarms set. */
  written = 0;
  alarms = 0;
  alarmAt: number | undefined;
  nowMs = START;
  machine: CounterMachine;

  constructor() {
    this.machine = this.#made();
  }

  /** Drops the memory. */
  evict(): void {
    this.machine = this.#made();
  }

  /** Lets time pass, and alarms fire when it is theirs. */
  advance(ms: number): void {
    const end = this.nowMs + ms;
    while (this.alarmAt !== undefined && this.alarmAt <= end) {
      this.nowMs = Math.max(this.nowMs, this.alarmAt);
      this.alarmAt = undefined;
      this.machine.alarm();
    }
    this.nowMs = end;
  }

  /** How many rows something writes. */
  writtenBy(act: () => void): number {
    const before = this.written;
    act();
    return this.written - before;
  }

  #made(): CounterMachine {
    const host: ObjectHost = {
      storage: {
        get: (key) => structuredClone(this.rows.get(key)),
        put: (key, value) => {
          this.written += 1;
          this.rows.set(key, structuredClone(value));
        },
        delete: (key) => {
          this.written += 1;
          return this.rows.delete(key);
        },
        list: ({ prefix, startAfter = '', limit }) =>
          [...this.rows]
            .filter(([key]) => key.startsWith(prefix) && key > startAfter)
            .sort(([one], [other]) => (one < other ? -1 : 1))
            .slice(0, limit)
            .map(([key, value]): [string, unknown] => [key, structuredClone(value)]),
      },
      now: () => this.nowMs,
      setAlarm: (at) => {
        this.written += 1;
        this.alarms += 1;
        this.alarmAt = at;
      },
      clear: () => {
        this.rows.clear();
        this.alarmAt = undefined;
      },
      setTimer: () => () => undefined,
    };
    return new CounterMachine(host);
  }
}
