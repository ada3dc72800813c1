import type { DependencyContainer } from 'tsyringe';
import type { EventSink } from '../events.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import type { OperationBudget } from '../clients/kv/operation-budget.js';
import { EVENT_SINK, EXECUTION_CONTEXT } from '../tokens/index.js';
import { OPERATION_BUDGET_PROVIDER } from './operation-budget.js';
import { resolveOptional, resolveOwn } from './request-scope.js';

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
  return resolveOwn(container, OPERATION_BUDGET_PROVIDER);
}

/** A client's options: those of its provider, and what its scope has. Mostly there are none of the former, and nothing is copied. */
export function withServices<Options extends object, Services extends object>(
  options: Options,
  services: Services,
): Options & Services {
  for (const _ in options) return { ...options, ...services };
  return services as Options & Services;
}
