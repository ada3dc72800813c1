import { LoadToken } from './load-token.js';

const MAX_KEYS = 10_000;
const MAX_LOADS_PER_KEY = 1_000;
/** Workers end background work after 30 s: an older load has lost its request, and nothing will take it out. */
const MAX_LOAD_MS = 30_000;

/** The loads under way in an isolate, and the changes that they and the reads must not undo. It holds numbers and flags alone. */
export class LoadFence {
  readonly #loads = new Map<string, Set<LoadToken>>();
  readonly #changedAt = new Map<string, number>();
  /** The change up to which keys that are not in the map count as changed. */
  #floor = 0;
  #changes = 0;

  /** How many changes there were so far. */
  get changes(): number {
    return this.#changes;
  }

  /** How many loads of a key are under way. */
  count(key: string): number {
    return this.#loads.get(key)?.size ?? 0;
  }

  /** Whether `key` changed after the given number of changes. */
  hasChangedSince(changes: number, key: string): boolean {
    return Math.max(this.#changedAt.get(key) ?? 0, this.#floor) > changes;
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

  /** A key changes: what is being loaded for it is not to be stored, and what is being read not to be kept. */
  supersede(key: string): void {
    for (const token of this.#loads.get(key) ?? []) token.isSuperseded = true;
    this.#loads.delete(key);
    this.change(key);
  }

  /** A key has changed: what is being read for it may be from before. */
  change(key: string): void {
    this.#changes += 1;
    this.#changedAt.delete(key);
    if (this.#changedAt.size >= MAX_KEYS) {
      const [oldest = ['', 0]] = this.#changedAt;
      this.#floor = Math.max(this.#floor, oldest[1]);
      this.#changedAt.delete(oldest[0]);
    }
    this.#changedAt.set(key, this.#changes);
  }

  /** Any key may have changed. */
  changeAll(): void {
    this.#changes += 1;
    this.#floor = this.#changes;
    this.#changedAt.clear();
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
