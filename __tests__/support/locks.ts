import { LockClient } from '../../src/clients/durable/lock-client.js';
import type { LockClientOptions } from '../../src/clients/durable/lock-services.js';
import type { ObjectNamespaceLike } from '../../src/clients/durable/object-namespace.js';
import { memoryLocks } from '../../src/durable-objects/lock/memory-locks.js';
import type {
  MemoryObjectNamespace,
  MemoryObjectNamespaceOptions,
} from '../../src/durable-objects/memory-object-namespace.js';
import { RecordingSink } from '../../src/testing/recording-sink.js';
import { seededRandom } from './seeded.js';
import { inVirtualTime } from './in-virtual-time.js';
import type { VirtualTime } from './virtual-time.js';

export const START = Date.UTC(2026, 0, 1);

/** Lock objects in memory and clients of them, in time that passes when nothing else is left to do. */
export interface LockWorld {
  readonly time: VirtualTime;
  readonly now: () => number;
  readonly namespace: MemoryObjectNamespace;
  readonly sink: RecordingSink;
  readonly locks: LockClient;
  client(options?: LockClientOptions): LockClient;
  sleep(ms: number): Promise<void>;
}

/** Runs a scenario to its end. Nothing may be left that waits. */
export function inLockWorld<T>(
  scenario: (world: LockWorld) => Promise<T>,
  options: MemoryObjectNamespaceOptions = {},
): Promise<T> {
  return inVirtualTime((time) => {
    const now = (): number => START + time.elapsed();
    const namespace = memoryLocks({ now, ...options });
    const sink = new RecordingSink();
    const random = seededRandom(1);
    let ids = 0;
    const client = (more: LockClientOptions = {}): LockClient =>
      new LockClient(namespace, { now, random, events: sink, newId: () => `owner-${(ids += 1)}`, ...more });
    const world = { time, now, namespace, sink, locks: client(), client, sleep: time.delay };
    return scenario(world);
  });
}

/** The way to the objects of a world on which the answers of some methods take so many milliseconds. */
export function slowed(
  world: Pick<LockWorld, 'namespace' | 'sleep'>,
  answersMs: Readonly<Record<string, number>>,
): ObjectNamespaceLike {
  const get = (id: { name: string }): object => {
    const stub = world.namespace.get(id) as Record<string, (request: unknown) => Promise<unknown>>;
    return new Proxy(stub, {
      get: (_, method: string) => async (request: unknown) => {
        const answer = await stub[method]!(request);
        await world.sleep(answersMs[method] ?? 0);
        return answer;
      },
    });
  };
  return { idFromName: (name) => ({ name }), get };
}
