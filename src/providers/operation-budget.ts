import { OperationBudget } from '../clients/kv/operation-budget.js';
import { OPERATION_BUDGET } from '../tokens/index.js';
import { provide } from './provider.js';
import type { Provider } from './provider.js';

/**
 * The budget that the KV clients of a scope share: every provider of such a client brings it along, and one of the app's
 * own for `OPERATION_BUDGET` after it takes its place.
 */
export const OPERATION_BUDGET_PROVIDER: Provider<OperationBudget> = {
  ...provide(OPERATION_BUDGET, () => new OperationBudget()),
  owned: false,
};
