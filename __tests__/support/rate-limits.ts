import type { MemoryObjectNamespace } from '../../src/durable-objects/memory-object-namespace.js';
import type { RateLimitBindingLike } from '../../src/clients/rate-limit/binding-rate-limit-store.js';

/** Rate-limit objects in memory. */
export { memoryRateLimits as limiterObjects } from '../../src/durable-objects/rate-limit/memory-rate-limits.js';

/** The same objects as another isolate sees them: another binding. */
export function anotherIsolate(namespace: MemoryObjectNamespace) {
  return {
    idFromName: (name: string) => namespace.idFromName(name),
    get: (id: { readonly name: string }) => namespace.get(id),
  };
}

/** A rate-limit binding as Miniflare's: windows aligned to the clock. */
export class FakeRateLimitBinding implements RateLimitBindingLike {
  calls = 0;
  #answer: 'counts' | 'fails' | 'hangs' = 'counts';
  readonly #counts = new Map<string, number>();

  constructor(
    readonly rule: { readonly limit: number; readonly period: number },
    readonly now: () => number,
  ) {}

  limit = async ({ key }: { key: string }): Promise<{ success: boolean }> => {
    this.calls += 1;
    if (this.#answer === 'fails') throw new Error('internal error');
    if (this.#answer === 'hangs') return new Promise(() => undefined);
    const slot = `${key} ${Math.floor(this.now() / (this.rule.period * 1000))}`;
    const count = (this.#counts.get(slot) ?? 0) + 1;
    this.#counts.set(slot, count);
    return { success: count <= this.rule.limit };
  };

  fail(): void {
    this.#answer = 'fails';
  }

  hang(): void {
    this.#answer = 'hangs';
  }
}

/** The ids op-1, op-2, ... */
export function countedIds(): () => string {
  let made = 0;
  return () => `op-${(made += 1)}`;
}
