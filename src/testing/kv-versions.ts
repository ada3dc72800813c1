import type { StoredValue } from './kv-place.js';

/** A write or a delete of a key, on its way from the colo that it was made in to another, or to those who ask in the same colo. */
export interface KVHop {
  readonly key: string;
  readonly from: string;
  readonly to: string;
}

/** When changes reach those who ask for them. */
export interface KVSpread {
  /** Milliseconds after which a late change is seen by a read that has no cached copy. */
  readonly readLagMs: number;
  /** Milliseconds after which a late change is seen by a listing. */
  readonly listLagMs: number;
  /** Whether a change is late. */
  readonly isLate: (hop: KVHop) => boolean;
}

/** What a key held from a moment on; `undefined` for nothing. */
interface Version {
  readonly value: StoredValue | undefined;
  readonly at: number;
  readonly from: string;
  /** By colo, once it was asked: a change that is late stays late. */
  readonly late: Map<string, boolean>;
}

/** The one global store: what each key held lately, and which of it a colo can know. The last write wins, wherever it was made. */
export class KVVersions {
  readonly #spread: KVSpread;
  readonly #now: () => number;
  readonly #keys = new Map<string, Version[]>();

  constructor(now: () => number, spread: KVSpread) {
    this.#now = now;
    this.#spread = spread;
  }

  /** When the key was last written or deleted, in milliseconds since the epoch; `-Infinity` for never, or for long ago. */
  lastChange(key: string): number {
    return this.#keys.get(key)?.at(-1)?.at ?? -Infinity;
  }

  /** Writes, or with `undefined` deletes. */
  change(key: string, value: StoredValue | undefined, from: string): void {
    const now = this.#now();
    const versions = this.#keys.get(key) ?? [];
    versions.push({ value, at: now, from, late: new Map() });
    // What is older than what everybody sees is seen by nobody.
    const settled = versions.findLastIndex(({ at }) => at + this.#longestLagMs <= now);
    versions.splice(0, Math.max(0, settled));
    this.#keys.set(key, versions);
  }

  /** The newest value that there is. */
  latest(key: string): StoredValue | undefined {
    return this.#keys.get(key)?.at(-1)?.value;
  }

  /** What a read in a colo finds when nothing is cached there. */
  seenFrom(colo: string, key: string): StoredValue | undefined {
    return this.#seen(key, colo, this.#spread.readLagMs);
  }

  /** What a listing in a colo finds. */
  *listedFrom(colo: string): Generator<readonly [string, StoredValue]> {
    for (const key of this.#keys.keys()) {
      const value = this.#seen(key, colo, this.#spread.listLagMs);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Whether the newest change of a key is late in a colo. */
  isLate(key: string, colo: string): boolean {
    const newest = this.#keys.get(key)?.at(-1);
    return newest !== undefined && this.#isLate(newest, key, colo);
  }

  get #longestLagMs(): number {
    return Math.max(this.#spread.readLagMs, this.#spread.listLagMs);
  }

  #seen(key: string, colo: string, lagMs: number): StoredValue | undefined {
    const now = this.#now();
    const versions = this.#keys.get(key) ?? [];
    return versions.findLast((version) => version.at + lagMs <= now || !this.#isLate(version, key, colo))?.value;
  }

  #isLate(version: Version, key: string, to: string): boolean {
    let isLate = version.late.get(to);
    if (isLate === undefined) version.late.set(to, (isLate = this.#spread.isLate({ key, from: version.from, to })));
    return isLate;
  }
}
