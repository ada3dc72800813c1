// Doubles that keep the platform's limits, and the contract that they share with it, for tests of your own.

export { MemoryObjectNamespace } from './durable-objects/memory-object-namespace.js';
export { ManualClock } from './testing/manual-clock.js';
export { MemoryKVNamespace } from './testing/memory-kv-namespace.js';
export { kvNamespaceContract } from './testing/kv-namespace-contract.js';
export { lockContract } from './testing/lock-contract.js';
export { r2ClientContract } from './testing/r2-contract.js';
export { provideMock } from './testing/provide-mock.js';
export { RecordingSink } from './testing/recording-sink.js';

export type {
  MemoryObjectNamespaceOptions,
  ObjectCall,
  ObjectFault,
} from './durable-objects/memory-object-namespace.js';
export type { ObjectHost, ObjectMachine, ObjectStorage } from './durable-objects/object-host.js';
export type { KVContractCase } from './testing/kv-namespace-contract.js';
export type { LockContractCase } from './testing/lock-contract.js';
export type { R2ContractCase, R2ContractClient } from './testing/r2-contract-expect.js';
export type { MemoryKVCounts, MemoryKVOperation } from './testing/kv-faults.js';
export type { MemoryKVNamespaceOptions } from './testing/memory-kv-namespace.js';
export type {
  MemoryKVEntry,
  MemoryKVGet,
  MemoryKVGetOptions,
  MemoryKVGetWithMetadata,
  MemoryKVListKey,
  MemoryKVListResult,
} from './testing/memory-kv-types.js';
