import type { DependencyContainer } from 'tsyringe';
import type { EventSink } from '../events.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import type { OperationBudget } from '../clients/kv/operation-budget.js';
import { EVENT_SINK, EXECUTION_CONTEXT, OPERATION_BUDGET } from '../tokens/index.js';
import { resolveOptional } from './request-scope.js';

/** The event sink of a scope, where there is one. */
export function eventsOf(container: DependencyContainer): EventSink | undefined {
  return resolveOptional(container, EVENT_SINK);
}

/** `waitUntil` of a scope's execution context, bound to it, where there is one. */
export function waitUntilOf(container: DependencyContainer): ExecutionContextLike['waitUntil'] | undefined {
  const context = resolveOptional(container, EXECUTION_CONTEXT);
  return context === undefined ? undefined : (promise) => context.waitUntil(promise);
}

/** The KV operations that the clients of a scope share, where they are counted. */
export function budgetOf(container: DependencyContainer): OperationBudget | undefined {
  return resolveOptional(container, OPERATION_BUDGET);
}
