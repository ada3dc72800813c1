import type { KVPlace, StoredValue } from './kv-place.js';
import { isExpired } from './kv-place.js';
import { platformError } from './kv-platform.js';
import type { KVVersions } from './kv-versions.js';

/** What a colo shares with the others. */
export interface ColoSettings {
  readonly name: string;
  readonly versions: KVVersions;
  readonly now: () => number;
  /** Seconds for which a read that asks for nothing else is content with a cached copy. */
  readonly cacheTtlSeconds: number;
  readonly isLimited: boolean;
  /** Told of each change that was made here. */
  readonly onChange: (key: string, value: StoredValue | undefined) => void;
}

interface Copy {
  /** `undefined`: nothing was there, which is cached as well. */
  readonly value: StoredValue | undefined;
  readonly at: number;
}

/** The cache of one colo before the one store. */
export class ColoPlace implements KVPlace {
  readonly now: () => number;
  readonly #settings: ColoSettings;
  readonly #copies = new Map<string, Copy>();
  /** Whether the store is out of reach. */
  isCutOff = false;

  constructor(settings: ColoSettings) {
    this.now = settings.now;
    this.#settings = settings;
  }

  /** The cached copy, if it is young enough for this read, whatever the one that made it asked for, and not expired. */
  read(key: string, cacheTtlSeconds = this.#settings.cacheTtlSeconds): StoredValue | undefined {
    const copy = this.#copies.get(key);
    if (copy !== undefined && this.#isGood(copy, cacheTtlSeconds)) return copy.value;
    this.#reach('GET');
    const value = this.#settings.versions.seenFrom(this.#settings.name, key);
    this.keep(key, value);
    return value;
  }

  /** Writes for all, unless the key was changed less than a second ago. */
  write(key: string, value: StoredValue): void {
    this.#change('PUT', key, value);
  }

  /** Deletes for all, unless the key was changed less than a second ago. */
  remove(key: string): void {
    this.#change('DELETE', key, undefined);
  }

  /** What has reached the listings of this colo; nothing of it is cached. */
  entries(): Iterable<readonly [string, StoredValue]> {
    this.#reach('GET');
    return this.#settings.versions.listedFrom(this.#settings.name);
  }

  /** Caches what a key holds now; `undefined` for nothing. */
  keep(key: string, value: StoredValue | undefined): void {
    this.#copies.set(key, { value, at: this.now() });
  }

  /** Drops the cached copy of a key, or all. */
  evict(key?: string): void {
    if (key === undefined) this.#copies.clear();
    else this.#copies.delete(key);
  }

  #isGood({ value, at }: Copy, cacheTtlSeconds: number): boolean {
    const now = this.now();
    return now - at < cacheTtlSeconds * 1000 && (value === undefined || !isExpired(value, now));
  }

  #change(method: 'PUT' | 'DELETE', key: string, value: StoredValue | undefined): void {
    const { versions, isLimited, name, onChange } = this.#settings;
    this.#reach(method);
    if (isLimited && this.now() - versions.lastChange(key) < 1000)
      throw platformError(method, 429, 'Too Many Requests');
    versions.change(key, value, name);
    onChange(key, value);
  }

  #reach(method: 'GET' | 'PUT' | 'DELETE'): void {
    if (this.isCutOff) throw platformError(method, 500, 'Internal Server Error');
  }
}
