import { KeyChanges } from './key-changes.js';
import { LoadToken } from './load-token.js';

const MAX_KEYS = 10_000;
const MAX_LOADS_PER_KEY = 1_000;
/** Workers end background work after 30 s: an older load has lost its request, and nothing will take it out. */
const MAX_LOAD_MS = 30_000;

/** The loads under way in an isolate, and the changes that they and the reads must not undo. It holds numbers and flags alone. */
export class LoadFence {
  readonly #loads = new Map<string, Set<LoadToken>>();
  /** Keys that were written, deleted or otherwise changed: what was being read may be from before. */
  readonly changes = new KeyChanges();
  /** Keys that were dropped or replaced on purpose: what was found before must not stand in for anything. */
  readonly drops = new KeyChanges();

  /** How many loads of a key are under way. */
  count(key: string): number {
    return this.#loads.get(key)?.size ?? 0;
  }

  /** Enters a load that begins now. */
  enter(key: string, now: number): LoadToken {
    const token = new LoadToken(now);
    const loads = this.#loads.get(key);
    if (loads === undefined) {
      if (this.#loads.size >= MAX_KEYS) this.#dropOldest(now);
      this.#loads.set(key, new Set([token]));
      return token;
    }
    if (loads.size >= MAX_LOADS_PER_KEY) dropOldest(loads, now);
    loads.add(token);
    return token;
  }

  /** Takes out a load that is over. */
  leave(key: string, token: LoadToken): void {
    const loads = this.#loads.get(key);
    loads?.delete(token);
    if (loads?.size === 0) this.#loads.delete(key);
  }

  /** A key is dropped or replaced: what is being loaded for it is not to be stored, and what is being read not to be kept. */
  supersede(key: string): void {
    for (const token of this.#loads.get(key) ?? []) token.isSuperseded = true;
    this.#loads.delete(key);
    this.changes.add(key);
    this.drops.add(key);
  }

  /** Any key may have been dropped. */
  supersedeAll(): void {
    this.changes.addAll();
    this.drops.addAll();
  }

  /** The keys under way that start with `prefix`. */
  keys(prefix: string): string[] {
    return [...this.#loads.keys()].filter((key) => key.startsWith(prefix));
  }

  #dropOldest(now: number): void {
    const [[key, loads] = ['', new Set<LoadToken>()]] = this.#loads;
    dropOldest(loads, now);
    // One that is dropped early is not stored, which is safe.
    for (const token of loads) token.isSuperseded = true;
    this.#loads.delete(key);
  }
}

/** Takes out the loads that have lost their requests, or else the oldest, which then is not stored. */
function dropOldest(loads: Set<LoadToken>, now: number): void {
  const before = loads.size;
  for (const token of loads) if (now - token.startedAt > MAX_LOAD_MS) loads.delete(token);
  if (loads.size < before) return;
  const [oldest] = loads;
  if (oldest === undefined) return;
  oldest.isSuperseded = true;
  loads.delete(oldest);
}
