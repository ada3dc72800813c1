import { BlockCache } from './block-cache.js';
import { LeaseBook } from './lease-book.js';

const MAX_KEYS = 10_000;

/** Remembers under which keys something changed, the last 10,000: what was asked before and is answered after is from before. */
class ChangeLog {
  readonly #changedAt = new Map<string, number>();
  #count = 0;

  /** How many changes there were. */
  get count(): number {
    return this.#count;
  }

  add(key: string): void {
    this.#count += 1;
    if (!this.#changedAt.delete(key) && this.#changedAt.size >= MAX_KEYS) this.#dropOldest();
    this.#changedAt.set(key, this.#count);
  }

  /** Whether something under `key` changed after so many changes; also where there were too many since to tell. */
  hasSince(key: string, count: number): boolean {
    return this.#count - count >= MAX_KEYS || (this.#changedAt.get(key) ?? 0) > count;
  }

  #dropOldest(): void {
    for (const key of this.#changedAt.keys()) {
      this.#changedAt.delete(key);
      return;
    }
  }
}

/** How many changes there were when an object was asked. */
export interface Since {
  readonly changes: number;
  readonly endings: number;
}

/** What an isolate knows of the objects of one namespace. Plain data, so that requests share nothing that one of them would wait for. */
export class IsolateKnowledge {
  readonly blocks = new BlockCache();
  readonly leases = new LeaseBook();
  /** Whatever can let somebody in again: after those no refusal is known. */
  readonly #changes = new ChangeLog();
  /** Resets and blocks: after those no lease is good. A refund leaves it alone, as its units are still counted. */
  readonly #endings = new ChangeLog();

  /** What to hand to the questions below when the answer has come. */
  get now(): Since {
    return { changes: this.#changes.count, endings: this.#endings.count };
  }

  /** Forgets refusals, as somebody gets units back. */
  refund(key: string): void {
    this.#changes.add(key);
    this.blocks.forget(key);
  }

  /** Forgets everything, as a key is reset or blocked. */
  end(key: string): void {
    this.refund(key);
    this.#endings.add(key);
    this.leases.forget(key);
  }

  /** Whether a refusal that was asked for then may be remembered. */
  isRefusalGood(key: string, { changes }: Since): boolean {
    return !this.#changes.hasSince(key, changes);
  }

  /** Whether a lease that was asked for then may be spent. */
  isLeaseGood(key: string, { endings }: Since): boolean {
    return !this.#endings.hasSince(key, endings);
  }
}
