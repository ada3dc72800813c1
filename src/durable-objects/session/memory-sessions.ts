import { MemoryObjectNamespace } from '../memory-object-namespace.js';
import type { MemoryObjectNamespaceOptions } from '../memory-object-namespace.js';
import { SessionMachine } from './session-machine.js';

/**
 * Session objects in memory, for development and tests: in place of `env.SESSIONS`, with the state machine of the real ones. They are gone when
 * the process ends, and other processes do not see them.
 *
 * @param options clock, timers and faults.
 * @returns a namespace.
 */
export function memorySessions(options?: MemoryObjectNamespaceOptions): MemoryObjectNamespace {
  return new MemoryObjectNamespace((host) => new SessionMachine(host), options);
}
