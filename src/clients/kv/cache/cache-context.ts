import type { ExecutionContextLike } from '../../../internal/execution-context.js';
import type { KVAccess } from '../kv-access.js';
import type { CacheReporter } from './cache-reporter.js';
import type { IsolateCache } from './isolate-cache.js';
import { isolateCacheOf } from './isolate-cache.js';
import type { MemoryTier } from './memory-tier.js';

/** What a context is made of. */
export interface CacheContextParts {
  readonly namespace: object;
  readonly access: KVAccess;
  readonly reporter: CacheReporter | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly waitUntil: ExecutionContextLike['waitUntil'] | undefined;
  readonly memory: MemoryTier | undefined;
}

/** What the parts of one client share: its namespace, its clock, and the ways out of its request. */
export class CacheContext {
  readonly namespace: object;
  readonly access: KVAccess;
  readonly reporter: CacheReporter | undefined;
  readonly now: () => number;
  readonly random: () => number;
  readonly memory: MemoryTier | undefined;
  readonly #waitUntil: ExecutionContextLike['waitUntil'] | undefined;
  #isolate: IsolateCache | undefined;

  constructor(parts: CacheContextParts) {
    this.namespace = parts.namespace;
    this.access = parts.access;
    this.reporter = parts.reporter;
    this.now = parts.now;
    this.random = parts.random;
    this.memory = parts.memory;
    this.#waitUntil = parts.waitUntil;
  }

  /** What the isolate knows about the namespace; looked up on first use, for most hits need none of it. */
  get isolate(): IsolateCache {
    return (this.#isolate ??= isolateCacheOf(this.namespace));
  }

  /** Whether work can go on after the response. */
  get hasBackground(): boolean {
    return this.#waitUntil !== undefined;
  }

  /** Keeps the request alive until `work` is done. Its rejection is nobody's: it was reported where it happened. */
  hold(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    try {
      this.#waitUntil?.(settled);
    } catch {
      // The request is over. What was started goes on for as long as the runtime lets it; there is nobody left to tell.
    }
  }
}
