import { KVAccess } from '../clients/kv/kv-access.js';
import type { KVNamespaceLike } from '../clients/kv/kv-namespace.js';
import type { OperationBudget } from '../clients/kv/operation-budget.js';
import type { EventSink, EventSource } from '../events.js';

/** Options that every adapter takes. */
export interface AdapterOptions {
  /**
   * Milliseconds after which an unanswered KV operation is given up, above 0 and at most 2,147,483,647.
   *
   * @default 2_000 for cachified and Keyv, 10_000 for unstorage
   */
  readonly timeoutMs?: number;
  /** Where failures that the caller does not see, and large values, are reported. Without it nothing is built or sent. */
  readonly events?: EventSink | undefined;
  /** The operations that all clients of a request share; without it there is no bound but KV's own. */
  readonly budget?: OperationBudget | undefined;
}

/** What becomes of a read that KV fails or does not answer: a miss with an event, or a coded error. */
export type ReadErrors = 'miss' | 'throw';

/** The namespace as an adapter reaches it. */
export function openAccess(
  namespace: KVNamespaceLike,
  source: EventSource,
  { timeoutMs, events, budget }: AdapterOptions,
  defaultTimeoutMs: number,
): KVAccess {
  return new KVAccess(namespace, { source, timeoutMs: timeoutMs ?? defaultTimeoutMs, events, budget });
}
