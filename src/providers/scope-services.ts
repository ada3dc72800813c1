import type { DependencyContainer } from 'tsyringe';
import type { EventSink } from '../events.js';
import type { ExecutionContextLike } from '../internal/execution-context.js';
import { EVENT_SINK, EXECUTION_CONTEXT } from '../tokens/index.js';

/** The event sink of a scope, where there is one. */
export function eventsOf(container: DependencyContainer): EventSink | undefined {
  return container.isRegistered(EVENT_SINK, true) ? container.resolve(EVENT_SINK) : undefined;
}

/** `waitUntil` of a scope's execution context, bound to it, where there is one. */
export function waitUntilOf(container: DependencyContainer): ExecutionContextLike['waitUntil'] | undefined {
  if (!container.isRegistered(EXECUTION_CONTEXT, true)) return undefined;
  const context = container.resolve(EXECUTION_CONTEXT);
  return (promise) => context.waitUntil(promise);
}
