import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import { kvListCases } from './kv-contract-lists.js';
import { kvReadCases } from './kv-contract-reads.js';
import { kvWriteCases } from './kv-contract-writes.js';

/** One behaviour that every KV namespace has. */
export interface KVContractCase {
  /** A sentence, unique in the list. */
  readonly name: string;
  /** Runs on a namespace that may hold other keys; throws when it does not behave so. */
  run(kv: KVNamespaceLike): Promise<void>;
}

/**
 * How a KV namespace behaves, as cases for any test framework: the same run on `MemoryKVNamespace` and inside workerd. They use
 * keys that begin with `contract:`, and a few that cannot. Time does not pass in them.
 *
 * @example
 * ```ts
 * test.each(kvNamespaceContract)('$name', ({ run }) => run(new MemoryKVNamespace()));
 * ```
 */
export const kvNamespaceContract: readonly KVContractCase[] = [...kvReadCases, ...kvWriteCases, ...kvListCases];
