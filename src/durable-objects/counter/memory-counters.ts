import { CounterMachine } from './counter-machine.js';
import { MemoryObjectNamespace } from '../memory-object-namespace.js';
import type { MemoryObjectNamespaceOptions } from '../memory-object-namespace.js';

/**
 * Counters in memory, for development and tests: the state machines of the real ones, in place of a binding. They know no other isolate and are
 * gone with their own.
 *
 * @param options clock, delay and faults.
 * @returns what `CounterClient` takes as a namespace.
 * @example
 * ```ts
 * const counters = new CounterClient(memoryCounters());
 * await counters.increment('views:intro');
 * ```
 */
export function memoryCounters(options: MemoryObjectNamespaceOptions = {}): MemoryObjectNamespace {
  return new MemoryObjectNamespace((host) => new CounterMachine(host), options);
}
