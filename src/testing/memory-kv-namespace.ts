import { platformError } from './kv-platform.js';
import type { KVPlace, StoredValue } from './kv-place.js';
import { MemoryKVBinding } from './memory-kv-binding.js';

/** Options of `MemoryKVNamespace`. */
export interface MemoryKVNamespaceOptions {
  /**
   * The clock, in milliseconds since the epoch.
   *
   * @default Date.now
   */
  readonly now?: () => number;
  /**
   * Whether a second write to a key within a second is answered with 429, as on the platform but not in Miniflare.
   *
   * @default false
   */
  readonly writesPerSecondPerKey?: boolean;
}

/**
 * A KV namespace in memory that refuses what the platform refuses, in its words, and can be made to fail. It is strongly
 * consistent, as Miniflare is. Use it in place of a binding in tests.
 *
 * @example
 * ```ts
 * const kv = new MemoryKVNamespace();
 * kv.failNext('get');
 * await new CacheClient(kv).get('cache:content:featured'); // null: a failing KV is a miss
 * ```
 */
export class MemoryKVNamespace extends MemoryKVBinding {
  constructor({ now = Date.now, writesPerSecondPerKey = false }: MemoryKVNamespaceOptions = {}) {
    super(new SinglePlace(now, writesPerSecondPerKey));
  }
}

/** One copy of everything, which every read sees. */
class SinglePlace implements KVPlace {
  readonly now: () => number;
  readonly #isLimited: boolean;
  readonly #values = new Map<string, StoredValue & { readonly writtenAt: number }>();

  constructor(now: () => number, isLimited: boolean) {
    this.now = now;
    this.#isLimited = isLimited;
  }

  read(name: string): StoredValue | undefined {
    return this.#values.get(name);
  }

  write(name: string, value: StoredValue): void {
    const writtenAt = this.now();
    const last = this.#values.get(name)?.writtenAt ?? -Infinity;
    if (this.#isLimited && writtenAt - last < 1000) throw platformError('PUT', 429, 'Too Many Requests');
    this.#values.set(name, { ...value, writtenAt });
  }

  remove(name: string): void {
    this.#values.delete(name);
  }

  entries(): Iterable<readonly [string, StoredValue]> {
    return this.#values;
  }
}
