import type { CacheTier } from '../../../events.js';
import type { KVEntryLike } from '../kv-namespace.js';
import type { CacheContext } from './cache-context.js';

/** An entry that is at hand. */
export interface NearEntry {
  readonly entry: KVEntryLike;
  readonly tier: CacheTier;
}

/** What a client has at hand before KV is asked: what it read itself, and the memory of the isolate. Texts, never objects. */
export class Tiers {
  readonly #context: CacheContext;
  readonly #memo: Map<string, KVEntryLike> | undefined;
  /** Whether there are any. */
  readonly isEmpty: boolean;

  constructor(context: CacheContext, hasMemo: boolean) {
    this.#context = context;
    this.#memo = hasMemo ? new Map() : undefined;
    this.isEmpty = this.#memo === undefined && context.memory === undefined;
  }

  /** What is at hand for `key`. */
  find(key: string): NearEntry | undefined {
    const own = this.#memo?.get(key);
    if (own !== undefined) return { entry: own, tier: 'memo' };
    const { memory, namespace, now } = this.#context;
    const held = memory?.get(namespace, key, now());
    return held === undefined ? undefined : { entry: held, tier: 'memory' };
  }

  /** Keeps what a read found that began after so many changes, unless the key changed since. */
  keep(key: string, entry: KVEntryLike, changesAtStart: number): void {
    if (this.isEmpty || this.#context.isolate.fence.changes.hasSince(changesAtStart, key)) return;
    this.put(key, entry);
  }

  /** Keeps what was stored. */
  put(key: string, entry: KVEntryLike): void {
    const { memory, namespace, now } = this.#context;
    this.#memo?.set(key, entry);
    memory?.set(namespace, key, entry, now());
  }

  /** Drops a key. */
  drop(key: string): void {
    this.#memo?.delete(key);
    this.#context.memory?.delete(this.#context.namespace, key);
  }

  /** Drops every key that starts with `prefix`. */
  dropPrefix(prefix: string): void {
    for (const key of this.#memo?.keys() ?? []) if (key.startsWith(prefix)) this.#memo?.delete(key);
    this.#context.memory?.deletePrefix(this.#context.namespace, prefix);
  }
}
