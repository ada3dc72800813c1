// Doubles that keep the platform's limits, and the contract that they share with it, for tests of your own.

export { MemoryObjectNamespace } from './durable-objects/memory-object-namespace.js';
export { counterContract } from './testing/counter-contract.js';
export { EventuallyConsistentKV } from './testing/eventually-consistent-kv.js';
export { ManualClock } from './testing/manual-clock.js';
export { MemoryKVNamespace } from './testing/memory-kv-namespace.js';
export { kvNamespaceContract } from './testing/kv-namespace-contract.js';
export { lockContract } from './testing/lock-contract.js';
export { r2ClientContract } from './testing/r2-contract.js';
export { rateLimitStoreContract } from './testing/rate-limit-contract.js';
export { provideMock } from './testing/provide-mock.js';
export { RecordingSink } from './testing/recording-sink.js';

export type {
  MemoryObjectNamespaceOptions,
  ObjectCall,
  ObjectFault,
} from './durable-objects/memory-object-namespace.js';
export type { ObjectHost, ObjectMachine, ObjectStorage } from './durable-objects/object-host.js';
export type { CounterContractCase, CounterContractClient } from './testing/counter-contract-expect.js';
export type { ColoKV } from './testing/colo-kv.js';
export type { EventuallyConsistentKVOptions } from './testing/eventually-consistent-kv.js';
export type { KVHop } from './testing/kv-versions.js';
export type { KVContractCase } from './testing/kv-namespace-contract.js';
export type { LockContractCase } from './testing/lock-contract.js';
export type { R2ContractCase, R2ContractClient } from './testing/r2-contract-expect.js';
export type {
  RateLimitContractCase,
  RateLimitContractSubject,
  RateLimitFeature,
} from './testing/rate-limit-contract.js';
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
