import { MemoryObjectNamespace } from '../memory-object-namespace.js';
import type { MemoryObjectNamespaceOptions } from '../memory-object-namespace.js';
import { LockMachine } from './lock-machine.js';

/**
 * Lock objects in memory, for development and tests: what `env.LOCKS` is in production. They exclude one another within this
 * process alone.
 *
 * @param options clock, timers and faults.
 * @returns a namespace for `new LockClient(...)` or for an `env`.
 * @example
 * ```ts
 * const locks = new LockClient(memoryLocks());
 * ```
 */
export function memoryLocks(options: MemoryObjectNamespaceOptions = {}): MemoryObjectNamespace {
  return new MemoryObjectNamespace((host) => new LockMachine(host), options);
}
