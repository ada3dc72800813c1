/** What a fault can hit; bulk reads and reads with metadata are reads. */
export type MemoryKVOperation = 'get' | 'put' | 'delete' | 'list';

/** How often each operation was asked for, whether it succeeded or not. A bulk read counts once, as on the platform. */
export type MemoryKVCounts = Record<MemoryKVOperation, number>;

interface Fault {
  readonly operation: MemoryKVOperation | 'all';
  readonly error: Error | 'hang' | undefined;
  isOnce: boolean;
}

// A failed listing calls itself a GET, as workerd does.
const METHODS: Record<MemoryKVOperation, string> = { get: 'GET', put: 'PUT', delete: 'DELETE', list: 'GET' };

/** Which operations fail or hang next, and how many there were. */
export class KVFaults {
  readonly counts: MemoryKVCounts = { get: 0, put: 0, delete: 0, list: 0 };
  #faults: Fault[] = [];

  /** Adds a fault; without an error the platform's own text for a failure of its side. */
  add(fault: Fault): void {
    this.#faults.push(fault);
  }

  /** Removes every fault. */
  clear(): void {
    this.#faults = [];
  }

  /** Counts an operation, and fails or hangs if that was asked for. */
  async pass(operation: MemoryKVOperation): Promise<void> {
    this.counts[operation] += 1;
    const index = this.#faults.findIndex((fault) => fault.operation === operation || fault.operation === 'all');
    const fault = this.#faults[index];
    if (fault === undefined) return;
    if (fault.isOnce) this.#faults.splice(index, 1);
    if (fault.error === 'hang') return new Promise<never>(() => undefined);
    throw fault.error ?? new Error(`KV ${METHODS[operation]} failed: 500 Internal Server Error`);
  }
}
