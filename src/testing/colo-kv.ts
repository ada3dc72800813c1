import type { ColoPlace } from './colo-place.js';
import { MemoryKVBinding } from './memory-kv-binding.js';

/** The namespace as one colo of an `EventuallyConsistentKV` sees it. */
export class ColoKV extends MemoryKVBinding {
  /** The name of the colo. */
  readonly name: string;
  readonly #place: ColoPlace;

  constructor(name: string, place: ColoPlace) {
    super(place);
    this.name = name;
    this.#place = place;
  }

  /** Cuts the colo off from the store: cached copies are still read, and all else fails with `500 Internal Server Error` until `heal`. */
  partition(): void {
    this.#place.isCutOff = true;
  }

  /** Ends all faults, and the partition. */
  override heal(): void {
    super.heal();
    this.#place.isCutOff = false;
  }

  /** Drops the cached copy of a key, or all: a colo may do so at any time. */
  evict(key?: string): void {
    this.#place.evict(key);
  }
}
