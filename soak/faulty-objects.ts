import type { FaultState } from './faults.js';

type Method = (...args: unknown[]) => Promise<unknown>;

/** A namespace whose stubs fail as their request's fault says, as the platform's do: the flags are on the error. */
export function faultyObjects<Namespace extends DurableObjectNamespace>(
  objects: Namespace,
  faults: FaultState,
): Namespace {
  const wrap = (stub: object): object =>
    new Proxy(stub, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof name !== 'string' || typeof value !== 'function') return value;
        return (...args: unknown[]) => call(target as Record<string, Method>, name, args, faults);
      },
    });
  return new Proxy(objects, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      const bound = (value as (...args: unknown[]) => object).bind(target);
      return name === 'get' || name === 'getByName' ? (...args: unknown[]) => wrap(bound(...args)) : bound;
    },
  });
}

async function call(stub: Record<string, Method>, name: string, args: unknown[], faults: FaultState): Promise<unknown> {
  if (faults.hits('object-retryable')) throw failure('Network connection lost.', { retryable: true });
  if (faults.hits('object-overloaded')) throw failure('Durable Object is overloaded.', { overloaded: true });
  if (faults.hits('object-down')) throw failure('Internal error in Durable Object storage.', {});
  // Not awaited: the call meets an object that is being reset, or one that starts anew.
  if (faults.hits('object-reset')) void stub['soakAbort']?.().catch(() => undefined);
  const answer = await stub[name]?.(...args);
  if (faults.hits('object-lost')) throw failure('Network connection lost.', { retryable: true });
  return answer;
}

function failure(message: string, flags: { readonly retryable?: boolean; readonly overloaded?: boolean }): Error {
  return Object.assign(new Error(message), { remote: true, ...flags });
}
